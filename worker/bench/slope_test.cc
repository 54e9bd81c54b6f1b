// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/slope.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "base/random.h"

namespace altlas::bench {
namespace {

double Normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.Unit()));
  return radius * std::cos(2 * std::numbers::pi * random.Unit());
}

constexpr double kBase = 100e6;

TEST(Slope, ALineIsFoundExactly) {
  std::vector<double> line;
  for (int i = 0; i < 50; ++i) line.push_back(kBase + 1024.0 * i);
  const auto slope = SlopeOf(line);
  EXPECT_DOUBLE_EQ(slope.per_step, 1024);
  EXPECT_DOUBLE_EQ(slope.low, 1024);
  EXPECT_DOUBLE_EQ(slope.high, 1024);
  EXPECT_DOUBLE_EQ(slope.stretch, 1);
}

// Three points by hand: slopes 1 (0-1), 5 (1-2), 3 (0-2).
TEST(Slope, IsTheMedianOfThePairs) {
  const double three[] = {0, 1, 6};
  EXPECT_DOUBLE_EQ(SlopeOf(three).per_step, 3);
  EXPECT_TRUE(std::isinf(SlopeOf(three).high)) << "three points bound nothing";
}

TEST(Slope, OneJumpAndOneOutlierDoNotMoveIt) {
  std::vector<double> series(60, kBase);
  series[30] = 10 * kBase;
  EXPECT_DOUBLE_EQ(SlopeOf(series).per_step, 0);
}

TEST(Slope, LongSeriesAreThinnedAndKeepTheirSlope) {
  std::vector<double> line;
  for (int i = 0; i < 10'000; ++i) line.push_back(7.0 * i);
  const auto slope = SlopeOf(line);
  EXPECT_LE(slope.points, 1024u);
  EXPECT_NEAR(slope.per_step, 7, 1e-9);
}

// Of 400 series about 4 intervals of 99 % miss the truth; more than 16 would be a wrong formula. Nor are they
// wider than they must be: for normal noise 2.58 standard errors, 40 / sqrt(n (n^2 - 1) / 12), and a
// twentieth.
TEST(Slope, TheIntervalCoversWhatIsTrueAndNoMore) {
  Random random(7);
  int missed = 0;
  double width = 0;
  for (int series = 0; series < 400; ++series) {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) values.push_back(3.0 * i + 40 * Normal(random));
    const auto slope = SlopeOf(values);
    EXPECT_LE(slope.low, slope.per_step);
    EXPECT_GE(slope.high, slope.per_step);
    width += (slope.high - slope.low) / 400;
    if (slope.low > 3 || slope.high < 3) ++missed;
  }
  EXPECT_LE(missed, 16);
  const double expected = 2 * 2.58 * 1.05 * 40 / std::sqrt(60.0 * (60.0 * 60.0 - 1) / 12);
  EXPECT_NEAR(width, expected, 0.15 * expected);
}

TEST(Slope, NeighboursThatDependOnEachOtherWidenTheInterval) {
  Random random(11);
  int seen = 0;
  int false_alarms = 0;
  for (int series = 0; series < 100; ++series) {
    std::vector<double> values;
    double state = 0;
    for (int i = 0; i < 80; ++i) values.push_back(state = 0.9 * state + Normal(random));
    const auto slope = SlopeOf(values);
    seen += slope.stretch > 2;
    false_alarms += slope.low > 0 || slope.high < 0;
  }
  EXPECT_GE(seen, 80) << "strong dependence must be seen";
  EXPECT_LE(false_alarms, 30);
}

// A process that wanders is not called leaking more than now and then.
TEST(Growth, DependentNoiseIsRarelyCalledALeak) {
  Random random(13);
  int leaks = 0;
  for (int series = 0; series < 100; ++series) {
    std::vector<double> values;
    double state = 0;
    for (int i = 0; i < 100; ++i) values.push_back(kBase + 100'000 * (state = 0.9 * state + Normal(random)));
    leaks += JudgeGrowth(values, "memory").growth == Growth::kGrowing;
  }
  EXPECT_LE(leaks, 8);
}

TEST(Growth, APlantedLeakIsFoundAndItsSizeToo) {
  Random random(3);
  std::vector<double> bytes;
  for (int i = 0; i < 100; ++i) bytes.push_back(kBase + 4096.0 * i + 2000 * Normal(random));
  const auto verdict = JudgeGrowth(bytes, "memory");
  EXPECT_EQ(verdict.growth, Growth::kGrowing);
  EXPECT_NEAR(verdict.second_half.per_step, 4096, 200);
  EXPECT_LE(verdict.second_half.low, 4096);
  EXPECT_GE(verdict.second_half.high, 4096);
  EXPECT_NE(verdict.sentence.find("leak"), std::string::npos) << verdict.sentence;
}

TEST(Growth, NoiseAndOneStepAreNoLeakAndStairsAreOne) {
  Random random(5);
  std::vector<double> noise;
  std::vector<double> step;
  std::vector<double> settled;
  for (int i = 0; i < 100; ++i) {
    noise.push_back(kBase + 50'000 * Normal(random));
    step.push_back(kBase + (i >= 70 ? 135'168 : 0));
    settled.push_back(kBase + 8192.0 * std::min(i, 40));
  }
  EXPECT_EQ(JudgeGrowth(noise, "memory").growth, Growth::kSteady);
  EXPECT_EQ(JudgeGrowth(step, "memory").growth, Growth::kSteady);
  // As resident memory shows a leak of 1 KiB: one arena of 132 KiB every 132 iterations.
  std::vector<double> stairs;
  for (int i = 0; i < 1000; ++i) stairs.push_back(kBase + 135'168.0 * (i * 1024 / 135'168));
  EXPECT_EQ(JudgeGrowth(stairs, "memory").growth, Growth::kGrowing);
  EXPECT_EQ(JudgeGrowth(settled, "memory").growth, Growth::kSettling);
  EXPECT_EQ(JudgeGrowth(std::vector<double>(100, kBase), "memory").growth, Growth::kSteady);
}

TEST(Growth, LessThanAPageOverTheRunAndTooFewIterationsAreNoVerdict) {
  std::vector<double> bytes;
  for (int i = 0; i < 100; ++i) bytes.push_back(kBase + 8.0 * i);
  EXPECT_EQ(JudgeGrowth(bytes, "memory").growth, Growth::kSteady);
  for (double& byte : bytes) byte = kBase + 200 * (byte - kBase);
  EXPECT_EQ(JudgeGrowth(bytes, "memory").growth, Growth::kGrowing);
  EXPECT_EQ(JudgeGrowth(bytes, "memory", kLeastResidentBytes).growth, Growth::kSteady);
  EXPECT_EQ(JudgeGrowth(std::span(bytes).first(7), "memory").growth, Growth::kUnknown);
  EXPECT_EQ(JudgeGrowth({}, "memory").growth, Growth::kUnknown);
}

// Differences from the line that are equal but for rounding are ties: ranked by chance, they stretched one
// side.
TEST(Slope, RoundingIsNoOrder) {
  const std::vector<double> series = {-789, -422, -439, -838, -1000, -1000, -1000,
                                      -901, -536, -551, -949, -966,  -982,  -1000};
  auto turned = series;
  for (double& value : turned) value = 512 - value;
  EXPECT_EQ(SlopeOf(series).stretch, SlopeOf(turned).stretch);
  EXPECT_EQ(SlopeOf(series).low, -SlopeOf(turned).high);
  EXPECT_EQ(SlopeOf(series).high, -SlopeOf(turned).low);
}

// Shifting a series changes nothing, and turning it round turns the sign.
TEST(Slope, ShiftAndReflection) {
  EXPECT_TRUE(rc::check([] {
    const auto whole = *rc::gen::resize(
        40, rc::gen::suchThat(rc::gen::container<std::vector<int>>(rc::gen::inRange(-1000, 1000)),
                              [](const auto& v) { return v.size() >= 4; }));
    std::vector<double> values(whole.begin(), whole.end());
    const auto slope = SlopeOf(values);
    auto other = values;
    for (double& value : other) value = 512 - value;
    const auto mirrored = SlopeOf(other);
    RC_ASSERT(mirrored.per_step == -slope.per_step);
    RC_ASSERT(mirrored.low == -slope.high);
    RC_ASSERT(mirrored.high == -slope.low);
    RC_ASSERT(slope.low <= slope.per_step);
    RC_ASSERT(slope.high >= slope.per_step);
    RC_ASSERT(slope.stretch >= 1);
  }));
}

}  // namespace
}  // namespace altlas::bench
