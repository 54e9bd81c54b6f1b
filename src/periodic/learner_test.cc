// SPDX-License-Identifier: Apache-2.0
#include "periodic/learner.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"

namespace altlas::periodic {
namespace {

store::ProfileRow Row(std::string model, std::string device, double seconds,
                      std::string measure = "decode/1") {
  store::ProfileRow row;
  row.model = std::move(model);
  row.device = std::move(device);
  row.measures = {{std::move(measure), seconds, 100, 0, 0, 0, false}};
  return row;
}

void Teach(Learner& learner, const std::string& model, const std::string& device, double seconds,
           const std::string& measure = "decode/1") {
  for (int i = 0; i < 60; ++i) {
    auto row = Row(model, device, seconds, measure);
    EXPECT_TRUE(learner.Take(row).empty());
  }
}

TEST(Learner, AnAnomalyHasItsReasonItsNormalAndIsToldOnce) {
  Learner learner{{}};
  Teach(learner, "tiny", "gpu_0", 0.0004);
  auto first = Row("tiny", "gpu_0", 0.0006);
  EXPECT_TRUE(learner.Take(first).empty());
  EXPECT_FALSE(first.anomaly);
  EXPECT_EQ(first.why, "");
  auto second = Row("tiny", "gpu_0", 0.0006);
  const auto began = learner.Take(second);
  ASSERT_EQ(began.size(), 1u);
  EXPECT_EQ(began[0].kind, Change::Kind::kBegan);
  EXPECT_TRUE(second.anomaly);
  EXPECT_TRUE(second.measures[0].anomaly);
  EXPECT_EQ(second.measures[0].normal, 0.0004);
  EXPECT_EQ(second.measures[0].samples, 60);
  EXPECT_EQ(
      second.why,
      "decode/1 of tiny on gpu_0 took 600 us a step; normal is 400 us (spread 0 us, 60 samples): +50 %, the "
      "limit is 440 us");
  EXPECT_EQ(began[0].why, second.why);
  auto third = Row("tiny", "gpu_0", 0.0007);
  EXPECT_TRUE(learner.Take(third).empty());
  EXPECT_TRUE(third.anomaly);
  auto back = Row("tiny", "gpu_0", 0.0004);
  const auto ended = learner.Take(back);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].kind, Change::Kind::kEnded);
  EXPECT_FALSE(back.anomaly);
}

TEST(Learner, ALevelThatStaysIsToldAsTheNewNormal) {
  NormalRules rules;
  Learner learner{rules};
  Teach(learner, "tiny", "gpu_0", 1);
  std::vector<Change> all;
  for (std::size_t i = 0; i < rules.adopt_after + 5; ++i) {
    auto row = Row("tiny", "gpu_0", 2);
    for (auto& change : learner.Take(row)) all.push_back(std::move(change));
    EXPECT_EQ(row.anomaly, i >= 1 && i + 1 < rules.adopt_after) << i;
  }
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, Change::Kind::kBegan);
  EXPECT_EQ(all[1].kind, Change::Kind::kAdopted);
  EXPECT_NE(all[1].why.find("for 30 samples and is the normal now"), std::string::npos) << all[1].why;
}

// Models, devices and sizes of a step have their own normals.
TEST(Learner, RulesThatAskForMoreSamplesEndAnAnomalyOnceAndSayWhy) {
  NormalRules rules;
  Learner learner{rules};
  Teach(learner, "tiny", "gpu_0", 1);
  for (int i = 0; i < 3; ++i) {
    auto slow = Row("tiny", "gpu_0", 2);
    (void)learner.Take(slow);
  }
  rules.window = rules.minimum_samples = 200;
  learner.SetRules(rules);
  auto next = Row("tiny", "gpu_0", 2);
  const auto ended = learner.Take(next);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].kind, Change::Kind::kEnded);
  EXPECT_EQ(ended[0].why,
            "decode/1 of tiny on gpu_0 is learned anew: minimum_samples is 200 now, and there are 60");
  auto after = Row("tiny", "gpu_0", 2);
  EXPECT_TRUE(learner.Take(after).empty());
}

TEST(Learner, ModelsDevicesAndMeasuresDoNotMix) {
  Learner learner{{}};
  const std::vector<std::array<std::string, 3>> figures = {{"a", "gpu_0", "decode/1"},
                                                           {"b", "gpu_0", "decode/1"},
                                                           {"a", "gpu_1", "decode/1"},
                                                           {"a", "gpu_0", "decode/2"},
                                                           {"a", "gpu_0", "prefill/1"}};
  for (std::size_t i = 0; i < figures.size(); ++i)
    Teach(learner, figures[i][0], figures[i][1], static_cast<double>(i + 1), figures[i][2]);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      auto usual = Row(figures[i][0], figures[i][1], static_cast<double>(i + 1), figures[i][2]);
      (void)learner.Take(usual);
      EXPECT_FALSE(usual.anomaly);
      EXPECT_EQ(usual.measures[0].normal, static_cast<double>(i + 1));
    }
  }
  // One of them slow: the others are what they were.
  for (int twice = 0; twice < 2; ++twice) {
    auto slow = Row("a", "gpu_0", 5);
    (void)learner.Take(slow);
    EXPECT_EQ(slow.anomaly, twice == 1);
    auto other = Row("a", "gpu_1", 3);
    (void)learner.Take(other);
    EXPECT_FALSE(other.anomaly);
  }
}

// What a manager knew is what its history says: replayed, it judges the next samples alike.
TEST(Learner, AHistoryReplayedGivesTheSameVerdicts) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    Random random(seed);
    std::vector<store::ProfileRow> rows;
    double level = 1;
    for (int i = 0; i < 250; ++i) {
      if (random.Below(40) == 0) level = 0.5 + 2 * random.Unit();
      rows.push_back(Row(random.Below(2) == 0 ? "a" : "b", "gpu_0", level * (1 + 0.05 * random.Unit())));
    }
    Learner first{{}};
    for (auto& row : rows) (void)first.Take(row);
    const auto judged = rows;
    Learner second{{}};
    for (auto& row : rows) (void)second.Take(row);
    RC_ASSERT(rows == judged);
    for (int i = 0; i < 5; ++i) {
      auto one = Row("a", "gpu_0", 2.2), other = one;
      (void)first.Take(one);
      (void)second.Take(other);
      RC_ASSERT(one == other);
    }
  }));
}

TEST(Learner, MoreFiguresThanItHoldsAreNotLearned) {
  Learner learner{{}};
  for (std::size_t i = 0; i < Learner::kMostFigures + 10; ++i) {
    auto row = Row("m", "gpu_0", 1, "decode/" + std::to_string(i));
    (void)learner.Take(row);
  }
  for (int i = 0; i < 100; ++i) {
    auto row = Row("m", "gpu_0", i < 90 ? 1 : 9, "decode/" + std::to_string(Learner::kMostFigures + 5));
    (void)learner.Take(row);
    EXPECT_FALSE(row.anomaly);
    EXPECT_EQ(row.measures[0].samples, 0);
  }
}

}  // namespace
}  // namespace altlas::periodic
