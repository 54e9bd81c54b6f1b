// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "base/unique_fd.h"

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

// The start, and the event loop at a SIGHUP, must not wait for somebody who writes into a pipe.
TEST(File, PipesDevicesAndSocketsAreRefusedAtOnce) {
  TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto place = folder.path() / "socket";
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, place.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  for (const auto& path : {pipe, place, std::filesystem::path("/dev/zero")}) {
    const auto refused = ReadFile(path, 10);
    ASSERT_FALSE(refused.has_value()) << path;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_NE(refused.error().message.find(path.string()), std::string::npos) << refused.error().message;
  }
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
