// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "text/normalizer.h"
#include "text/piece.h"
#include "text/regex.h"
#include "text/token_trie.h"
#include "text/word_model.h"

namespace altlas::text {

// One entry of "added_tokens".
struct AddedToken {
  std::string content;
  TokenId id = 0;            // as the file says; see AddedTokens::Create
  bool single_word = false;  // only where no word character stands beside it
  bool left_strip = false;   // takes the white space before it with it
  bool right_strip = false;
  bool normalized = true;  // sought in the normalized text, in its own normalized spelling
  bool special = false;    // Decode can leave it out
};

// The tokens that stand beside the model's vocabulary: cut out of the text before the model sees it.
// Immutable and thread-safe after Create.
class AddedTokens {
 public:
  // Ids are given as the library gives them: a token that the model knows has the model's id, any other the
  // next free one after the vocabulary, in the order of the file; where the file says another, a warning
  // names it. kCorrupt where two tokens would be sought as the same text.
  static Result<AddedTokens> Create(const std::vector<AddedToken>& tokens, const WordModel& model,
                                    const Normalizer& normalizer, std::vector<std::string>& warnings);

  // The text cut at its added tokens, everything else normalized.
  Result<std::vector<Piece>> Extract(PieceArena& arena, std::string_view text,
                                     const Normalizer& normalizer) const;

  std::optional<TokenId> IdOf(std::string_view content) const;
  // As Decode spells it: the normalized content. Null for an id that is not an added token's.
  const std::string* TokenOf(TokenId id) const;
  bool IsSpecial(std::string_view token) const { return special_.contains(std::string(token)); }
  const std::unordered_map<std::string, TokenId>& ids() const { return ids_; }

 private:
  AddedTokens() = default;
  void Cut(const Piece& piece, const TokenTrie& trie, std::vector<Piece>& out) const;
  bool StandsAlone(std::string_view text, const TokenTrie::Match& match) const;

  std::unordered_map<std::string, TokenId> ids_;
  std::unordered_map<TokenId, AddedToken> tokens_;
  std::unordered_map<TokenId, std::string> spellings_;
  std::unordered_set<std::string> special_;
  TokenTrie raw_;
  TokenTrie normalized_;
  std::optional<Regex> word_character_;
};

}  // namespace altlas::text
