// SPDX-License-Identifier: Apache-2.0
#include "profile/trace_number.h"

#include <charconv>
#include <cmath>

namespace altlas::profile {
namespace {

constexpr Ns kTimeLimit = 4'000'000'000'000'000'000;

std::optional<Ns> InTimeLimit(double ns) {
  if (!(std::abs(ns) <= static_cast<double>(kTimeLimit))) return std::nullopt;
  return static_cast<Ns>(std::llround(ns));
}

// `decimals`: how many digits after the point make a nanosecond.
std::optional<Ns> ScaleDecimal(std::string_view text, int decimals) {
  const bool negative = text.starts_with('-');
  const auto digits = text.substr(negative ? 1 : 0);
  std::int64_t value = 0;
  std::size_t at = 0;
  bool any = false;
  int seen_decimals = -1;  // none: before the point
  bool round_up = false;
  for (; at < digits.size(); ++at) {
    const char c = digits[at];
    if (c == '.' && seen_decimals < 0) {
      seen_decimals = 0;
      continue;
    }
    if (c < '0' || c > '9') break;
    any = true;
    if (seen_decimals >= decimals) {
      round_up = round_up || (seen_decimals == decimals && c >= '5');
      ++seen_decimals;
      continue;
    }
    if (seen_decimals >= 0) ++seen_decimals;
    if (value > (kTimeLimit - 9) / 10) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (at != digits.size() || !any) {
    const auto number = ParseFinite(text);
    double scale = 1;
    for (int i = 0; i < decimals; ++i) scale *= 10;
    return number ? InTimeLimit(*number * scale) : std::nullopt;
  }
  for (int i = std::max(seen_decimals, 0); i < decimals; ++i) {
    if (value > kTimeLimit / 10) return std::nullopt;
    value *= 10;
  }
  value += round_up ? 1 : 0;
  return negative ? -value : value;
}

}  // namespace

std::optional<Ns> MicrosecondsToNs(std::string_view text) { return ScaleDecimal(text, 3); }
std::optional<Ns> NanosecondsToNs(std::string_view text) { return ScaleDecimal(text, 0); }

std::optional<double> ParseFinite(std::string_view text) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> ParseCount(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && !text.empty()) return value;
  const auto number = ParseFinite(text);
  if (!number || *number < 0 || *number >= 18446744073709551616.0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

}  // namespace altlas::profile
