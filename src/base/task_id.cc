// SPDX-License-Identifier: Apache-2.0
#include "base/task_id.h"

#include "base/random.h"

namespace altlas {
namespace {
constexpr char kHex[] = "0123456789abcdef";
constexpr int kNoDigit = -1;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return kNoDigit;
}
bool IsHyphenPlace(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }
}  // namespace

std::array<char, 36> Uuid::Text() const {
  std::array<char, 36> text{};
  int nibble = 0;
  for (std::size_t i = 0; i < 36; ++i) {
    if (IsHyphenPlace(i)) {
      text[i] = '-';
      continue;
    }
    const std::uint64_t word = nibble < 16 ? high : low;
    text[i] = kHex[(word >> (60 - 4 * (nibble % 16))) & 15];
    ++nibble;
  }
  return text;
}

std::string Uuid::ToString() const {
  const auto text = Text();
  return {text.data(), text.size()};
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid id;
  int nibble = 0;
  for (std::size_t i = 0; i < 36; ++i) {
    if (IsHyphenPlace(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit == kNoDigit) return std::nullopt;
    auto& word = nibble < 16 ? id.high : id.low;
    word = word << 4 | static_cast<std::uint64_t>(digit);
    ++nibble;
  }
  return id;
}

std::uint64_t UuidGenerator::RandomBits() {
  if (used_ == buffer_.size()) {
    FillSecureRandom(std::as_writable_bytes(std::span(buffer_)));
    used_ = 0;
  }
  return buffer_[used_++];
}

Uuid UuidGenerator::Next() {
  const auto millis = static_cast<std::uint64_t>(clock_.WallNow());
  // 12 bits after the version hold a counter; when it overflows or the wall clock steps back, the id runs
  // ahead of the clock.
  std::uint64_t stamp = millis << 12;
  if (stamp <= last_high_) stamp = last_high_ + 1;
  last_high_ = stamp;
  Uuid id;
  id.high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xfff);
  id.low = (RandomBits() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  return id;
}

}  // namespace altlas
