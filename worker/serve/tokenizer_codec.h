// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "text/tokenizer.h"
#include "worker/serve/token_model.h"

namespace altlas::serve {

// The tokenizer of a model's folder, as the batching engine sees it: prompts get the special tokens that the
// folder's template puts around them, special tokens are left out of the text.
class TokenizerCodec final : public TextCodec {
 public:
  explicit TokenizerCodec(std::unique_ptr<const text::Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}
  Result<std::vector<std::uint32_t>> Encode(std::string_view text) const override;
  // The codec must outlive the stream.
  std::unique_ptr<TextStream> NewStream() const override;
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  const std::unique_ptr<const text::Tokenizer> tokenizer_;
};

}  // namespace altlas::serve
