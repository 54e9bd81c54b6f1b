// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "text/tokenizer.h"
#include "worker/model/embedding_model.h"
#include "worker/serve/vector_model.h"

namespace altlas::serve {

// An EmbeddingModel of worker/model, as the engine sees it.
class TorchVectorModel final : public VectorModel {
 public:
  // `max_context` in tokens; 0: what the model has.
  TorchVectorModel(std::unique_ptr<model::EmbeddingModel> model, std::int64_t max_context);
  const VectorModelInfo& info() const override { return info_; }
  Result<std::vector<std::vector<float>>> Embed(
      std::span<const std::span<const std::uint32_t>> texts) override;

 private:
  const std::unique_ptr<model::EmbeddingModel> model_;
  VectorModelInfo info_;
};

// The tokenizer of a model's folder, with the special tokens that its template puts around a text.
class TokenizerPassages final : public PassageCodec {
 public:
  explicit TokenizerPassages(std::unique_ptr<const text::Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}
  Result<EncodedText> Encode(std::string_view text, std::int64_t limit) const override;

 private:
  const std::unique_ptr<const text::Tokenizer> tokenizer_;
};

}  // namespace altlas::serve
