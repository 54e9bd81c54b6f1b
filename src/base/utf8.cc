// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace altlas {
namespace {

struct Sequence {
  std::size_t size =
      0;  // bytes that belong to it: the whole sequence, or its longest valid prefix (at least 1)
  std::size_t expected = 0;  // bytes that its first byte announces; 0 for a byte that starts nothing
  bool complete = false;
};

// The allowed range of the second byte depends on the first (Unicode standard, table 3-7).
Sequence Scan(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  if (first < 0x80) return {1, 1, true};
  unsigned low = 0x80, high = 0xbf;
  std::size_t expected = 0;
  if (first >= 0xc2 && first <= 0xdf) expected = 2;
  if (first >= 0xe0 && first <= 0xef) expected = 3;
  if (first >= 0xf0 && first <= 0xf4) expected = 4;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (expected == 0) return {1, 0, false};
  std::size_t size = 1;
  while (size < expected && at + size < text.size()) {
    const unsigned next = byte(at + size);
    if (next < low || next > high) break;
    low = 0x80;
    high = 0xbf;
    ++size;
  }
  return {size, expected, size == expected};
}

}  // namespace

std::size_t FirstInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {
      // Most text is ASCII: eight bytes at a time where none has its high bit set.
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080ULL) == 0) {
        at += 8;
        continue;
      }
    }
    const auto sequence = Scan(text, at);
    if (!sequence.complete) return at;
    at += sequence.size;
  }
  return at;
}

std::size_t IncompleteUtf8Tail(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto sequence = Scan(text, text.size() - back);
    if (sequence.expected > back && sequence.size == back) return back;
    if (sequence.expected != 0) return 0;
  }
  return 0;
}

char32_t NextCodePoint(std::string_view text, std::size_t& position) {
  const auto sequence = Scan(text, position);
  if (!sequence.complete) {
    ++position;
    return 0xfffd;
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[position + i]));
  };
  char32_t value = byte(0);
  if (sequence.size == 2) value = (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
  if (sequence.size == 3) value = (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
  if (sequence.size == 4)
    value = (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  position += sequence.size;
  return value;
}

void AppendCodePoint(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
    }
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto sequence = Scan(text, at);
    if (sequence.complete) {
      out.append(text.substr(at, sequence.size));
    } else {
      AppendCodePoint(out, 0xfffd);
    }
    at += sequence.size;
  }
  return out;
}

}  // namespace altlas
