// SPDX-License-Identifier: Apache-2.0
#include "tune/line_fit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>
#include <vector>

namespace altlas::tune {
namespace {

RC_GTEST_PROP(LineFitProperty, PointsOnALineGiveThatLine, ()) {
  const double m0 = *rc::gen::inRange(0, 1'000'000);
  const double k = *rc::gen::inRange(1, 10'000);
  std::vector<Measured> points;
  for (int i = 0; i < *rc::gen::inRange(2, 12); ++i) points.push_back({1.0 + i * i, m0 + k * (1.0 + i * i)});
  const auto fit = FitLine(points);
  RC_ASSERT(std::abs(fit.slope - k) <= 1e-6 * k);
  RC_ASSERT(std::abs(fit.intercept - m0) <= 1e-6 * (m0 + k * 200));
  RC_ASSERT(std::abs(fit.UpperBound(500) - fit.At(500)) <= 1e-3 * k);
}

// An independent reference: numpy.polyfit([1, 2, 4, 8, 16], [12, 15, 18, 33, 59], 1) and its residuals.
TEST(LineFit, ANoisyLineIsThatOfTheReference) {
  const std::vector<Measured> points = {{1, 12}, {2, 15}, {4, 18}, {8, 33}, {16, 59}};
  const auto fit = FitLine(points);
  EXPECT_NEAR(fit.slope, 3.17607527, 1e-7);
  EXPECT_NEAR(fit.intercept, 7.70833333, 1e-7);
  EXPECT_NEAR(fit.worst, 2.41263441, 1e-7);
  EXPECT_NEAR(fit.residual, 1.65195117, 1e-7);
}

TEST(LineFit, TheBoundHoldsForNineteenOfTwenty) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise(0, 5);
  int above = 0;
  constexpr int kRounds = 20'000;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Measured> points;
    for (const double x : {1.0, 2.0, 4.0, 8.0, 16.0}) points.push_back({x, 100 + 3 * x + noise(random)});
    if (100 + 3 * 40.0 + noise(random) > FitLine(points).UpperBound(40)) ++above;
  }
  EXPECT_NEAR(static_cast<double>(above) / kRounds, 0.05, 0.01);
}

TEST(LineFit, FewOrEqualPointsGiveNoSlope) {
  EXPECT_EQ(FitLine({}).At(3), 0);
  EXPECT_EQ(FitLine(std::vector<Measured>{{2, 7}}).At(100), 7);
  EXPECT_EQ(FitLine(std::vector<Measured>{{2, 7}, {2, 9}}).At(100), 8);
}

TEST(LineFit, StudentsQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(Student95(1), 6.314, 0.001);
  EXPECT_NEAR(Student95(4), 2.132, 0.001);
  EXPECT_NEAR(Student95(20), 1.725, 0.001);
  EXPECT_NEAR(Student95(100), 1.660, 0.001);
}

}  // namespace
}  // namespace altlas::tune
