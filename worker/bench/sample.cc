// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace altlas::bench {
namespace {

double MiddleOf(std::span<const double> ascending) {
  const std::size_t half = ascending.size() / 2;
  return ascending.size() % 2 == 1 ? ascending[half] : (ascending[half - 1] + ascending[half]) / 2;
}

}  // namespace

double NearestRank(std::span<const double> ascending, double percent) {
  // In this order a whole percentage is exact: 28 / 100 * 25 would be more than 7.
  const double rank = std::ceil(percent * static_cast<double>(ascending.size()) / 100);
  const auto at = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return ascending[std::min(at, ascending.size() - 1)];
}

double MedianOf(std::vector<double> sample) {
  if (sample.empty()) return 0;
  std::sort(sample.begin(), sample.end());
  return MiddleOf(sample);
}

SampleFacts FactsOf(std::vector<double> sample) {
  SampleFacts facts;
  facts.count = sample.size();
  if (sample.empty()) return facts;
  std::sort(sample.begin(), sample.end());
  facts.mean = std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
  facts.median = MiddleOf(sample);
  facts.least = sample.front();
  facts.most = sample.back();
  facts.p90 = NearestRank(sample, 90);
  facts.p95 = NearestRank(sample, 95);
  facts.p99 = NearestRank(sample, 99);
  for (double& value : sample) value = std::abs(value - facts.median);
  facts.mad = MedianOf(std::move(sample));
  return facts;
}

}  // namespace altlas::bench
