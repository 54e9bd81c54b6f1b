// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/torch_token_model.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

namespace altlas::serve {

TorchTokenModel::TorchTokenModel(std::unique_ptr<model::LanguageModel> model, model::KvCache cache)
    : model_(std::move(model)), cache_(std::move(cache)) {
  const auto& info = model_->info();
  info_.vocab_size = info.vocab_size;
  info_.context_length = std::min(info.context_length, cache_.max_tokens());
  info_.slots = static_cast<int>(cache_.slots());
  auto& sampling = info_.default_sampling;
  sampling.temperature = info.sampling.temperature;
  sampling.top_k = static_cast<int>(std::min<std::int64_t>(info.sampling.top_k, info.vocab_size));
  sampling.top_p = info.sampling.top_p;
  sampling.min_p = info.sampling.min_p;
  sampling.repetition_penalty = info.sampling.repetition_penalty;
  for (const auto id : info.eos_ids) {
    if (id >= 0 && id < info.vocab_size) info_.end_ids.push_back(static_cast<std::uint32_t>(id));
  }
}

Status TorchTokenModel::Forward(std::span<const SequenceSlice> slices,
                                std::vector<std::span<float>>& logits) {
  batch_.tokens.clear();
  batch_.slices.clear();
  for (const auto& slice : slices) {
    for (const auto id : slice.tokens) batch_.tokens.push_back(static_cast<std::int64_t>(id));
    batch_.slices.push_back(
        {slice.slot, slice.position, static_cast<std::int64_t>(slice.tokens.size()), slice.want_logits});
  }
  try {
    return ForwardThrowing(logits);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, "libtorch failed: {}", error.what());
  }
}

Status TorchTokenModel::ForwardThrowing(std::vector<std::span<float>>& logits) {
  const c10::InferenceMode guard;
  logits.clear();
  ALTLAS_TRY(logits_, model_->Forward(batch_, cache_));
  logits_ = logits_.contiguous();
  const auto wanted =
      std::count_if(batch_.slices.begin(), batch_.slices.end(), [](const auto& s) { return s.want_logits; });
  if (wanted == 0) return {};
  if (logits_.dim() != 2 || logits_.size(0) != wanted || logits_.size(1) != info_.vocab_size) {
    return Fail(ErrorCode::kInternal, "the model gave logits of {} values for {} rows of {}", logits_.numel(),
                wanted, info_.vocab_size);
  }
  float* row = logits_.data_ptr<float>();
  for (std::int64_t i = 0; i < wanted; ++i, row += info_.vocab_size) {
    logits.emplace_back(row, static_cast<std::size_t>(info_.vocab_size));
  }
  return {};
}

}  // namespace altlas::serve
