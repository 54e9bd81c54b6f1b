// SPDX-License-Identifier: Apache-2.0
#include "text/token_trie.h"

namespace altlas::text {
namespace {

constexpr std::size_t kMaxTrieNodes = 8 << 20;
constexpr std::size_t kMaxTokenBytes = 512;

}  // namespace

Status TokenTrie::Add(std::string_view pattern, TokenId id) {
  if (pattern.empty()) return Fail(ErrorCode::kCorrupt, "the token with id {} is empty", id);
  if (pattern.size() > kMaxTokenBytes)
    return Fail(ErrorCode::kTooLarge, "a token of {} bytes, at most {} are supported", pattern.size(),
                kMaxTokenBytes);
  if (nodes_.empty()) nodes_.emplace_back();
  std::uint32_t node = 0;
  for (const char c : pattern) {
    const auto [edge, fresh] =
        edges_.emplace(static_cast<std::uint64_t>(node) << 8 | static_cast<unsigned char>(c),
                       static_cast<std::uint32_t>(nodes_.size()));
    if (fresh) nodes_.emplace_back();
    node = edge->second;
  }
  if (nodes_.size() > kMaxTrieNodes)
    return Fail(ErrorCode::kTooLarge, "more than {} bytes of tokens", kMaxTrieNodes);
  if (nodes_[node].id)
    return Fail(ErrorCode::kCorrupt, "the ids {} and {} stand for the same text \"{}\"", *nodes_[node].id, id,
                pattern);
  nodes_[node].id = id;
  starts_[static_cast<unsigned char>(pattern.front())] = true;
  return {};
}

std::optional<TokenTrie::Match> TokenTrie::At(std::string_view text, std::size_t begin) const {
  if (begin >= text.size() || !starts_[static_cast<unsigned char>(text[begin])]) return {};
  std::optional<Match> longest;
  std::uint32_t node = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const auto edge =
        edges_.find(static_cast<std::uint64_t>(node) << 8 | static_cast<unsigned char>(text[at]));
    if (edge == edges_.end()) break;
    node = edge->second;
    if (nodes_[node].id) longest = Match{begin, at + 1, *nodes_[node].id};
  }
  return longest;
}

std::optional<TokenTrie::Match> TokenTrie::Next(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (auto match = At(text, begin)) return match;
  }
  return {};
}

}  // namespace altlas::text
