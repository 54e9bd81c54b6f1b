// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/slope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "worker/bench/units.h"

namespace altlas::bench {
namespace {

constexpr std::size_t kMostPoints = 1024;
constexpr double kReach99 = 2.575829;     // two-sided, 99 %: a leak is a serious charge
constexpr double kNoticeable = 1.959964;  // of an autocorrelation, times 1 / sqrt(n)
constexpr double kRounding = 1e-12;       // of the largest value in a difference
constexpr double kNoBound = std::numeric_limits<double>::infinity();

std::vector<double> MeansOf(std::span<const double> series, std::size_t block) {
  std::vector<double> means;
  for (std::size_t at = 0; at + block <= series.size(); at += block) {
    const auto part = series.subspan(at, block);
    means.push_back(std::accumulate(part.begin(), part.end(), 0.0) / static_cast<double>(block));
  }
  return means;
}

std::vector<double> PairSlopes(std::span<const double> y) {
  std::vector<double> slopes;
  slopes.reserve(y.size() * (y.size() - 1) / 2);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t j = i + 1; j < y.size(); ++j)
      slopes.push_back((y[j] - y[i]) / static_cast<double>(j - i));
  }
  std::sort(slopes.begin(), slopes.end());
  return slopes;
}

// Ranks from 1, values within `tolerance` of a group's first sharing the mean of theirs; `ties` gets the size
// of each group.
std::vector<double> RanksOf(std::span<const double> y, double tolerance, std::vector<double>& ties) {
  std::vector<std::size_t> order(y.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return y[a] < y[b]; });
  std::vector<double> ranks(y.size());
  for (std::size_t at = 0; at < order.size();) {
    std::size_t end = at;
    while (end < order.size() && y[order[end]] - y[order[at]] <= tolerance) ++end;
    for (std::size_t i = at; i < end; ++i) ranks[order[i]] = static_cast<double>(at + end + 1) / 2;
    ties.push_back(static_cast<double>(end - at));
    at = end;
  }
  return ranks;
}

double VarianceOfS(double n, std::span<const double> ties) {
  double variance = n * (n - 1) * (2 * n + 5);
  for (const double t : ties) variance -= t * (t - 1) * (2 * t + 5);
  return variance / 18;
}

double StretchOf(std::span<const double> y, double slope) {
  const std::size_t count = y.size();
  const auto n = static_cast<double>(count);
  std::vector<double> rest(count);
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double line = slope * static_cast<double>(i);
    rest[i] = y[i] - line;
    largest = std::max({largest, std::abs(y[i]), std::abs(line)});
  }
  // What is equal but for the rounding of the line is a tie: it would be ranked by chance.
  std::vector<double> unused;
  auto ranks = RanksOf(rest, largest * kRounding, unused);
  const double mean = (n + 1) / 2;
  double spread = 0;
  for (double& rank : ranks) {
    rank -= mean;
    spread += rank * rank;
  }
  if (spread <= 0) return 1;
  double sum = 0;
  for (std::size_t lag = 1; lag + 2 < count; ++lag) {
    double product = 0;
    for (std::size_t i = 0; i + lag < count; ++i) product += ranks[i] * ranks[i + lag];
    const double correlation = product / spread;
    if (correlation <= kNoticeable / std::sqrt(n)) break;
    const double left = n - static_cast<double>(lag);
    sum += left * (left - 1) * (left - 2) * correlation;
  }
  return std::max(1.0, 1 + 2 * sum / (n * (n - 1) * (n - 2)));
}

double At(const std::vector<double>& ascending, double rank) {
  const double last = static_cast<double>(ascending.size()) - 1;
  return ascending[static_cast<std::size_t>(std::clamp(rank, 0.0, last))];
}

std::string Interval(const Slope& slope) {
  return fmt::format("99 % confidence: {} to {}", SignedBytesText(slope.low), SignedBytesText(slope.high));
}

std::string SentenceOf(const GrowthVerdict& verdict, std::size_t iterations, std::string_view what) {
  const Slope& half = verdict.second_half;
  switch (verdict.growth) {
    case Growth::kGrowing:
      return fmt::format(
          "{} grows by {} an iteration ({}): 1,000 more iterations take {}. It did not stop in the second "
          "half "
          "of {} iterations: a leak, or a cache that nothing bounds",
          what, SignedBytesText(half.per_step), Interval(half), SignedBytesText(1000 * half.per_step),
          iterations);
    case Growth::kSettling:
      return fmt::format(
          "{} grew at first and no longer does: {} an iteration in the second half of {} ({}). Caches "
          "filled; "
          "no leak was found",
          what, SignedBytesText(half.per_step), iterations, Interval(half));
    case Growth::kSteady:
      return fmt::format("{} does not grow: {} an iteration over {} ({}). No leak was found", what,
                         SignedBytesText(verdict.whole.per_step), iterations, Interval(verdict.whole));
    case Growth::kUnknown:
      break;
  }
  return fmt::format("{}: {} iterations are too few to say anything; take at least {}", what, iterations,
                     kLeastIterations);
}

bool IsGrowth(const Slope& slope, std::size_t steps, double least_bytes) {
  return slope.low > 0 && slope.per_step * static_cast<double>(steps) >= least_bytes;
}

}  // namespace

Slope SlopeOf(std::span<const double> series) {
  const std::size_t block = (series.size() + kMostPoints - 1) / kMostPoints;
  const auto y = block > 1 ? MeansOf(series, block) : std::vector<double>(series.begin(), series.end());
  Slope slope;
  slope.points = y.size();
  slope.low = -kNoBound;
  slope.high = kNoBound;
  if (y.size() < 2) return slope;
  const auto slopes = PairSlopes(y);
  const double scale = static_cast<double>(std::max<std::size_t>(block, 1));
  const double middle = (At(slopes, (static_cast<double>(slopes.size()) - 1) / 2) +
                         At(slopes, static_cast<double>(slopes.size()) / 2)) /
                        2;
  slope.per_step = middle / scale;
  if (y.size() < 4) return slope;
  std::vector<double> ties;
  RanksOf(y, 0, ties);
  slope.stretch = StretchOf(y, middle);
  const double reach =
      kReach99 * std::sqrt(std::max(0.0, VarianceOfS(static_cast<double>(y.size()), ties)) * slope.stretch);
  const auto pairs = static_cast<double>(slopes.size());
  // As many slopes beyond each end. One that would need ranks beyond the first or last has no bounds.
  const double beyond = std::floor((pairs - reach) / 2);
  if (beyond < 0) return slope;
  slope.low = At(slopes, beyond) / scale;
  slope.high = At(slopes, pairs - 1 - beyond) / scale;
  return slope;
}

std::string_view GrowthName(Growth growth) {
  constexpr std::string_view kNames[] = {"steady", "settling", "growing", "unknown"};
  return kNames[static_cast<std::size_t>(growth)];
}

GrowthVerdict JudgeGrowth(std::span<const double> bytes, std::string_view what, double least_bytes) {
  GrowthVerdict verdict;
  verdict.whole = SlopeOf(bytes);
  verdict.second_half = SlopeOf(bytes.subspan(bytes.size() / 2));
  if (bytes.size() >= kLeastIterations) {
    const auto first_half = SlopeOf(bytes.first(bytes.size() / 2));
    const bool second = IsGrowth(verdict.second_half, bytes.size(), least_bytes);
    const bool whole = IsGrowth(verdict.whole, bytes.size(), least_bytes);
    const bool first = IsGrowth(first_half, bytes.size() / 2, least_bytes);
    verdict.growth = second && whole  ? Growth::kGrowing
                     : first || whole ? Growth::kSettling
                                      : Growth::kSteady;
  }
  verdict.sentence = SentenceOf(verdict, bytes.size(), what);
  return verdict;
}

}  // namespace altlas::bench
