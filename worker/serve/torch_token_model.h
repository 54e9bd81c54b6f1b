// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "worker/model/language_model.h"
#include "worker/serve/token_model.h"

namespace altlas::serve {

// A language model on libtorch with its KV cache, as the batching engine sees it. Owns both.
class TorchTokenModel final : public TokenModel {
 public:
  TorchTokenModel(std::unique_ptr<model::LanguageModel> model, model::KvCache cache);
  const TokenModelInfo& info() const override { return info_; }
  // Whatever libtorch throws comes back as kInternal.
  Status Forward(std::span<const SequenceSlice> slices, std::vector<std::span<float>>& logits) override;
  void Release(int slot) override {}  // a slot has no state of its own

 private:
  Status ForwardThrowing(std::vector<std::span<float>>& logits);

  const std::unique_ptr<model::LanguageModel> model_;
  model::KvCache cache_;
  TokenModelInfo info_;
  model::StepBatch batch_;  // kept for its memory
  at::Tensor logits_;       // keeps the rows alive until the next step
};

}  // namespace altlas::serve
