// SPDX-License-Identifier: Apache-2.0
#include "profile/timing.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace altlas::profile {
namespace {

// In whole numbers from the least one, so that the order of the values does not matter and equal ones have
// none.
double DeviationOf(std::span<const std::int64_t> values, std::int64_t least, std::int64_t most) {
  if (values.size() < 2) return 0;
  constexpr std::uint64_t kExactRange = std::uint64_t{1} << 48U;
  const auto away = [least](std::int64_t value) {
    return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(least);
  };
  const auto count = static_cast<long double>(values.size());
  if (away(most) >= kExactRange) {
    long double mean = 0;
    for (const auto value : values) mean += static_cast<long double>(away(value)) / count;
    long double squares = 0;
    for (const auto value : values) squares += std::pow(static_cast<long double>(away(value)) - mean, 2);
    return static_cast<double>(std::sqrt(squares / (count - 1)));
  }
  unsigned __int128 sum = 0;
  unsigned __int128 squares = 0;
  for (const auto value : values) {
    sum += away(value);
    squares += static_cast<unsigned __int128>(away(value)) * away(value);
  }
  const auto total = static_cast<long double>(sum);
  const auto variance = (static_cast<long double>(squares) - total * total / count) / (count - 1);
  return variance > 0 ? static_cast<double>(std::sqrt(variance)) : 0;
}

}  // namespace

std::int64_t AddSaturated(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

std::uint64_t AddBytes(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

std::int64_t SubtractSaturated(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

double MedianOf(std::span<std::int64_t> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  const auto upper = *middle;
  if (values.size() % 2 == 1) return static_cast<double>(upper);
  const auto lower = *std::max_element(values.begin(), middle);
  // Summed as integers: halving is then the only rounding.
  return static_cast<double>(static_cast<__int128>(lower) + upper) / 2;
}

std::int64_t P95Of(std::span<std::int64_t> values) {
  if (values.empty()) return 0;
  // ceil(0.95 n) in whole numbers: floating point would miss by one at some n.
  const auto rank = (values.size() * 95 + 99) / 100;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Timing TimingOf(std::span<std::int64_t> durations) {
  Timing timing;
  if (durations.empty()) return timing;
  timing.count = durations.size();
  timing.min_ns = timing.max_ns = durations.front();
  for (const auto duration : durations) {
    timing.total_ns = AddSaturated(timing.total_ns, duration);
    timing.min_ns = std::min(timing.min_ns, duration);
    timing.max_ns = std::max(timing.max_ns, duration);
  }
  const auto count = static_cast<double>(durations.size());
  timing.mean_ns = static_cast<double>(timing.total_ns) / count;
  timing.stddev_ns = DeviationOf(durations, timing.min_ns, timing.max_ns);
  timing.median_ns = MedianOf(durations);
  timing.p95_ns = P95Of(durations);
  return timing;
}

}  // namespace altlas::profile
