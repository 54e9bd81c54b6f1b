// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

// Which bytes may stand where in a head (RFC 9110, RFC 3986). For the sources of net alone. Pure.
namespace altlas::net {

constexpr std::array<bool, 256> MakeTable(std::string_view extra, bool alphanumeric) {
  std::array<bool, 256> table{};
  for (const char c : extra) table[static_cast<unsigned char>(c)] = true;
  for (int c = 0; alphanumeric && c < 128; ++c) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      table[static_cast<std::size_t>(c)] = true;
  }
  return table;
}

inline constexpr auto kToken = MakeTable("!#$%&'*+-.^_`|~", true);
// RFC 3986's characters of path and query, and those that browsers leave alone in a query.
inline constexpr auto kTarget = MakeTable("-._~!$&'()*+,;=:@/?%[]{}|^`", true);
inline constexpr auto kHost = MakeTable("-._~%!$&'()*+;=:[]", true);
inline constexpr auto kHex = MakeTable("0123456789abcdefABCDEF", false);

inline bool Is(const std::array<bool, 256>& table, char c) { return table[static_cast<unsigned char>(c)]; }

// -1 where `c` is no hexadecimal digit.
inline int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline bool AllOf(const std::array<bool, 256>& table, std::string_view text) {
  for (const char c : text) {
    if (!Is(table, c)) return false;
  }
  return true;
}

// True where a byte below 0x20 other than a tab, or DEL, is in `text`. Eight bytes at a time; a hit is looked
// at singly.
inline bool HasControl(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = kOnes * 0x80;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighs;
    const std::uint64_t del = word ^ (kOnes * 0x7f);
    if (((below_space | ((del - kOnes) & ~del)) & kHighs) == 0) continue;
    for (std::size_t i = at; i < at + 8; ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if ((c < 0x20 && c != '\t') || c == 0x7f) return true;
    }
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return true;
  }
  return false;
}

}  // namespace altlas::net
