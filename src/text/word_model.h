// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace altlas::text {

// A token of a word, with the bytes of the word that it covers.
struct WordToken {
  TokenId id = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The "model" of a tokenizer.json: a vocabulary, and how one word becomes tokens of it. Implementations:
// BpeModel, WordPieceModel. Immutable and thread-safe once made.
class WordModel {
 public:
  virtual ~WordModel() = default;
  // Appends the tokens of one word (valid UTF-8). kInvalidArgument where the unknown token is needed and is
  // not in the vocabulary.
  virtual Status Tokenize(std::string_view word, std::vector<WordToken>& out) const = 0;
  virtual std::size_t size() const = 0;
  virtual std::optional<TokenId> IdOf(std::string_view token) const = 0;
  // Null for an id that is not in the vocabulary. Points into the model.
  virtual const std::string* TokenOf(TokenId id) const = 0;
  virtual TokenId largest_id() const = 0;
};

}  // namespace altlas::text
