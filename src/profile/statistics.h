// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

// The statistics of the gate: robust, two-sample, free of assumptions on the distribution's shape, and
// deterministic (whatever draws at random takes a seed). Pure. Samples are finite numbers; a function says
// what it answers for an empty one. Nothing here blocks, throws (beyond lack of memory) or keeps state.
namespace altlas::profile {

inline constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// The q-quantile (0..1) by linear interpolation between order statistics at (n-1)q: definition 7 of Hyndman,
// Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996). NaN for an empty
// sample.
double Quantile(std::span<const double> sample, double q);
double Median(std::span<const double> sample);

// The median of |x - median|, times 1.4826 so that it estimates a normal distribution's standard deviation
// (Hampel, JASA 69, 1974). 0 for fewer than two values.
double ScaledMad(std::span<const double> sample);

// 1.0483 times the median of |x_i - x_j| over all pairs within each sample: Shamos' estimator of the standard
// deviation, as robust to one value in four as it needs to be here and twice as precise as ScaledMad
// (Rousseeuw, Croux, JASA 88, 1993). The pairs of both samples are pooled, so that a shift between them does
// not count as noise. 0 where there is no pair.
double PooledScale(std::span<const double> first, std::span<const double> second);

double NormalCdf(double z);
// The z with NormalCdf(z) = p; infinities at 0 and 1.
double NormalQuantile(double p);

enum class Alternative : std::uint8_t { kTwoSided, kGreater, kLess };

struct RankSumTest {
  double u = 0;  // pairs with x > y, and half of those with x = y
  double p = 1;
  bool exact = true;
};

// The largest x.size() + y.size() whose p is counted exactly.
inline constexpr std::size_t kExactRankSum = 50;

// Mann and Whitney's test ("On a Test of Whether one of Two Random Variables is Stochastically Larger than
// the Other", Annals of Mathematical Statistics 18, 1947); kGreater asks whether x is the larger. Up to
// kExactRankSum values together p is exact, ties too: the share of all C(n+m, n) ways to deal the joint
// midranks that give a U at least as extreme (counted, not drawn). Beyond, the normal approximation with the
// tie-corrected variance n m / 12 ((N+1) - sum(t^3 - t) / (N (N-1))) (Lehmann, "Nonparametrics", 1975, 1.4)
// and a continuity correction of one half. Two-sided is twice the smaller side, at most 1. p = 1 where a
// sample is empty or all values are equal.
RankSumTest MannWhitney(std::span<const double> x, std::span<const double> y, Alternative alternative);

// The least one-sided p that samples of these sizes can reach: 1 / C(n+m, n).
double LeastRankSumP(std::size_t n, std::size_t m);

// The median of all x_i - y_j: Hodges, Lehmann, "Estimates of Location Based on Rank Tests", Annals of
// Mathematical Statistics 34 (1963). 0 where a sample is empty.
double HodgesLehmann(std::span<const double> x, std::span<const double> y);

struct Bounds {
  double low = -kUnbounded;
  double high = kUnbounded;
};

// Bounds on the shift from y to x, each missed with probability at most `miss` (so the interval covers it
// with 1 - 2 miss): order statistics of the differences x_i - y_j, by inverting the rank-sum test (Moses, in
// Walker, Lev, "Statistical Inference", 1953; Lehmann 1975, 2.6). Exact up to kExactRankSum values, normal
// beyond. Infinite where the samples are too small for any bound.
Bounds ShiftInterval(std::span<const double> x, std::span<const double> y, double miss);

// Bounds on the median of the distribution that `sample` is from, each missed with probability at most
// `miss`: order statistics by the binomial distribution with p = 1/2 (Thompson, Annals of Mathematical
// Statistics 7, 1936). Infinite where the sample is too small.
Bounds MedianInterval(std::span<const double> sample, double miss);

// A percentile bootstrap interval (Efron, Annals of Statistics 7, 1979) of median(x) / median(y): both
// samples are drawn anew `resamples` times by Random(seed). Values are positive. Unbounded where one is
// empty.
Bounds BootstrapMedianRatio(std::span<const double> x, std::span<const double> y, double miss,
                            std::uint64_t seed, int resamples = 2000);

// p-values that may be compared with the wanted level as if there were one test; in the order given, at
// most 1. The first two bound the chance of any false alarm (Holm, Scandinavian Journal of Statistics 6,
// 1979, is never weaker), the third the expected share of false ones among the alarms (Benjamini, Hochberg,
// JRSS B 57, 1995).
std::vector<double> AdjustBonferroni(std::span<const double> p);
std::vector<double> AdjustHolm(std::span<const double> p);
std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p);

// The standard error of HodgesLehmann for normal distributions: scale sqrt((1/n + 1/m) pi/3) (asymptotic
// efficiency 3/pi; Hodges, Lehmann 1963).
double ShiftError(double scale, std::size_t n, std::size_t m);

// The shift that a one-sided rank-sum test at `level` finds with probability `power`, about, from n and m
// values of normal noise: (t + z(power)) ShiftError, the test's power by its Pitman efficiency (Lehmann 1975,
// 2.4), with Student's quantile to first order for the level, z + (z^3 + z) / (4 (n + m - 2)) (Abramowitz,
// Stegun 26.7.5), since the normal one promises too much at a dozen runs. Infinite where the least p is above
// the level.
double DetectableShift(double scale, std::size_t n, std::size_t m, double level, double power);

// Kendall's tau between the values and their order, and its one-sided normal p against "no trend" in the
// direction seen (Mann, "Nonparametric Tests Against Trend", Econometrica 13, 1945; ties as in Kendall 1970).
struct TrendTest {
  double tau = 0;
  double p = 1;  // two-sided
};
TrendTest Trend(std::span<const double> sample);

}  // namespace altlas::profile
