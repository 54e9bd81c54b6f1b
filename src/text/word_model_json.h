// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <variant>

#include "text/bpe.h"
#include "text/json_fields.h"
#include "text/word_piece.h"

namespace altlas::text {

inline constexpr TokenId kMaxId = (1 << 24) - 1;

using WordModelSpec = std::variant<BpeSpec, WordPieceSpec>;

// "model" of a tokenizer.json. kCorrupt, kUnsupported, each naming the field.
Result<WordModelSpec> ReadWordModel(const Fields& root);

}  // namespace altlas::text
