// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/word_model.h"

namespace altlas::text {

// What a tokenizer.json says about its BPE model.
struct BpeSpec {
  std::vector<std::pair<std::string, TokenId>> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::optional<std::string> unknown_token;
  std::string continuing_prefix;  // of every character of a word but the first
  std::string end_suffix;         // of the last character of a word
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

// Byte pair encoding: a word starts as its characters, and the pair of neighbours with the lowest rank (the
// leftmost of equals) is merged until none is left. A heap holds the candidates, so that a word of n
// characters takes n log n steps whatever it holds. Immutable and thread-safe after Create.
class BpeModel final : public WordModel {
 public:
  // kCorrupt where an id stands for two tokens, or a merge names or makes a token that is not in the
  // vocabulary.
  static Result<std::unique_ptr<const BpeModel>> Create(BpeSpec spec);

  // Appends the tokens of one word. kInvalidArgument where a character is unknown and the unknown token is
  // not in the vocabulary; a character that is unknown is left out where the file names no unknown token, as
  // the library does.
  Status Tokenize(std::string_view word, std::vector<WordToken>& out) const override;
  // The same; adds the candidates looked at to `steps`, which the tests hold against n log n.
  Status Tokenize(std::string_view word, std::vector<WordToken>& out, std::uint64_t& steps) const;

  std::size_t size() const override { return spec_.vocabulary.size(); }
  std::optional<TokenId> IdOf(std::string_view token) const override;
  // Null for an id that is not in the vocabulary. Points into the model.
  const std::string* TokenOf(TokenId id) const override;
  TokenId largest_id() const override { return largest_id_; }

 private:
  struct Symbol;
  struct Merge {
    std::uint32_t rank = 0;
    TokenId result = 0;
  };
  // Open addressing over pairs of ids: the hot look-up of every merge.
  class MergeTable {
   public:
    void Reserve(std::size_t count);
    void Put(TokenId left, TokenId right, Merge merge);
    const Merge* Find(TokenId left, TokenId right) const;

   private:
    struct Slot {
      std::uint64_t key = 0;
      Merge merge;
      bool used = false;
    };
    std::size_t Start(std::uint64_t key) const;
    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
  };

  explicit BpeModel(BpeSpec spec) : spec_(std::move(spec)) {}
  Status IndexVocabulary();
  Status IndexMerges();
  void IndexCharacters();
  Status Split(std::string_view word, std::vector<Symbol>& symbols) const;
  void MergeFew(std::vector<Symbol>& symbols, std::uint64_t& steps) const;
  void MergeMany(std::vector<Symbol>& symbols, std::uint64_t& steps) const;
  std::optional<TokenId> IdOfCharacter(std::string_view character, bool first, bool last,
                                       std::string& buffer) const;

  BpeSpec spec_;
  std::unordered_map<std::string_view, TokenId> ids_;       // views into spec_
  std::unordered_map<TokenId, const std::string*> tokens_;  // into spec_
  MergeTable merges_;
  std::array<std::optional<TokenId>, 0x800> characters_{};  // the ids of one- and two-byte characters
  std::array<std::optional<TokenId>, 256> byte_ids_{};      // "<0x00>" to "<0xFF>"
  std::optional<TokenId> unknown_id_;
  TokenId largest_id_ = 0;
};

}  // namespace altlas::text
