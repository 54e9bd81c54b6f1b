// SPDX-License-Identifier: Apache-2.0
#include "tune/batch_search.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace altlas::tune {
namespace {

constexpr double kMebibyte = 1 << 20;
constexpr double kGiB = 1 << 30;

using Memory = std::function<double(std::uint64_t)>;

// Independent of the search: the largest batch within the limit, by bisection of a memory that only grows.
std::uint64_t Bisect(const Memory& memory, double limit, std::uint64_t most) {
  if (memory(1) > limit) return 0;
  std::uint64_t fits = 1;
  std::uint64_t over = most + 1;
  while (over - fits > 1) {
    const auto middle = fits + (over - fits) / 2;
    (memory(middle) <= limit ? fits : over) = middle;
  }
  return fits;
}

struct Outcome {
  BatchAnswer answer;
  double highest = 0;
};

Outcome Search(const Memory& memory, const BatchLimits& limits, double capacity = INFINITY) {
  auto search = BatchSearch::Create(limits);
  EXPECT_TRUE(search.has_value());
  Outcome outcome;
  while (const auto batch = search->Next()) {
    EXPECT_EQ(search->Next(), batch) << "it changed its mind without news";
    const double bytes = memory(*batch);
    outcome.highest = std::max(outcome.highest, bytes);
    if (bytes > capacity) {
      search->OnFailed(*batch);
    } else {
      search->OnMeasured(*batch, bytes);
    }
  }
  outcome.answer = search->Answer();
  return outcome;
}

void ExpectNear(std::uint64_t found, std::uint64_t right) {
  RC_ASSERT(found <= right);
  RC_ASSERT(static_cast<double>(found) >= std::floor(0.95 * static_cast<double>(right)));
}

// TUN-3: M0 + k * b, in the granularity of an allocator.
RC_GTEST_PROP(BatchSearchProperty, OnALineTheAnswerIsWithinFivePercent, ()) {
  const double m0 = *rc::gen::inRange(10, 4'000) * kMebibyte;
  const double k = *rc::gen::inRange(1, 300'000) * 1024.0;
  const double grain = *rc::gen::element(1.0, 512.0, 2.0 * kMebibyte);
  // Many grains, and some samples: a step of one is not to be worth more than the margin below the capacity.
  const double capacity = m0 + k * *rc::gen::inRange(10, 3'000) + 64 * kMebibyte;
  const Memory memory = [=](std::uint64_t b) {
    return std::ceil((m0 + k * static_cast<double>(b)) / grain) * grain;
  };
  const BatchLimits limits{.memory_bytes = 0.9 * capacity, .base_bytes = m0 * 0.8};
  if (limits.base_bytes >= limits.memory_bytes) return;
  const auto outcome = Search(memory, limits, capacity);
  ExpectNear(outcome.answer.batch, Bisect(memory, limits.memory_bytes, limits.most));
  RC_ASSERT(outcome.highest <= capacity);
}

// A workspace that appears at some size, and noise of half a percent.
RC_GTEST_PROP(BatchSearchProperty, AStepAndNoiseDoNotLeadIntoOutOfMemory, ()) {
  const double m0 = *rc::gen::inRange(100, 2'000) * kMebibyte;
  const double k = *rc::gen::inRange(100, 50'000) * 1024.0;
  const double capacity = m0 + k * *rc::gen::inRange(20, 2'000) + 64 * kMebibyte;
  const double step = *rc::gen::inRange(0, 80) / 1000.0 * capacity;
  const auto step_at = static_cast<std::uint64_t>(*rc::gen::inRange(2, 2'000));
  const auto seed = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1'000'000));
  const Memory memory = [=](std::uint64_t b) {
    std::mt19937_64 random(seed + b);
    std::uniform_real_distribution<double> noise(0, 0.005);
    return (m0 + k * static_cast<double>(b)) * (1 + noise(random)) + (b >= step_at ? step : 0);
  };
  const BatchLimits limits{.memory_bytes = 0.9 * capacity, .base_bytes = m0};
  if (limits.base_bytes >= limits.memory_bytes) return;
  const auto outcome = Search(memory, limits, capacity);
  RC_ASSERT(outcome.highest <= capacity);
  const auto right = Bisect(memory, limits.memory_bytes, limits.most);
  if (right == 0) {
    RC_ASSERT(outcome.answer.batch == 0u);
    return;
  }
  RC_ASSERT(memory(outcome.answer.batch) <= limits.memory_bytes);
  // The noise alone is worth half a percent of the whole memory, of which the batch may be a small part.
  const double slack = 0.005 * capacity / k + 1;
  RC_ASSERT(static_cast<double>(outcome.answer.batch) >= 0.95 * static_cast<double>(right) - slack);
}

// What grows faster than a line (attention over longer and longer sequences, say) ends right all the same.
RC_GTEST_PROP(BatchSearchProperty, ACurveIsFollowed, ()) {
  const double m0 = *rc::gen::inRange(10, 500) * kMebibyte;
  const double k = *rc::gen::inRange(10, 500) * 1024.0;
  const double bend = *rc::gen::inRange(0, 200);
  const Memory memory = [=](std::uint64_t b) {
    const auto x = static_cast<double>(b);
    return m0 + k * x + bend * x * x;
  };
  const BatchLimits limits{.memory_bytes = m0 + *rc::gen::inRange(5, 4'000) * kMebibyte,
                           .base_bytes = m0 / 2};
  const auto outcome = Search(memory, limits);
  ExpectNear(outcome.answer.batch, Bisect(memory, limits.memory_bytes, limits.most));
}

TEST(BatchSearch, ARealStepIsRunAtTheAnswer) {
  const auto outcome = Search([](std::uint64_t b) { return kGiB + 50 * kMebibyte * static_cast<double>(b); },
                              {.memory_bytes = 7 * kGiB, .base_bytes = 0.5 * kGiB});
  const auto& answer = outcome.answer;
  EXPECT_EQ(answer.batch, 122u) << "6 GiB of 50 MiB each";
  EXPECT_TRUE(answer.linear);
  EXPECT_NEAR(answer.fit.slope, 50 * kMebibyte, kMebibyte);
  EXPECT_NEAR(answer.fit.intercept, kGiB, kMebibyte);
  EXPECT_EQ(answer.bytes, kGiB + 122 * 50 * kMebibyte);
  EXPECT_NEAR(answer.predicted_bytes, answer.bytes, kMebibyte);
  bool was_run = false;
  int small = 0;
  for (const auto& run : answer.runs) {
    was_run |= run.batch == 122 && run.fits;
    small += run.bytes <= 3.5 * kGiB;
  }
  EXPECT_TRUE(was_run);
  EXPECT_GE(small, 4) << "the line is to be known before the upper half is entered";
}

TEST(BatchSearch, AWorkspaceIsNamed) {
  const auto outcome = Search(
      [](std::uint64_t b) {
        return kGiB + 20 * kMebibyte * static_cast<double>(b) + (b > 16 ? 700 * kMebibyte : 0);
      },
      {.memory_bytes = 6 * kGiB});
  // 221 fit; the search ends where what is left is worth less than 2 % of the batch.
  EXPECT_LE(outcome.answer.batch, 221u);
  EXPECT_GE(outcome.answer.batch, 217u);
  EXPECT_NEAR(outcome.answer.step_bytes, 700 * kMebibyte, 100 * kMebibyte);
  EXPECT_EQ(outcome.answer.step_above, 16u);
}

TEST(BatchSearch, ASampleThatDoesNotFitIsSaid) {
  const auto outcome = Search([](std::uint64_t) { return 3 * kGiB; }, {.memory_bytes = 2 * kGiB});
  EXPECT_EQ(outcome.answer.batch, 0u);
  EXPECT_EQ(outcome.answer.why, "not even the smallest batch fits");
  const auto failed = Search([](std::uint64_t) { return 3 * kGiB; }, {.memory_bytes = 2 * kGiB}, kGiB);
  EXPECT_EQ(failed.answer.batch, 0u);
}

TEST(BatchSearch, AFailureIsAnUpperEndAndNotTheEnd) {
  // What no measurement shows: past 300 the driver refuses.
  auto search = BatchSearch::Create({.memory_bytes = 8 * kGiB});
  ASSERT_TRUE(search.has_value());
  while (const auto batch = search->Next()) {
    if (*batch > 300) {
      search->OnFailed(*batch);
    } else {
      search->OnMeasured(*batch, kGiB + 10 * kMebibyte * static_cast<double>(*batch));
    }
  }
  EXPECT_GE(search->Answer().batch, 285u);
  EXPECT_LE(search->Answer().batch, 300u);
}

TEST(BatchSearch, TheSamplesThereAreBoundIt) {
  const auto outcome =
      Search([](std::uint64_t b) { return static_cast<double>(b); }, {.memory_bytes = kGiB, .most = 100});
  EXPECT_EQ(outcome.answer.batch, 100u);
  EXPECT_LE(outcome.answer.runs.size(), 10u);
}

TEST(BatchSearch, NothingBelowTheSmallestIsRun) {
  const auto outcome = Search(
      [](std::uint64_t b) {
        EXPECT_GE(b, 2u);
        return 100 * (kGiB / 1024) * static_cast<double>(b);
      },
      {.memory_bytes = kGiB, .least = 2});
  EXPECT_EQ(outcome.answer.batch, 10u);
}

TEST(BatchSearch, MemoryThatDoesNotGrowEndsAtTheMost) {
  const auto outcome =
      Search([](std::uint64_t) { return 100 * kMebibyte; }, {.memory_bytes = kGiB, .most = 4096});
  EXPECT_EQ(outcome.answer.batch, 4096u);
}

TEST(BatchSearch, LimitsThatLeaveNothingAreRefused) {
  EXPECT_EQ(BatchSearch::Create({.memory_bytes = 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(BatchSearch::Create({.memory_bytes = -1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(BatchSearch::Create({.memory_bytes = NAN}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(BatchSearch::Create({.memory_bytes = kGiB, .most = 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(BatchSearch::Create({.memory_bytes = kGiB, .least = 3, .most = 2}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(BatchSearch::Create({.memory_bytes = kGiB, .base_bytes = kGiB}).error().code,
            ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace altlas::tune
