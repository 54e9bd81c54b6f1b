// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// Whether memory grows from iteration to iteration. Pure.
namespace altlas::bench {

// Growth of a series a step, robust to jumps and outliers: the median of the slopes between all pairs of
// points (Theil 1950; Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", JASA 63, 1968).
// [low, high] is Sen's interval of 99 % from the variance of Kendall's S, ties counted. Points that depend on
// their neighbours say less than as many that do not, so the variance is stretched by
//   n/n* = 1 + 2 / (n (n-1) (n-2)) * sum over lags k of (n-k) (n-k-1) (n-k-2) r_k
// with r_k the autocorrelation of the ranks of what the line leaves over (Hamed, Rao, Journal of Hydrology
// 204, 1998), summed up to the first lag that is not above 1.96 / sqrt(n) and never below 1. More than 1,024
// points are first replaced by means of equally many in a row. Fewer than 4 points give an interval without
// bounds.
struct Slope {
  double per_step = 0;
  double low = 0;
  double high = 0;
  double stretch = 1;  // n/n*
  std::size_t points = 0;
};
Slope SlopeOf(std::span<const double> series);

enum class Growth : std::uint8_t {
  kSteady,    // no growth that the interval or the size of a page would tell from none
  kSettling,  // it grew, and no longer does in the second half: caches that filled
  kGrowing,   // it grows over the whole run and in its second half: a leak, or a cache without an end
  kUnknown,   // too few iterations
};
std::string_view GrowthName(Growth growth);

// Below this much over a whole run nothing is called growth: of memory counted by the byte, and of resident
// memory, which moves by pages and arenas.
inline constexpr double kLeastGrowthBytes = 4096;
inline constexpr double kLeastResidentBytes = 262'144;
// And below so many iterations nothing is said.
inline constexpr std::size_t kLeastIterations = 8;

struct GrowthVerdict {
  Growth growth = Growth::kUnknown;
  Slope whole;
  Slope second_half;
  std::string sentence;  // for people, with the figures
};
// `what` names the series in the sentence: "memory in use by the process's allocator".
GrowthVerdict JudgeGrowth(std::span<const double> bytes, std::string_view what,
                          double least_bytes = kLeastGrowthBytes);

}  // namespace altlas::bench
