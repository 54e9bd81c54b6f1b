// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <vector>

// What a scenario says about its repeats. Pure.
namespace altlas::bench {

// Percentiles are nearest ranks: the smallest value that at least so many percent of the values do not
// exceed. Of fewer than 100 values p99 is therefore the largest. The median is the middle value or the mean
// of the two in the middle; `mad` is the median of the distances to it, unscaled. All 0 for no values.
struct SampleFacts {
  std::size_t count = 0;
  double mean = 0;
  double median = 0;
  double mad = 0;
  double least = 0;
  double most = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
};

SampleFacts FactsOf(std::vector<double> sample);
double MedianOf(std::vector<double> sample);
// `percent` of (0, 100] of values in ascending order, at least one.
double NearestRank(std::span<const double> ascending, double percent);

}  // namespace altlas::bench
