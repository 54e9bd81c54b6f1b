// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/model/llama_model.h"
#include "worker/serve/accelerator.h"

namespace altlas::compute {

enum class StepWork {
  kTraining,  // forward, backward, AdamW: the state of a running training
  kServing,   // as many sequences as the batch says, each with its whole KV cache, and a token for each
};
Result<StepWork> ParseStepWork(std::string_view name);  // "training", "serving"

struct StepModel {
  std::filesystem::path folder;
  StepWork work = StepWork::kTraining;
  serve::AcceleratorKind accelerator = serve::AcceleratorKind::kCpu;
  std::string dtype = "float32";  // training takes float32 alone
};

// A language model of a Hugging Face folder whose steps are run to see what they take. The inputs are random
// tokens: neither memory nor time depends on them. Owns the model and, for training, the optimizer's two
// averages. One thread.
class ModelStep {
 public:
  // Blocks for as long as reading takes. Errors: as LoadLanguageModel; kUnsupported for training in another
  // dtype.
  static Result<std::unique_ptr<ModelStep>> Load(const StepModel& which);

  // One step of `batch` samples of `length` tokens each. kTooLarge where the memory did not suffice;
  // kInvalidArgument for a length past the model's context. Blocks for the computation.
  Status Run(std::uint64_t batch, std::int64_t length);

  const model::LanguageModelInfo& info() const { return model_->info(); }

 private:
  ModelStep(StepWork work, std::unique_ptr<model::LlamaModel> model);
  Status RunThrowing(std::uint64_t batch, std::int64_t length);
  void Train(std::int64_t batch, std::int64_t length);
  Status Serve(std::int64_t batch, std::int64_t length);
  void StepWeights();

  const StepWork work_;
  const std::unique_ptr<model::LlamaModel> model_;
  std::vector<at::Tensor> first_, second_;  // AdamW's
};

}  // namespace altlas::compute
