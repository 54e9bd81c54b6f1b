// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/kv_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace altlas::serve {
namespace {

TEST(KvPlan, AsManyWholeContextsAsFit) {
  const auto plan = PlanKvCache(100, 1000, 8, 350'000);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->slots, 3);
  EXPECT_EQ(plan->tokens_per_slot, 1000);
  EXPECT_EQ(PlanKvCache(100, 1000, 2, 350'000)->slots, 2);
}

TEST(KvPlan, TooLittleForOneContextShortensIt) {
  const auto plan = PlanKvCache(100, 1000, 8, 99'999);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->slots, 1);
  EXPECT_EQ(plan->tokens_per_slot, 999);
}

TEST(KvPlan, MuchTooLittleIsRefusedWithWhatWouldDo) {
  const auto plan = PlanKvCache(100, 1000, 8, 6399);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(plan.error().message.find("6400"), std::string::npos);
  EXPECT_TRUE(PlanKvCache(100, 1000, 8, 6400).has_value());
}

TEST(KvPlan, TheBudgetIsNeverPassed) {
  EXPECT_TRUE(rc::check([] {
    const auto bytes = *rc::gen::inRange<std::int64_t>(1, 100'000);
    const auto context = *rc::gen::inRange<std::int64_t>(1, 200'000);
    const auto batch = *rc::gen::inRange<std::int64_t>(1, 100);
    const auto budget = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 36);
    const auto plan = PlanKvCache(bytes, context, batch, budget);
    if (!plan.has_value()) return;
    RC_ASSERT(plan->slots >= 1 && plan->slots <= batch);
    RC_ASSERT(plan->tokens_per_slot <= context);
    RC_ASSERT(plan->slots * plan->tokens_per_slot * bytes <= budget);
  }));
}

}  // namespace
}  // namespace altlas::serve
