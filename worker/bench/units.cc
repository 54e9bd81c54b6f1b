// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/units.h"

#include <fmt/format.h>

#include <cmath>

namespace altlas::bench {
namespace {

std::string WithCommas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

}  // namespace

std::string BytesText(double bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (!(bytes >= 0)) return "0 B";
  if (bytes < 10'240) return WithCommas(static_cast<std::uint64_t>(std::llround(bytes))) + " B";
  std::size_t unit = 0;
  double value = bytes / 1024;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string SignedBytesText(double bytes) {
  if (std::isinf(bytes)) return bytes > 0 ? "no upper bound" : "no lower bound";
  const auto text = BytesText(std::abs(bytes));
  return bytes < 0 && text != "0 B" ? "-" + text : text;
}

}  // namespace altlas::bench
