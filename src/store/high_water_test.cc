// SPDX-License-Identifier: Apache-2.0
#include "store/high_water.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace altlas::store {
namespace {

class HighWaterTest : public testing::Test {
 protected:
  HighWaterFile Open() {
    auto opened = HighWaterFile::Open(path_);
    EXPECT_TRUE(opened.has_value());
    return std::move(*opened);
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "high_water";
  const HighWater mark_{12345, {0x0190aaaabbbb7ccc, 0x8000000000000001}};
};

TEST_F(HighWaterTest, ANewFileSaysNothing) { EXPECT_EQ(Open().loaded(), std::nullopt); }

TEST_F(HighWaterTest, TheLastMarkReadsBack) {
  {
    auto file = Open();
    ASSERT_TRUE(file.Write({1, mark_.last_id}).has_value());
    ASSERT_TRUE(file.Write(mark_).has_value());
    ASSERT_TRUE(file.Sync().has_value());
  }
  EXPECT_EQ(Open().loaded(), mark_);
}

TEST_F(HighWaterTest, AMarkWithAnyByteChangedOrCutSaysNothing) {
  ASSERT_TRUE(Open().Write(mark_).has_value());
  const auto whole = ReadFile(path_, 4096).value();
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
    auto changed = whole;
    changed[i] ^= 1;
    ASSERT_TRUE(WriteFileAtomically(path_, changed).has_value());
    EXPECT_EQ(Open().loaded(), std::nullopt) << i;
    ASSERT_TRUE(WriteFileAtomically(path_, whole.substr(0, i)).has_value());
    EXPECT_EQ(Open().loaded(), std::nullopt) << i;
  }
}

TEST_F(HighWaterTest, AGapNamesHowManyAreMissingAndHowToGoOn) {
  const auto gap = CheckForGap({12300, {}}, mark_, path_);
  ASSERT_FALSE(gap.has_value());
  EXPECT_EQ(gap.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(gap.error().message.starts_with("45 accepted tasks are missing")) << gap.error().message;
  EXPECT_NE(gap.error().message.find("0190aaaa-bbbb-7ccc"), std::string::npos);
  EXPECT_NE(gap.error().message.find("remove " + path_.string()), std::string::npos);
  EXPECT_TRUE(CheckForGap(mark_, mark_, path_).has_value());
  EXPECT_TRUE(CheckForGap({12346, mark_.last_id}, mark_, path_).has_value());
}

}  // namespace
}  // namespace altlas::store
