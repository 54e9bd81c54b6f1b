// SPDX-License-Identifier: Apache-2.0
#include "worker/model/llama_model.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <set>

namespace altlas::model {
namespace {

LanguageModelInfo MakeInfo(const LlamaConfig& config, LlamaWeights& weights, std::string name) {
  LanguageModelInfo info;
  info.name = std::move(name);
  info.architecture = config.architecture;
  info.vocab_size = config.vocab_size;
  info.context_length = config.context_length;
  info.layers = config.layers;
  info.heads = config.heads;
  info.kv_heads = config.kv_heads;
  info.head_dim = config.head_dim;
  const bool all = std::all_of(config.layer_windows.begin(), config.layer_windows.end(),
                               [](std::int64_t w) { return w > 0; });
  info.sliding_window = all ? config.sliding_window : 0;
  info.bos_ids = config.bos_ids;
  info.eos_ids = config.eos_ids;
  info.sampling = config.sampling;
  info.dtype = weights.embedding.scalar_type();
  info.device = weights.embedding.device();
  info.kv_bytes_per_token =
      2 * config.layers * config.kv_size() * static_cast<std::int64_t>(c10::elementSize(info.dtype));
  for (const at::Tensor* one : weights.Parameters()) {
    info.parameter_count += one->numel();
    info.weight_bytes += static_cast<std::int64_t>(one->nbytes());
  }
  return info;
}

}  // namespace

LlamaModel::LlamaModel(LlamaConfig config, LlamaWeights weights, std::string name, const CpuKernels* kernels)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      info_(MakeInfo(config_, weights_, std::move(name))),
      rope_(config_),
      kernels_(info_.dtype == at::kFloat && info_.device.is_cpu() ? kernels : nullptr) {
  config_.layer_windows.resize(static_cast<std::size_t>(config_.layers), 0);
}

Result<at::Tensor> LlamaModel::Forward(const StepBatch& batch, KvCache& cache) {
  ALTLAS_TRY_VOID(Check(batch, cache));
  try {
    const c10::InferenceMode inference;
    return kernels_ != nullptr ? ForwardCpu(batch, cache) : ForwardAten(batch, cache);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, "a step of {} over {} tokens failed: {}", info_.name,
                batch.tokens.size(), error.what());
  }
}

Status LlamaModel::Check(const StepBatch& batch, const KvCache& cache) const {
  if (static_cast<std::int64_t>(cache.layers()) != config_.layers || cache.kv_heads() != config_.kv_heads ||
      cache.head_dim() != config_.head_dim) {
    return Fail(ErrorCode::kInvalidArgument, "the KV cache was made for another model than {}", info_.name);
  }
  std::int64_t total = 0;
  std::set<std::int64_t> slots;
  for (const StepSlice& slice : batch.slices) {
    if (slice.slot < 0 || slice.slot >= cache.slots() || !slots.insert(slice.slot).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  "slot {} is not one of the cache's {} or occurs twice in a step", slice.slot,
                  cache.slots());
    }
    const std::int64_t room = std::min(cache.max_tokens(), info_.context_length);
    if (slice.count < 1 || slice.start_position < 0 || slice.start_position > room ||
        slice.count > room - slice.start_position) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{} tokens from position {} do not fit the {} positions of a sequence", slice.count,
                  slice.start_position, room);
    }
    total += slice.count;
  }
  if (total == 0 || total != static_cast<std::int64_t>(batch.tokens.size())) {
    return Fail(ErrorCode::kInvalidArgument, "a step's slices hold {} tokens, the step {}", total,
                batch.tokens.size());
  }
  for (const std::int64_t token : batch.tokens) {
    if (token < 0 || token >= info_.vocab_size) {
      return Fail(ErrorCode::kInvalidArgument, "token {} is outside the vocabulary of {}", token,
                  info_.vocab_size);
    }
  }
  return {};
}

void LlamaModel::Place(const StepBatch& batch) {
  const std::size_t tokens = batch.tokens.size();
  const auto half = static_cast<std::size_t>(rope_.half());
  scratch_.positions.clear();
  scratch_.slots.clear();
  for (const StepSlice& slice : batch.slices) {
    for (std::int64_t i = 0; i < slice.count; ++i) {
      scratch_.positions.push_back(slice.start_position + i);
      scratch_.slots.push_back(slice.slot);
    }
  }
  if (scratch_.cos.size() < tokens * half) {
    scratch_.cos.resize(tokens * half);
    scratch_.sin.resize(tokens * half);
  }
  for (std::size_t t = 0; t < tokens; ++t) {
    rope_.Angles(scratch_.positions[t], scratch_.cos.data() + t * half, scratch_.sin.data() + t * half);
  }
}

at::Tensor& LlamaModel::Logits(std::int64_t rows) {
  if (!logits_.defined() || logits_.size(0) < rows) logits_ = at::empty({rows, info_.vocab_size}, at::kFloat);
  return logits_;
}

}  // namespace altlas::model
