// SPDX-License-Identifier: Apache-2.0
#include "store/state_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace altlas::store {
namespace {

unsigned ModeOf(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(StateDir, TheFlagGoesBeforeXdgAndXdgBeforeHome) {
  EXPECT_EQ(*ChooseStateDir({"/s", "/x", "/h"}), "/s");
  EXPECT_EQ(*ChooseStateDir({"", "/x", "/h"}), "/x/alt_las");
  EXPECT_EQ(*ChooseStateDir({"", "", "/h"}), "/h/.local/state/alt_las");
}

TEST(StateDir, ARelativeXdgFolderIsIgnored) {
  EXPECT_EQ(*ChooseStateDir({"", "x", "/h"}), "/h/.local/state/alt_las");
}

TEST(StateDir, NoPlaceAtAllIsAnErrorThatNamesTheFlag) {
  const auto chosen = ChooseStateDir({"", "", ""});
  ASSERT_FALSE(chosen.has_value());
  EXPECT_NE(chosen.error().message.find("--state"), std::string::npos);
}

TEST(StateDir, IsMadeWithItsParentsAndClosedToOthers) {
  TemporaryFolder folder;
  const auto made = PrepareStateDir(folder.path() / "a" / "b" / "alt_las");
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(*made, folder.path() / "a" / "b" / "alt_las");
  EXPECT_EQ(ModeOf(*made), 0700u);
  EXPECT_TRUE(PrepareStateDir(*made).has_value());
}

TEST(StateDir, OneThatOthersMayWriteIsRefusedWithTheCommandThatFixesIt) {
  TemporaryFolder folder;
  for (const mode_t mode : {0770, 0702}) {
    ASSERT_EQ(::chmod(folder.path().c_str(), mode), 0);
    const auto made = PrepareStateDir(folder.path());
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::kDenied);
    EXPECT_NE(made.error().message.find("chmod 700 '" + folder.path().string()), std::string::npos);
  }
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  EXPECT_TRUE(PrepareStateDir(folder.path()).has_value());
}

TEST(StateDir, WhoOnlyLooksMakesNothing) {
  TemporaryFolder folder;
  const auto path = folder.path() / "typo";
  EXPECT_EQ(CheckStateDir(path).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(PrepareStateDir(path).has_value());
  EXPECT_EQ(*CheckStateDir(path), path);
}

TEST(StateDir, AnotherFoldersSentencesNameThatOne) {
  TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const auto refused = PrepareStateDir(folder.path(), {"store.path:", "name another one in store.path"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().message.starts_with("store.path: ")) << refused.error().message;
}

TEST(StateDir, AFileInItsPlaceIsRefused) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "f", "x").has_value());
  EXPECT_FALSE(PrepareStateDir(folder.path() / "f").has_value());
}

TEST(StateDir, OneOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  TemporaryFolder folder;
  ASSERT_EQ(::chown(folder.path().c_str(), 12345, 12345), 0);
  const auto made = PrepareStateDir(folder.path());
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kDenied);
  EXPECT_NE(made.error().message.find("12345"), std::string::npos);
}

}  // namespace
}  // namespace altlas::store
