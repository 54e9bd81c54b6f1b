// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace altlas::text {

// Finds the longest of many fixed strings. Work at one place is bounded by the longest of them.
class TokenTrie {
 public:
  // kCorrupt where the pattern is empty or there already, kTooLarge past 512 bytes or 8 MiB of patterns.
  Status Add(std::string_view pattern, TokenId id);
  struct Match {
    std::size_t begin = 0;
    std::size_t end = 0;
    TokenId id = 0;
  };
  // The first match that begins at or after `from`, the longest there.
  std::optional<Match> Next(std::string_view text, std::size_t from) const;
  // The longest match that begins at `begin`.
  std::optional<Match> At(std::string_view text, std::size_t begin) const;
  bool empty() const { return nodes_.empty(); }

 private:
  struct Node {
    std::optional<TokenId> id;
  };
  std::vector<Node> nodes_;
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;  // node << 8 | byte -> node
  std::array<bool, 256> starts_{};
};

}  // namespace altlas::text
