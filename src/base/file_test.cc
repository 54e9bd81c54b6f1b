// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace altlas {
namespace {

TEST(File, WriteThenReadGivesTheSameBytesAndMode) {
  TemporaryFolder folder;
  const auto path = folder.path() / "secret";
  ASSERT_TRUE(WriteFileAtomically(path, std::string("a\0b", 3), 0600).has_value());
  EXPECT_EQ(*ReadFile(path, 100), std::string("a\0b", 3));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(File, ReadRefusesPastTheLimitAndNamesTheFile) {
  TemporaryFolder folder;
  const auto path = folder.path() / "big";
  ASSERT_TRUE(WriteFileAtomically(path, "12345").has_value());
  EXPECT_TRUE(ReadFile(path, 5).has_value());
  const auto refused = ReadFile(path, 4);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(refused.error().message.find("big"), std::string::npos);
}

TEST(File, MissingFileAndFolderAreToldApart) {
  TemporaryFolder folder;
  EXPECT_EQ(ReadFile(folder.path() / "none", 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadFile(folder.path(), 10).error().code, ErrorCode::kInvalidArgument);
}

TEST(File, MakeFolderMakesParentsAndIsIdempotent) {
  TemporaryFolder folder;
  const auto path = folder.path() / "a" / "b";
  EXPECT_TRUE(MakeFolder(path, 0700).has_value());
  EXPECT_TRUE(MakeFolder(path, 0700).has_value());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

}  // namespace
}  // namespace altlas
