// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "worker/model/cpu_kernels.h"
#include "worker/model/language_model.h"
#include "worker/model/llama_config.h"
#include "worker/model/llama_weights.h"
#include "worker/model/load.h"
#include "worker/model/rope.h"

namespace altlas::model {

// The Llama family (Llama, Qwen2 with its biases, Mistral with its window) behind LanguageModel. Two ways to
// compute the same: on the CPU in float32 the loops of CpuKernels, without allocations once its buffers have
// grown to the largest step; for other dtypes and devices ATen's operations.
class LlamaModel final : public LanguageModel {
 public:
  // Takes the weights as they are. `kernels` null: ATen's way everywhere.
  LlamaModel(LlamaConfig config, LlamaWeights weights, std::string name,
             const CpuKernels* kernels = &BestCpuKernels());

  // LoadLanguageModel for this family alone, with a choice of loops. Errors: as there.
  static Result<std::unique_ptr<LlamaModel>> Load(const std::filesystem::path& folder,
                                                  const LoadOptions& options,
                                                  const CpuKernels* kernels = &BestCpuKernels());

  const LanguageModelInfo& info() const override { return info_; }
  const LlamaConfig& config() const { return config_; }
  // For training: to ask for their gradients and to step them. Not while Forward runs.
  LlamaWeights& weights() { return weights_; }
  Result<at::Tensor> Forward(const StepBatch& batch, KvCache& cache) override;

  // Logits [B, T, vocab] of texts [B, T] from position 0, differentiable where the weights are; no cache.
  at::Tensor ForwardTrain(const at::Tensor& tokens) const {
    return LlamaForwardTrain(config_, weights_, tokens);
  }

 private:
  // Room for one step of the CPU loops; grows, never shrinks.
  struct Scratch {
    std::vector<float> x, normed, qkv, mixed, inner, cos, sin;
    std::vector<std::vector<float>> scores;  // one per thread
    std::vector<std::int64_t> positions, slots;
  };

  Status Check(const StepBatch& batch, const KvCache& cache) const;
  void Place(const StepBatch& batch);  // fills positions, slots and angles
  at::Tensor& Logits(std::int64_t rows);
  at::Tensor ForwardCpu(const StepBatch& batch, KvCache& cache);
  void AttendCpu(std::size_t layer, std::int64_t tokens, KvCache& cache);
  void StoreCpu(std::size_t layer, std::int64_t tokens, KvCache& cache);
  void ProjectCpu(const std::vector<float>& in, std::int64_t tokens, const at::Tensor& weight,
                  const at::Tensor& bias, bool add, float* out);
  void GateCpu(const LlamaLayerWeights& layer, std::int64_t tokens);
  at::Tensor ForwardAten(const StepBatch& batch, KvCache& cache);
  at::Tensor AttendAten(const StepBatch& batch, std::size_t layer, const at::Tensor& qkv, KvCache& cache,
                        const at::Tensor& cos, const at::Tensor& sin) const;

  LlamaConfig config_;
  LlamaWeights weights_;
  LanguageModelInfo info_;
  Rope rope_;
  const CpuKernels* kernels_;
  Scratch scratch_;
  at::Tensor logits_;
};

}  // namespace altlas::model
