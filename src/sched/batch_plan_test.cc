// SPDX-License-Identifier: Apache-2.0
#include "sched/batch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace altlas::sched {
namespace {

using Shares = std::vector<std::size_t>;

// SCH-2
TEST(PlanShares, FollowsTheWeights) {
  EXPECT_EQ(PlanShares(14, 1, {8, 4, 2}), (Shares{8, 4, 2}));
  EXPECT_EQ(PlanShares(16, 4, {1, 3}), (Shares{4, 12}));
}

TEST(PlanShares, GivesTheRestToTheLargestRemainders) {
  EXPECT_EQ(PlanShares(10, 1, {1, 1, 1}), (Shares{4, 3, 3}));
}

TEST(PlanShares, LeavesOutDevicesThatWouldGetTooLittle) {
  EXPECT_EQ(PlanShares(10, 4, {1, 9, 0}), (Shares{0, 10, 0}));
  EXPECT_EQ(PlanShares(3, 4, {1, 2}), (Shares{0, 3}));
}

TEST(PlanShares, GivesNothingWhereNobodyCanTakeIt) {
  EXPECT_EQ(PlanShares(5, 1, {0, -1}), (Shares{0, 0}));
  EXPECT_EQ(PlanShares(0, 1, {1, 1}), (Shares{0, 0}));
  EXPECT_TRUE(PlanShares(5, 1, {}).empty());
}

// SCH-2
TEST(PlanShares, AddsUpAndKeepsTheMinimumForAnyWeights) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    std::vector<double> weights(1 + random.Below(12));
    for (double& w : weights)
      w = random.Below(5) == 0 ? 0 : random.Unit() * static_cast<double>(1 + random.Below(100));
    weights[0] = 0.5;
    const std::size_t items = random.Below(200), least = 1 + random.Below(8);
    const Shares shares = PlanShares(items, least, weights);
    ASSERT_EQ(std::accumulate(shares.begin(), shares.end(), std::size_t{0}), items) << "seed " << seed;
    const auto used = std::count_if(shares.begin(), shares.end(), [](std::size_t n) { return n > 0; });
    for (std::size_t i = 0; i < shares.size(); ++i) {
      ASSERT_TRUE(weights[i] > 0 || shares[i] == 0) << "seed " << seed;
      ASSERT_TRUE(used <= 1 || shares[i] == 0 || shares[i] >= least) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace altlas::sched
