// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace altlas {
namespace {

TEST(Nearest, CountsEditsAndSwaps) {
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("enbaled", "enabled"), 1u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
}

TEST(Nearest, FindsTheTypoAndNothingFarAway) {
  const std::vector<std::string> keys = {"enabled", "memory_threshold", "interval"};
  EXPECT_EQ(Nearest("memory_treshold", keys), "memory_threshold");
  EXPECT_EQ(Nearest("zzzzzz", keys), "");
}

}  // namespace
}  // namespace altlas
