// SPDX-License-Identifier: Apache-2.0
#include "sched/batch_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace altlas::sched {
namespace {

// Shares of the devices in `order`, without regard to the minimum.
std::vector<std::size_t> LargestRemainder(std::size_t items, const std::vector<double>& weights,
                                          const std::vector<std::size_t>& order) {
  double total = 0;
  for (const std::size_t i : order) total += weights[i];
  std::vector<std::size_t> shares(weights.size(), 0);
  std::vector<std::pair<double, std::size_t>> rest;
  std::size_t given = 0;
  for (const std::size_t i : order) {
    const double exact = static_cast<double>(items) * (weights[i] / total);
    shares[i] = std::min(static_cast<std::size_t>(exact), items - given);
    given += shares[i];
    rest.emplace_back(exact - std::floor(exact), i);
  }
  std::stable_sort(rest.begin(), rest.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; given < items; ++i, ++given) ++shares[rest[i % rest.size()].second];
  return shares;
}

}  // namespace

std::vector<std::size_t> PlanShares(std::size_t items, std::size_t min_share,
                                    const std::vector<double>& weights) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0 && std::isfinite(weights[i])) order.push_back(i);
  }
  if (order.empty() || items == 0) return std::vector<std::size_t>(weights.size(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  const std::size_t most = std::max<std::size_t>(1, items / std::max<std::size_t>(1, min_share));
  order.resize(std::min(order.size(), most));
  for (;; order.pop_back()) {
    auto shares = LargestRemainder(items, weights, order);
    const bool fits =
        std::all_of(order.begin(), order.end(), [&](std::size_t i) { return shares[i] >= min_share; });
    if (fits || order.size() == 1) return shares;
  }
}

}  // namespace altlas::sched
