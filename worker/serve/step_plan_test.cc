// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/step_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>

namespace altlas::serve {
namespace {

std::vector<std::int64_t> Plan(StepLimits limits, const std::vector<std::int64_t>& pending) {
  StepPlanner planner(limits);
  const auto counts = planner.Plan(pending);
  return {counts.begin(), counts.end()};
}

using Counts = std::vector<std::int64_t>;

TEST(StepPlan, GeneratingSequencesAlwaysGetTheirToken) {
  EXPECT_EQ(Plan({4, 2}, {1, 1, 1, 1, 1, 100}), (Counts{1, 1, 1, 1, 1, 2}));
}

TEST(StepPlan, OnePromptTakesWhatIsLeft) {
  EXPECT_EQ(Plan({64, 2}, {1, 1000}), (Counts{1, 63}));
  EXPECT_EQ(Plan({64, 2}, {10}), (Counts{10}));
}

TEST(StepPlan, AShortPromptDoesNotWaitForALongOne) { EXPECT_EQ(Plan({64, 2}, {1000, 20}), (Counts{44, 20})); }

TEST(StepPlan, TheOldestPromptGetsHalfWhateverComesAfterIt) {
  EXPECT_EQ(Plan({64, 2}, {1000, 40, 40, 40}), (Counts{32, 32, 0, 0}));
}

TEST(StepPlan, LimitsHoldForEveryMixture) {
  EXPECT_TRUE(rc::check([] {
    const StepLimits limits{*rc::gen::inRange<std::int64_t>(1, 300), *rc::gen::inRange<std::int64_t>(1, 30)};
    const auto pending = *rc::gen::container<Counts>(rc::gen::inRange<std::int64_t>(1, 400));
    const auto counts = Plan(limits, pending);
    RC_ASSERT(counts.size() == pending.size());
    const auto generating = std::count(pending.begin(), pending.end(), 1);
    const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    RC_ASSERT(total <= std::max(limits.step_tokens, generating + limits.min_prefill_tokens));
    const auto all = std::accumulate(pending.begin(), pending.end(), std::int64_t{0});
    // Work is done up to the limit.
    RC_ASSERT(total == std::min(all, std::max(limits.step_tokens, generating + limits.min_prefill_tokens)) ||
              (generating == static_cast<std::int64_t>(pending.size())));
    bool oldest_seen = false;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      RC_ASSERT(counts[i] >= 0 && counts[i] <= pending[i]);
      if (pending[i] == 1) RC_ASSERT(counts[i] == 1);
      if (pending[i] > 1 && !oldest_seen) {
        oldest_seen = true;
        RC_ASSERT(counts[i] > 0);
      }
    }
  }));
}

}  // namespace
}  // namespace altlas::serve
