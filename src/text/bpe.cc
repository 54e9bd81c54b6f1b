// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "text/unicode.h"

namespace altlas::text {
namespace {

// Up to this many symbols a scan for the best pair beats the heap.
constexpr std::size_t kFew = 24;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::uint64_t Pair(TokenId left, TokenId right) { return static_cast<std::uint64_t>(left) << 32 | right; }

}  // namespace

struct BpeModel::Symbol {
  TokenId id = 0;
  std::size_t size = 0;  // bytes of the word; 0 once merged into its left neighbour
  std::size_t previous = kNone;
  std::size_t next = kNone;
};

void BpeModel::MergeTable::Reserve(std::size_t count) {
  std::size_t capacity = 16;
  while (capacity < count * 2) capacity *= 2;
  slots_.assign(capacity, {});
  mask_ = capacity - 1;
}

std::size_t BpeModel::MergeTable::Start(std::uint64_t key) const {
  key *= 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(key ^ key >> 32) & mask_;
}

void BpeModel::MergeTable::Put(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t key = Pair(left, right);
  for (std::size_t at = Start(key);; at = (at + 1) & mask_) {
    if (slots_[at].used && slots_[at].key != key) continue;
    slots_[at] = {key, merge, true};
    return;
  }
}

const BpeModel::Merge* BpeModel::MergeTable::Find(TokenId left, TokenId right) const {
  const std::uint64_t key = Pair(left, right);
  for (std::size_t at = Start(key);; at = (at + 1) & mask_) {
    if (!slots_[at].used) return nullptr;
    if (slots_[at].key == key) return &slots_[at].merge;
  }
}

Result<std::unique_ptr<const BpeModel>> BpeModel::Create(BpeSpec spec) {
  std::unique_ptr<BpeModel> model(new BpeModel(std::move(spec)));
  ALTLAS_TRY_VOID(model->IndexVocabulary());
  ALTLAS_TRY_VOID(model->IndexMerges());
  model->IndexCharacters();
  return std::unique_ptr<const BpeModel>(std::move(model));
}

Status BpeModel::IndexVocabulary() {
  ids_.reserve(spec_.vocabulary.size());
  tokens_.reserve(spec_.vocabulary.size());
  for (const auto& [token, id] : spec_.vocabulary) {
    if (!ids_.emplace(token, id).second)
      return Fail(ErrorCode::kCorrupt, "model.vocab: the token \"{}\" stands there twice", token);
    const auto [taken, fresh] = tokens_.emplace(id, &token);
    if (!fresh)
      return Fail(ErrorCode::kCorrupt, "model.vocab: the id {} stands for both \"{}\" and \"{}\"", id,
                  *taken->second, token);
    largest_id_ = std::max(largest_id_, id);
  }
  return {};
}

Status BpeModel::IndexMerges() {
  merges_.Reserve(spec_.merges.size());
  std::uint32_t rank = 0;
  for (const auto& [left, right] : spec_.merges) {
    const auto known = [&](std::string_view token) -> Result<TokenId> {
      if (const auto id = IdOf(token)) return *id;
      return Fail(ErrorCode::kCorrupt,
                  "model.merges[{}] (\"{}\", \"{}\"): the token \"{}\" is not in model.vocab", rank, left,
                  right, token);
    };
    ALTLAS_TRY(const TokenId left_id, known(left));
    ALTLAS_TRY(const TokenId right_id, known(right));
    if (!right.starts_with(spec_.continuing_prefix))
      return Fail(ErrorCode::kCorrupt,
                  "model.merges[{}]: \"{}\" does not start with the continuing_subword_prefix", rank, right);
    ALTLAS_TRY(const TokenId result, known(left + right.substr(spec_.continuing_prefix.size())));
    merges_.Put(left_id, right_id, {rank, result});  // a pair that stands twice counts by its last rank
    ++rank;
  }
  spec_.merges = {};
  return {};
}

void BpeModel::IndexCharacters() {
  for (std::size_t c = 0; c < 0x80; ++c) {
    const char byte = static_cast<char>(c);
    characters_[c] = IdOf({&byte, 1});
  }
  for (std::size_t c = 0x80; c < characters_.size(); ++c) {
    const char bytes[] = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
    characters_[c] = IdOf({bytes, 2});
  }
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte)
    byte_ids_[byte] = IdOf(fmt::format("<0x{:02X}>", byte));
  if (spec_.unknown_token) unknown_id_ = IdOf(*spec_.unknown_token);
}

std::optional<TokenId> BpeModel::IdOf(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* BpeModel::TokenOf(TokenId id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : found->second;
}

std::optional<TokenId> BpeModel::IdOfCharacter(std::string_view character, bool first, bool last,
                                               std::string& buffer) const {
  const bool plain = (first || spec_.continuing_prefix.empty()) && (!last || spec_.end_suffix.empty());
  buffer.clear();
  if (!plain && !first) buffer += spec_.continuing_prefix;
  buffer += character;
  if (!plain && last) buffer += spec_.end_suffix;
  if (plain && character.size() <= 2) {
    std::size_t at = 0;
    return characters_[NextChar(character, at)];
  }
  return IdOf(buffer);
}

Status BpeModel::Split(std::string_view word, std::vector<Symbol>& symbols) const {
  const auto add = [&](TokenId id, std::size_t size) {
    const std::size_t index = symbols.size();
    if (index != 0) symbols.back().next = index;
    symbols.push_back({id, size, index == 0 ? kNone : index - 1, kNone});
  };
  std::size_t unknown = 0;  // bytes of unknown characters not added yet
  std::string spelled;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
    at += CharSize(word[at]);
    const auto character = word.substr(begin, at - begin);
    if (const auto id = IdOfCharacter(character, begin == 0, at == word.size(), spelled)) {
      if (unknown != 0) add(*unknown_id_, unknown);
      unknown = 0;
      add(*id, character.size());
      continue;
    }
    const auto has_byte = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)].has_value(); };
    if (spec_.byte_fallback && std::all_of(spelled.begin(), spelled.end(), has_byte)) {
      for (const char byte : spelled) add(*byte_ids_[static_cast<unsigned char>(byte)], 1);
      continue;
    }
    if (!spec_.unknown_token) continue;
    if (!unknown_id_)
      return Fail(
          ErrorCode::kInvalidArgument,
          "the tokenizer has no token for \"{}\", and its unknown token \"{}\" is not in its vocabulary",
          character, *spec_.unknown_token);
    if (unknown != 0 && !spec_.fuse_unknown) {
      add(*unknown_id_, unknown);
      unknown = 0;
    }
    unknown += character.size();
  }
  if (unknown != 0) add(*unknown_id_, unknown);
  return {};
}

void BpeModel::MergeFew(std::vector<Symbol>& symbols, std::uint64_t& steps) const {
  std::array<const Merge*, kFew> merges;  // of each symbol with its right neighbour
  std::size_t count = symbols.size();
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = merges_.Find(symbols[i].id, symbols[i + 1].id);
  while (count > 1) {
    std::size_t best = kNone;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      if (merges[i] != nullptr && (best == kNone || merges[i]->rank < merges[best]->rank)) best = i;
    }
    steps += count;
    if (best == kNone) break;
    symbols[best].id = merges[best]->result;
    symbols[best].size += symbols[best + 1].size;
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i] = merges[i + 1];
    }
    --count;
    const auto pair = [&](std::size_t i) { return merges_.Find(symbols[i].id, symbols[i + 1].id); };
    if (best > 0) merges[best - 1] = pair(best - 1);
    if (best + 1 < count) merges[best] = pair(best);
  }
  symbols.resize(count);
}

void BpeModel::MergeMany(std::vector<Symbol>& symbols, std::uint64_t& steps) const {
  struct Candidate {
    std::uint32_t rank;
    TokenId result;
    std::size_t at;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::vector<Candidate> first;
  first.reserve(symbols.size());
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
    if (const auto* merge = merges_.Find(symbols[i].id, symbols[i + 1].id))
      first.push_back({merge->rank, merge->result, i});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue(std::greater<>(),
                                                                               std::move(first));
  const auto offer = [&](std::size_t at) {
    const auto& left = symbols[at];
    if (left.next == kNone) return;
    if (const auto* merge = merges_.Find(left.id, symbols[left.next].id))
      queue.push({merge->rank, merge->result, at});
  };
  for (; !queue.empty(); ++steps) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[top.at];
    if (left.size == 0 || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    // The neighbours may have changed since; what counts is that they still make the same token.
    const auto* merge = merges_.Find(left.id, right.id);
    if (merge == nullptr || merge->result != top.result) continue;
    left.id = top.result;
    left.size += right.size;
    left.next = right.next;
    right.size = 0;
    if (left.next != kNone) symbols[left.next].previous = top.at;
    if (left.previous != kNone) offer(left.previous);
    offer(top.at);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.size == 0; });
}

Status BpeModel::Tokenize(std::string_view word, std::vector<WordToken>& out) const {
  std::uint64_t steps = 0;
  return Tokenize(word, out, steps);
}

Status BpeModel::Tokenize(std::string_view word, std::vector<WordToken>& out, std::uint64_t& steps) const {
  if (word.empty()) return {};
  if (spec_.ignore_merges) {
    if (const auto id = IdOf(word)) {
      out.push_back({*id, 0, word.size()});
      return {};
    }
  }
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  ALTLAS_TRY_VOID(Split(word, symbols));
  if (symbols.size() <= kFew) {
    MergeFew(symbols, steps);
  } else {
    MergeMany(symbols, steps);
  }
  std::size_t begin = 0;
  for (const auto& symbol : symbols) {
    out.push_back({symbol.id, begin, begin + symbol.size});
    begin += symbol.size;
  }
  return {};
}

}  // namespace altlas::text
