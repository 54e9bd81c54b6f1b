// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/token_trie.h"
#include "text/word_model.h"

namespace altlas::text {

// What a tokenizer.json, or a vocab.txt, says about its WordPiece model.
struct WordPieceSpec {
  std::vector<std::pair<std::string, TokenId>> vocabulary;
  std::string unknown_token = "[UNK]";
  std::string continuing_prefix = "##";  // of every token of a word but the first
  std::size_t max_characters = 100;      // a longer word is unknown as a whole
};

// The longest token that a word starts with, then the longest that the rest continues with, and so on; a word
// that cannot be spelled in this way is the unknown token as a whole. Work is linear in the word for tokens
// of bounded length (TokenTrie). Immutable and thread-safe after Create.
class WordPieceModel final : public WordModel {
 public:
  // kCorrupt where an id stands for two tokens; TokenTrie's errors.
  static Result<std::unique_ptr<const WordPieceModel>> Create(WordPieceSpec spec);

  Status Tokenize(std::string_view word, std::vector<WordToken>& out) const override;
  std::size_t size() const override { return spec_.vocabulary.size(); }
  std::optional<TokenId> IdOf(std::string_view token) const override;
  const std::string* TokenOf(TokenId id) const override;
  TokenId largest_id() const override { return largest_id_; }

 private:
  explicit WordPieceModel(WordPieceSpec spec) : spec_(std::move(spec)) {}
  Status Index();
  // False where some part of the word is no token.
  bool Spell(std::string_view word, std::vector<WordToken>& out) const;

  WordPieceSpec spec_;
  std::unordered_map<std::string_view, TokenId> ids_;       // views into spec_
  std::unordered_map<TokenId, const std::string*> tokens_;  // into spec_
  TokenTrie first_;
  TokenTrie rest_;  // without their prefix
  std::optional<TokenId> unknown_id_;
  TokenId largest_id_ = 0;
};

}  // namespace altlas::text
