// SPDX-License-Identifier: Apache-2.0
#include "gateway/render.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>

#include "base/random.h"

namespace altlas::gateway {
namespace {

// The C library's formatter is the reference.
std::string Expected(WallMillis millis) {
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text.data(), millis % 1000);
}

TEST(Render, TimesAreRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(1'795'305'600'007), "2026-11-22T00:00:00.007Z");
  EXPECT_EQ(FormatTime(951'782'399'999), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(FormatTime(951'868'800'000), "2000-03-01T00:00:00.000Z");
}

TEST(Render, TimesAgreeWithTheCLibrary) {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto millis = static_cast<WallMillis>(random.Next() % 253'402'300'800'000ULL);  // to the year 9999
    ASSERT_EQ(FormatTime(millis), Expected(millis)) << millis;
  }
}

}  // namespace
}  // namespace altlas::gateway
