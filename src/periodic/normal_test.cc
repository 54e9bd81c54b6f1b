// SPDX-License-Identifier: Apache-2.0
#include "periodic/normal.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace altlas::periodic {
namespace {

// By Box and Muller; the same seed gives the same series.
double Gauss(Random& random) {
  const double u = 1 - random.Unit(), v = random.Unit();
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * 3.141592653589793 * v);
}

// The rule again, by sorting: what the medians must be.
double SortedMedian(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Normal Trained(double level, double noise, Random& random, const NormalRules& rules) {
  Normal normal;
  for (std::size_t i = 0; i < rules.window; ++i)
    (void)normal.Take(level * (1 + noise * Gauss(random)), rules);
  return normal;
}

TEST(Normal, LearnsBeforeItJudges) {
  NormalRules rules;
  Normal normal;
  for (std::size_t i = 0; i < rules.minimum_samples; ++i) {
    const auto judgement = normal.Take(i % 2 == 0 ? 1 : 1000, rules);
    EXPECT_EQ(judgement.verdict, Verdict::kLearning);
    EXPECT_EQ(judgement.samples, i);
  }
  EXPECT_NE(normal.Take(1, rules).verdict, Verdict::kLearning);
}

TEST(Normal, MedianAndSpreadAreThoseOfTheWindowBeforeTheSample) {
  EXPECT_TRUE(rc::check([] {
    NormalRules rules;
    rules.window = *rc::gen::inRange<std::size_t>(3, 30);
    rules.minimum_samples = *rc::gen::inRange<std::size_t>(3, rules.window + 1);
    rules.threshold = 1e9;  // nothing is slow: everything joins
    const auto numbers = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 10'000));
    Normal normal;
    std::vector<double> all;
    for (const int number : numbers) {
      const auto judgement = normal.Take(number, rules);
      if (all.size() >= rules.minimum_samples) {
        const auto kept = std::min(all.size(), rules.window);
        std::vector<double> window(all.end() - static_cast<std::ptrdiff_t>(kept), all.end());
        const double median = SortedMedian(window);
        RC_ASSERT(judgement.samples == window.size());
        RC_ASSERT(judgement.median == median);
        for (double& value : window) value = std::abs(value - median);
        RC_ASSERT(std::abs(judgement.spread - 1.4826 * SortedMedian(window)) < 1e-9);
        // Where all are alike the spread is 0 and the floor alone stands.
        if (judgement.spread == 0 && number > judgement.limit) return;
      }
      all.push_back(number);
    }
  }));
}

TEST(Normal, NothingThatNeverMovesAlarms) {
  EXPECT_TRUE(rc::check([] {
    const double level = *rc::gen::inRange(1, 1'000'000) * 1e-6;
    Normal normal;
    for (int i = 0; i < 300; ++i) {
      const auto verdict = normal.Take(level, {}).verdict;
      RC_ASSERT(verdict == Verdict::kLearning || verdict == Verdict::kNormal);
    }
  }));
}

// With a spread of 0 or nearly so the floor keeps a hair from being an alarm.
TEST(Normal, ChangesBelowTheFloorAreNone) {
  EXPECT_TRUE(rc::check([] {
    NormalRules rules;
    const double up = *rc::gen::inRange(0, 99) * 0.001;  // under a tenth
    Normal normal;
    for (int i = 0; i < 100; ++i) (void)normal.Take(1, rules);
    for (int i = 0; i < 100; ++i) RC_ASSERT(normal.Take(1 + up, rules).verdict == Verdict::kNormal);
  }));
}

// Noise within the spread: with 5 spreads and two in a row an alarm is a matter of years; the expected number
// in 400 series of 500 samples is far below one (a normal distribution is past 5 deviations 3 times in 10
// million; that the spread of 60 samples is itself uncertain makes it some hundred times more, squared by the
// second sample).
TEST(Normal, NoiseDoesNotAlarm) {
  NormalRules rules;
  int anomalies = 0, suspects = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const double noise = 0.02 + 0.2 * random.Unit();
    Normal normal;
    for (int i = 0; i < 500; ++i) {
      const auto verdict = normal.Take(std::max(0.01, 1 + noise * Gauss(random)), rules).verdict;
      anomalies += verdict == Verdict::kAnomaly;
      suspects += verdict == Verdict::kSuspect;
    }
  }
  EXPECT_EQ(anomalies, 0);
  EXPECT_LT(suspects, 200'000 / 1000);
}

TEST(Normal, AStepOfThirtyPercentIsFoundWithItsSecondSampleAndNeverFromOne) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    NormalRules rules;
    Random random(seed);
    const double level = 1e-5 + random.Unit();
    const double noise = 0.03 * random.Unit();
    auto normal = Trained(level, noise, random, rules);
    // The noise that is on top of the step is bounded, so that the step itself is one of 30 % at least.
    const auto slow = [&] { return level * (1.3 + noise * std::abs(Gauss(random))); };
    RC_ASSERT(normal.Take(slow(), rules).verdict == Verdict::kSuspect);
    RC_ASSERT(!normal.slow());
    RC_ASSERT(normal.Take(slow(), rules).verdict == Verdict::kAnomaly);
    RC_ASSERT(normal.slow());
  }));
}

// However slow, one sample between normal ones is chance.
TEST(Normal, LoneSlowSamplesNeverAlarm) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    NormalRules rules;
    Random random(seed);
    auto normal = Trained(1, 0.02, random, rules);
    for (int i = 0; i < 50; ++i) {
      RC_ASSERT(normal.Take(2 + 100 * random.Unit(), rules).verdict != Verdict::kAnomaly);
      RC_ASSERT(normal.Take(1, rules).verdict == Verdict::kNormal);
    }
  }));
}

TEST(Normal, FasterIsNeverAnAnomaly) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    NormalRules rules;
    Random random(seed);
    auto normal = Trained(1, 0.02, random, rules);
    double level = 1;
    for (int i = 0; i < 200; ++i) RC_ASSERT(normal.Take(level *= 0.97, rules).verdict == Verdict::kNormal);
  }));
}

// Down from an anomaly little by little: it ends once, where the limit is passed, and does not begin again.
TEST(Normal, ASlowReturnEndsTheAnomalyOnce) {
  NormalRules rules;
  Random random(3);
  auto normal = Trained(1, 0.01, random, rules);
  std::vector<bool> slow;
  for (double level = 1.6; level > 1; level *= 0.97) {
    (void)normal.Take(level, rules);
    slow.push_back(normal.slow());
  }
  EXPECT_FALSE(slow.front());  // one sample
  EXPECT_TRUE(slow[1]);
  EXPECT_FALSE(slow.back());
  EXPECT_EQ(std::count(slow.begin() + 1, slow.end(), true),
            std::find(slow.begin() + 1, slow.end(), false) - (slow.begin() + 1));
}

TEST(Normal, AnAnomalyEndsWhereTheRulesAskForMoreSamplesThanThereAre) {
  NormalRules rules;
  Random random(4);
  auto normal = Trained(1, 0.01, random, rules);
  for (int i = 0; i < 3; ++i) (void)normal.Take(2, rules);
  ASSERT_TRUE(normal.slow());
  rules.minimum_samples = rules.window = 2 * rules.window;
  EXPECT_EQ(normal.Take(2, rules).verdict, Verdict::kLearning);
  EXPECT_FALSE(normal.slow());
}

TEST(Normal, AnomalousSamplesDoNotMoveTheNormal) {
  NormalRules rules;
  Normal normal;
  for (int i = 0; i < 60; ++i) (void)normal.Take(1, rules);
  for (std::size_t i = 1; i < rules.adopt_after; ++i) {
    const auto judgement = normal.Take(2, rules);
    EXPECT_EQ(judgement.verdict, i == 1 ? Verdict::kSuspect : Verdict::kAnomaly);
    EXPECT_EQ(judgement.median, 1);
    EXPECT_EQ(judgement.slow_in_a_row, i);
  }
  EXPECT_EQ(normal.Take(1, rules).verdict, Verdict::kNormal);
  const auto after = normal.Take(1, rules);
  EXPECT_EQ(after.median, 1);
  EXPECT_EQ(after.spread, 0);
}

TEST(Normal, ALevelThatPersistsIsTheNormalAfterSoManySamples) {
  EXPECT_TRUE(rc::check([] {
    NormalRules rules;
    rules.adopt_after = *rc::gen::inRange<std::size_t>(20, 60);
    Normal normal;
    for (int i = 0; i < 60; ++i) (void)normal.Take(1, rules);
    for (std::size_t i = 1; i < rules.adopt_after; ++i)
      RC_ASSERT(normal.Take(2, rules).verdict != Verdict::kAdopted);
    RC_ASSERT(normal.Take(2, rules).verdict == Verdict::kAdopted);
    RC_ASSERT(!normal.slow());
    const auto next = normal.Take(2, rules);
    RC_ASSERT(next.verdict == Verdict::kNormal);
    RC_ASSERT(next.median == 2);
    // From here on half as slow again is an anomaly, and what was normal once is only fast.
    RC_ASSERT(normal.Take(3, rules).verdict == Verdict::kSuspect);
    RC_ASSERT(normal.Take(3, rules).verdict == Verdict::kAnomaly);
    RC_ASSERT(normal.Take(1, rules).verdict == Verdict::kNormal);
  }));
}

}  // namespace
}  // namespace altlas::periodic
