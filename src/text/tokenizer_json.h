// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/word_piece.h"

namespace altlas::text {

// A tokenizer.json as values. Sequences are flattened into their steps.
struct TokenizerSpec {
  std::variant<BpeSpec, WordPieceSpec> model;
  std::vector<AddedToken> added_tokens;
  std::vector<NormalizerSpec> normalizer;
  std::vector<PreTokenizerSpec> pre_tokenizer;
  std::vector<PostProcessorSpec> post_processor;
  std::vector<DecoderSpec> decoder;
  bool has_decoder = false;
};

// Checks every type and range; memory stays within a small multiple of the file, whatever it holds.
// kTooLarge, kCorrupt, kUnsupported, each naming the field.
Result<TokenizerSpec> ReadTokenizerJson(std::string_view json);

}  // namespace altlas::text
