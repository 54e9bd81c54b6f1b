// SPDX-License-Identifier: Apache-2.0
#include "sched/service_stats.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace altlas::sched {
namespace {

TEST(ServiceStats, FirstSampleIsTakenAsItIs) {
  ServiceStats stats;
  EXPECT_FALSE(stats.learned());
  stats.Learn(2.0, 1);
  EXPECT_DOUBLE_EQ(stats.unit_seconds(), 2.0);
}

TEST(ServiceStats, TellsTheTimeAloneFromTheTimeBesideOthers) {
  for (const double contention : {0.0, 0.5, 1.0}) {
    ServiceStats stats;
    Random random(7);
    for (int i = 0; i < 200; ++i) {
      const double together = 1 + 7 * random.Unit();
      stats.Learn(0.25 * (1 + contention * (together - 1)) * (0.95 + 0.1 * random.Unit()), together);
    }
    EXPECT_NEAR(stats.contention(), contention, 0.15) << contention;
    EXPECT_NEAR(stats.unit_seconds(), 0.25, 0.05) << contention;
  }
}

TEST(ServiceStats, FollowsADeviceThatBecomesSlower) {
  ServiceStats stats;
  for (int i = 0; i < 50; ++i) stats.Learn(1, 1);
  for (int i = 0; i < 50; ++i) stats.Learn(3, 1);
  EXPECT_NEAR(stats.unit_seconds(), 3, 0.3);
}

TEST(ServiceStats, AColdFirstCallIsForgotten) {
  ServiceStats stats;
  stats.Learn(30, 1);
  stats.Learn(0.5, 1);
  EXPECT_DOUBLE_EQ(stats.unit_seconds(), 0.5);
}

TEST(ServiceStats, OneStrayTimeMovesItLittle) {
  ServiceStats stats;
  for (int i = 0; i < 50; ++i) stats.Learn(1, 1);
  stats.Learn(1000, 1);
  EXPECT_LT(stats.unit_seconds(), 1.5);
}

TEST(ServiceStats, NonsenseIsIgnored) {
  ServiceStats stats;
  stats.Learn(std::nan(""), 1);
  stats.Learn(-1, 1);
  EXPECT_FALSE(stats.learned());
  stats.Learn(1, std::nan(""));
  EXPECT_TRUE(std::isfinite(stats.unit_seconds()));
}

}  // namespace
}  // namespace altlas::sched
