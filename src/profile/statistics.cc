// SPDX-License-Identifier: Apache-2.0
#include "profile/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/random.h"

namespace altlas::profile {
namespace {

std::vector<double> SortedSample(std::span<const double> sample) {
  std::vector<double> sorted(sample.begin(), sample.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double QuantileOfSorted(std::span<const double> sorted, double q) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = at - static_cast<double>(below);
  // Without the branch an infinite difference times zero would be no number.
  if (share == 0) return sorted[below];
  return sorted[below] + share * (sorted[above] - sorted[below]);
}

// Consumes its argument: selection is linear where sorting is not.
double MedianInPlace(std::vector<double>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

void AppendPairs(std::span<const double> sample, std::vector<double>& pairs) {
  for (std::size_t i = 0; i < sample.size(); ++i)
    for (std::size_t j = i + 1; j < sample.size(); ++j) pairs.push_back(std::abs(sample[i] - sample[j]));
}

std::vector<double> Differences(std::span<const double> x, std::span<const double> y) {
  std::vector<double> all;
  all.reserve(x.size() * y.size());
  for (const double a : x)
    for (const double b : y) all.push_back(a - b);
  return all;
}

// How many of the C(n+m, n) orders give U = 0, 1, ..., nm: the coefficients of the Gaussian binomial, built
// by multiplying with (1 - q^(m+i)) and dividing by (1 - q^i). Each is a whole number below 2^53 up to
// kExactRankSum, and so is every step.
std::vector<double> CountUntied(std::size_t n, std::size_t m) {
  std::vector<double> counts(n * m + 1, 0.0);
  counts[0] = 1;
  for (std::size_t i = 1; i <= n; ++i) {
    for (std::size_t u = counts.size(); u-- > m + i;) counts[u] -= counts[u - m - i];
    for (std::size_t u = i; u < counts.size(); ++u) counts[u] += counts[u - i];
  }
  return counts;
}

struct JointRanks {
  std::vector<std::size_t> doubled;  // twice the midrank of each value, ascending
  std::size_t doubled_of_x = 0;      // their sum over x
  double tie_term = 0;               // sum of t^3 - t
};

JointRanks RankTogether(std::span<const double> x, std::span<const double> y) {
  std::vector<std::pair<double, bool>> all;
  all.reserve(x.size() + y.size());
  for (const double v : x) all.emplace_back(v, true);
  for (const double v : y) all.emplace_back(v, false);
  std::sort(all.begin(), all.end());
  JointRanks ranks;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    while (end < all.size() && all[end].first == all[begin].first) ++end;
    const auto t = static_cast<double>(end - begin);
    ranks.tie_term += t * t * t - t;
    for (std::size_t i = begin; i < end; ++i) {
      ranks.doubled.push_back(begin + 1 + end);  // (begin+1 .. end) averages to (begin+1+end)/2
      if (all[i].second) ranks.doubled_of_x += begin + 1 + end;
    }
    begin = end;
  }
  return ranks;
}

// The share of all ways to choose n of the ranks whose doubled sum is at most / at least the one seen.
struct Tails {
  double at_most = 1;
  double at_least = 1;
};

Tails TailsOf(std::span<const double> counts, std::size_t seen) {
  double below = 0;
  double above = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i <= seen) below += counts[i];
    if (i >= seen) above += counts[i];
  }
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  return {below / all, above / all};
}

Tails TiedTails(const JointRanks& ranks, std::size_t n) {
  const std::size_t most = std::accumulate(ranks.doubled.begin(), ranks.doubled.end(), std::size_t{0});
  // ways[k][s]: choices of k ranks so far with doubled sum s.
  std::vector<std::vector<double>> ways(n + 1, std::vector<double>(most + 1, 0.0));
  ways[0][0] = 1;
  std::size_t reach = 0;
  for (const std::size_t rank : ranks.doubled) {
    reach += rank;
    for (std::size_t k = n; k >= 1; --k)
      for (std::size_t s = reach; s >= rank; --s) ways[k][s] += ways[k - 1][s - rank];
  }
  return TailsOf(ways[n], ranks.doubled_of_x);
}

Tails NormalTails(double u, std::size_t n, std::size_t m, double tie_term) {
  const auto a = static_cast<double>(n);
  const auto b = static_cast<double>(m);
  const double all = a + b;
  const double variance = a * b / 12 * ((all + 1) - tie_term / (all * (all - 1)));
  if (variance <= 0) return {};
  const double deviation = std::sqrt(variance);
  const double middle = a * b / 2;
  return {NormalCdf((u - middle + 0.5) / deviation), NormalCdf((middle - u + 0.5) / deviation)};
}

double BinomialBelow(std::size_t n, std::size_t k) {  // P(B(n, 1/2) <= k)
  double log_choose = 0;
  double sum = 0;
  for (std::size_t i = 0; i <= k && i <= n; ++i) {
    if (i > 0) log_choose += std::log(static_cast<double>(n - i + 1)) - std::log(static_cast<double>(i));
    sum += std::exp(log_choose - static_cast<double>(n) * std::numbers::ln2);
  }
  return sum;
}

// The largest U whose lower tail is at most `miss`, or nothing.
std::optional<std::size_t> CriticalU(std::size_t n, std::size_t m, double miss) {
  if (n + m > kExactRankSum) {
    const auto a = static_cast<double>(n);
    const auto b = static_cast<double>(m);
    const double u = a * b / 2 - 0.5 + NormalQuantile(miss) * std::sqrt(a * b * (a + b + 1) / 12);
    if (u < 0) return std::nullopt;
    return static_cast<std::size_t>(u);
  }
  const auto counts = CountUntied(n, m);
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::optional<std::size_t> critical;
  double below = 0;
  for (std::size_t u = 0; u < counts.size(); ++u) {
    below += counts[u];
    if (below / all > miss) break;
    critical = u;
  }
  return critical;
}

std::vector<std::size_t> OrderOf(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

double Quantile(std::span<const double> sample, double q) {
  return QuantileOfSorted(SortedSample(sample), q);
}

double Median(std::span<const double> sample) {
  std::vector<double> values(sample.begin(), sample.end());
  return MedianInPlace(values);
}

double ScaledMad(std::span<const double> sample) {
  if (sample.size() < 2) return 0;
  const double middle = Median(sample);
  std::vector<double> away;
  away.reserve(sample.size());
  for (const double v : sample) away.push_back(std::abs(v - middle));
  return 1.4826 * MedianInPlace(away);
}

double PooledScale(std::span<const double> first, std::span<const double> second) {
  std::vector<double> pairs;
  AppendPairs(first, pairs);
  AppendPairs(second, pairs);
  return pairs.empty() ? 0 : 1.0483 * MedianInPlace(pairs);
}

double NormalCdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double NormalQuantile(double p) {
  if (!(p > 0)) return -kUnbounded;
  if (p >= 1) return kUnbounded;
  // The tails of a double end before 39; halving that range 70 times is below the last bit.
  double low = -39;
  double high = 39;
  for (int i = 0; i < 70; ++i) {
    const double middle = (low + high) / 2;
    (NormalCdf(middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

RankSumTest MannWhitney(std::span<const double> x, std::span<const double> y, Alternative alternative) {
  RankSumTest test;
  if (x.empty() || y.empty()) return test;
  const JointRanks ranks = RankTogether(x, y);
  const std::size_t n = x.size();
  const std::size_t m = y.size();
  const std::size_t doubled_u = ranks.doubled_of_x - n * (n + 1);
  test.u = static_cast<double>(doubled_u) / 2;
  test.exact = n + m <= kExactRankSum;
  Tails tails;
  if (!test.exact) {
    tails = NormalTails(test.u, n, m, ranks.tie_term);
  } else if (ranks.tie_term == 0) {
    tails = TailsOf(CountUntied(n, m), doubled_u / 2);
  } else {
    tails = TiedTails(ranks, n);
  }
  switch (alternative) {
    case Alternative::kGreater:
      test.p = tails.at_least;
      break;
    case Alternative::kLess:
      test.p = tails.at_most;
      break;
    case Alternative::kTwoSided:
      test.p = 2 * std::min(tails.at_least, tails.at_most);
      break;
  }
  test.p = std::min(test.p, 1.0);
  return test;
}

double LeastRankSumP(std::size_t n, std::size_t m) {
  double choose = 1;
  for (std::size_t i = 1; i <= n; ++i) choose = choose * static_cast<double>(m + i) / static_cast<double>(i);
  return 1 / choose;
}

double HodgesLehmann(std::span<const double> x, std::span<const double> y) {
  auto all = Differences(x, y);
  return all.empty() ? 0 : MedianInPlace(all);
}

Bounds ShiftInterval(std::span<const double> x, std::span<const double> y, double miss) {
  Bounds interval;
  if (x.empty() || y.empty()) return interval;
  const auto critical = CriticalU(x.size(), y.size(), miss);
  if (!critical.has_value()) return interval;
  const auto all = SortedSample(Differences(x, y));
  if (*critical >= all.size()) return interval;
  interval.low = all[*critical];
  interval.high = all[all.size() - 1 - *critical];
  return interval;
}

Bounds MedianInterval(std::span<const double> sample, double miss) {
  Bounds interval;
  const auto sorted = SortedSample(sample);
  for (std::size_t k = 0; 2 * k < sorted.size() && BinomialBelow(sorted.size(), k) <= miss; ++k)
    interval = {sorted[k], sorted[sorted.size() - 1 - k]};
  return interval;
}

Bounds BootstrapMedianRatio(std::span<const double> x, std::span<const double> y, double miss,
                            std::uint64_t seed, int resamples) {
  if (x.empty() || y.empty() || resamples < 1) return {};
  Random random(seed);
  std::vector<double> drawn;
  const auto median_of_a_draw = [&](std::span<const double> sample) {
    drawn.clear();
    for (std::size_t i = 0; i < sample.size(); ++i) drawn.push_back(sample[random.Below(sample.size())]);
    return MedianInPlace(drawn);
  };
  std::vector<double> ratios;
  ratios.reserve(static_cast<std::size_t>(resamples));
  for (int i = 0; i < resamples; ++i) {
    const double top = median_of_a_draw(x);
    ratios.push_back(top / median_of_a_draw(y));
  }
  std::sort(ratios.begin(), ratios.end());
  return {QuantileOfSorted(ratios, miss), QuantileOfSorted(ratios, 1 - miss)};
}

std::vector<double> AdjustBonferroni(std::span<const double> p) {
  std::vector<double> adjusted;
  for (const double one : p) adjusted.push_back(std::min(1.0, one * static_cast<double>(p.size())));
  return adjusted;
}

std::vector<double> AdjustHolm(std::span<const double> p) {
  std::vector<double> adjusted(p.size());
  double least = 0;
  std::size_t left = p.size();
  for (const std::size_t i : OrderOf(p)) {
    least = std::max(least, std::min(1.0, p[i] * static_cast<double>(left--)));
    adjusted[i] = least;
  }
  return adjusted;
}

std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p) {
  std::vector<double> adjusted(p.size());
  const auto order = OrderOf(p);
  double most = 1;
  for (std::size_t rank = order.size(); rank >= 1; --rank) {
    const std::size_t i = order[rank - 1];
    most = std::min(most, p[i] * static_cast<double>(p.size()) / static_cast<double>(rank));
    adjusted[i] = most;
  }
  return adjusted;
}

double ShiftError(double scale, std::size_t n, std::size_t m) {
  if (n == 0 || m == 0) return kUnbounded;
  return scale *
         std::sqrt((1.0 / static_cast<double>(n) + 1.0 / static_cast<double>(m)) * std::numbers::pi / 3);
}

double DetectableShift(double scale, std::size_t n, std::size_t m, double level, double power) {
  if (n == 0 || m == 0 || LeastRankSumP(n, m) > level) return kUnbounded;
  const double z = NormalQuantile(1 - level);
  const double small = (z * z * z + z) / (4 * static_cast<double>(n + m - 2));
  return (z + small + NormalQuantile(power)) * ShiftError(scale, n, m);
}

TrendTest Trend(std::span<const double> sample) {
  TrendTest test;
  const auto n = static_cast<double>(sample.size());
  if (sample.size() < 4) return test;
  double score = 0;
  for (std::size_t i = 0; i < sample.size(); ++i)
    for (std::size_t j = i + 1; j < sample.size(); ++j)
      score += (sample[j] > sample[i] ? 1 : 0) - (sample[j] < sample[i] ? 1 : 0);
  double ties = 0;
  const auto sorted = SortedSample(sample);
  for (std::size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
    const auto t = static_cast<double>(end - begin);
    ties += t * (t - 1) * (2 * t + 5);
  }
  const double variance = (n * (n - 1) * (2 * n + 5) - ties) / 18;
  if (variance <= 0) return test;
  test.tau = score / (n * (n - 1) / 2);
  const double z = std::max(0.0, std::abs(score) - 1) / std::sqrt(variance);
  test.p = std::min(1.0, 2 * NormalCdf(-z));
  return test;
}

}  // namespace altlas::profile
