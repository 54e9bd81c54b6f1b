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

TEST_F(HighWaterTest, AMarkWithAnyByteChangedOrCutIsRefusedByName) {
  ASSERT_TRUE(Open().Write(mark_).has_value());
  const auto whole = ReadFile(path_, 4096).value();
  const auto refuse = [&](const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(path_, text).has_value());
    const auto opened = HighWaterFile::Open(path_);
    ASSERT_FALSE(opened.has_value()) << text;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(opened.error().message.find(path_.string()), std::string::npos) << opened.error().message;
  };
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
    auto changed = whole;
    changed[i] ^= 1;
    refuse(changed);
    if (i > 0) refuse(whole.substr(0, i));
  }
  refuse("\x13\x37" + std::string(30, 'r'));
  refuse(whole + whole);
}

// A power cut right after the file was made.
TEST_F(HighWaterTest, OneWithoutBytesSaysNothing) {
  ASSERT_TRUE(WriteFileAtomically(path_, std::string(96, '\0')).has_value());
  EXPECT_EQ(Open().loaded(), std::nullopt);
}

TEST_F(HighWaterTest, AWitnessWithoutADatabaseIsALoss) {
  const auto database = folder_.path() / "alt_las.db";
  EXPECT_TRUE(CheckDatabaseIsThere(database, path_).has_value()) << "a first start";
  ASSERT_TRUE(Open().Write(mark_).has_value());
  for (const bool empty : {false, true}) {
    if (empty) {
      ASSERT_TRUE(WriteFileAtomically(database, "").has_value());
    }
    const auto lost = CheckDatabaseIsThere(database, path_);
    ASSERT_FALSE(lost.has_value());
    EXPECT_EQ(lost.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(lost.error().message.find(database.string() + (empty ? " is empty" : " is missing")),
              std::string::npos)
        << lost.error().message;
    EXPECT_NE(lost.error().message.find("12345"), std::string::npos);
  }
  ASSERT_TRUE(WriteFileAtomically(database, "something").has_value());
  EXPECT_TRUE(CheckDatabaseIsThere(database, path_).has_value());
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
