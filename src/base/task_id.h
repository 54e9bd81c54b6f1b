// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace altlas {

// A UUID version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, then a counter and random bits, so that
// ids of one generator sort by creation. Used for tasks, batches and keys. A value; the nil id (all zero)
// means "none".
struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool is_nil() const { return high == 0 && low == 0; }
  // 36 characters, lower case, with hyphens.
  std::string ToString() const;
  std::array<char, 36> Text() const;  // the same, without allocation
  // Accepts the 36-character form in either case, nothing else.
  static std::optional<Uuid> Parse(std::string_view text);
  auto operator<=>(const Uuid&) const = default;
};

using TaskId = Uuid;

// Makes strictly increasing version 7 ids; random bits come from the kernel, buffered. Not thread-safe: one a
// thread.
class UuidGenerator {
 public:
  explicit UuidGenerator(const Clock& clock) : clock_(clock) {}
  Uuid Next();

 private:
  std::uint64_t RandomBits();
  const Clock& clock_;
  std::uint64_t last_high_ = 0;
  std::array<std::uint64_t, 512> buffer_{};
  std::size_t used_ = 512;
};

}  // namespace altlas

template <>
struct std::hash<altlas::Uuid> {
  std::size_t operator()(const altlas::Uuid& id) const noexcept {
    return id.high * 0x9e3779b97f4a7c15ULL ^ id.low;
  }
};
