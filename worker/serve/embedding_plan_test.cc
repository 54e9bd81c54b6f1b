// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/embedding_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

namespace altlas::serve {
namespace {

using Lengths = std::vector<std::int64_t>;

TEST(EmbeddingPlan, GroupsTextsOfLikeLengthAroundTheOldest) {
  EXPECT_EQ(PlanEmbeddingStep({}, {}), std::vector<std::size_t>{});
  EXPECT_EQ(PlanEmbeddingStep(Lengths{5}, {}), std::vector<std::size_t>{0});
  // Two of length 10 fit into 20; the 100 waits for its own step.
  EXPECT_EQ(PlanEmbeddingStep(Lengths{10, 100, 9}, {20, 8}), (std::vector<std::size_t>{2, 0}));
  // A text that is longer than the limit goes alone.
  EXPECT_EQ(PlanEmbeddingStep(Lengths{50, 1, 50}, {20, 8}), std::vector<std::size_t>{0});
  // Of equals the older ones, in their order.
  EXPECT_EQ(PlanEmbeddingStep(Lengths{4, 4, 4, 4}, {12, 8}), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(PlanEmbeddingStep(Lengths{4, 4, 4, 4}, {1000, 2}), (std::vector<std::size_t>{0, 1}));
}

// Every choice of neighbours in the order of lengths that holds the oldest and keeps the limits.
std::size_t MostPossible(Lengths lengths, const EmbeddingLimits& limits) {
  const auto oldest = lengths.front();
  std::sort(lengths.begin(), lengths.end());
  std::size_t most = 1;
  for (std::size_t begin = 0; begin < lengths.size(); ++begin) {
    for (std::size_t end = begin; end < lengths.size(); ++end) {
      const auto count = end + 1 - begin;
      const bool holds = lengths[begin] <= oldest && oldest <= lengths[end];
      if (holds && count <= limits.step_texts &&
          lengths[end] * static_cast<std::int64_t>(count) <= limits.step_tokens)
        most = std::max(most, count);
    }
  }
  return most;
}

TEST(EmbeddingPlan, TakesTheOldestAndAsManyAsTheLimitsAllow) {
  EXPECT_TRUE(rc::check([] {
    const auto lengths =
        *rc::gen::nonEmpty(rc::gen::container<Lengths>(rc::gen::inRange<std::int64_t>(1, 40)));
    const EmbeddingLimits limits{*rc::gen::inRange<std::int64_t>(1, 200),
                                 *rc::gen::inRange<std::size_t>(1, 12)};
    const auto chosen = PlanEmbeddingStep(lengths, limits);
    RC_ASSERT(std::set<std::size_t>(chosen.begin(), chosen.end()).size() == chosen.size());
    RC_ASSERT(std::find(chosen.begin(), chosen.end(), 0u) != chosen.end());
    std::int64_t longest = 0;
    for (const auto index : chosen) {
      RC_ASSERT(index < lengths.size());
      RC_ASSERT(lengths[index] >= longest);  // by length
      longest = lengths[index];
    }
    const auto padded = longest * static_cast<std::int64_t>(chosen.size());
    RC_ASSERT(chosen.size() == 1 || padded <= limits.step_tokens);
    RC_ASSERT(chosen.size() == MostPossible(lengths, limits));
  }));
}

}  // namespace
}  // namespace altlas::serve
