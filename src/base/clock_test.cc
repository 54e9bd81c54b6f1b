// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

namespace altlas {
namespace {
using namespace std::chrono_literals;

TEST(Clock, SystemClockNeverGoesBack) {
  SystemClock clock;
  auto last = clock.Now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.WallNow(), 1'600'000'000'000);
}

TEST(Clock, FakeClockMovesOnlyWhenTold) {
  FakeClock clock;
  const auto start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(3s);
  EXPECT_EQ(clock.Now() - start, 3s);
  clock.JumpWall(-5000);
  EXPECT_EQ(clock.Now() - start, 3s);
}

TEST(Clock, SecondsConvertBothWays) {
  EXPECT_DOUBLE_EQ(Seconds(1500ms), 1.5);
  EXPECT_EQ(FromSeconds(0.25), 250ms);
}

}  // namespace
}  // namespace altlas
