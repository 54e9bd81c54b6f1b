// SPDX-License-Identifier: Apache-2.0
#include "base/task_id.h"

#include <gtest/gtest.h>

namespace altlas {
namespace {

TEST(Uuid, PrintsAndParsesBack) {
  const Uuid id{0x0123456789ab7defULL, 0x8edcba9876543210ULL};
  EXPECT_EQ(id.ToString(), "01234567-89ab-7def-8edc-ba9876543210");
  EXPECT_EQ(Uuid::Parse("01234567-89AB-7DEF-8edc-ba9876543210"), id);
  for (const char* bad : {"", "01234567-89ab-7def-8edc-ba987654321", "01234567-89ab-7def-8edc-ba987654321g",
                          "01234567_89ab-7def-8edc-ba9876543210", "0123456789ab7def8edcba9876543210    "}) {
    EXPECT_EQ(Uuid::Parse(bad), std::nullopt) << bad;
  }
}

TEST(UuidGenerator, IdsRiseAlsoWhenTheClockStandsOrStepsBack) {
  FakeClock clock;
  UuidGenerator generator(clock);
  Uuid last = generator.Next();
  for (int i = 0; i < 10000; ++i) {
    if (i == 5000) clock.JumpWall(-100000);
    const Uuid next = generator.Next();
    ASSERT_LT(last.high, next.high);
    ASSERT_EQ(next.high >> 12 & 15, 7u);
    ASSERT_EQ(next.low >> 62, 2u);
    last = next;
  }
}

}  // namespace
}  // namespace altlas
