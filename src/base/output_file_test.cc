// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/unique_fd.h"

namespace altlas {
namespace {

std::size_t FilesIn(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

TEST(OutputFile, ReplacesAFileAndLeavesItsNeighbours) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "out.json";
  ASSERT_TRUE(WriteOutputFile(folder.path() / "out.json.tmp", "precious").has_value());
  ASSERT_TRUE(WriteOutputFile(path, "one").has_value());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(WriteOutputFile(path, "two").has_value());
  EXPECT_EQ(ReadFile(path, 100).value(), "two");
  EXPECT_EQ(ReadFile(folder.path() / "out.json.tmp", 100).value(), "precious");
  EXPECT_EQ(FilesIn(folder.path()), 2u);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(OutputFile, ALinkStaysALink) {
  const TemporaryFolder folder;
  const auto target = folder.path() / "target";
  ASSERT_TRUE(WriteOutputFile(target, "old").has_value());
  std::filesystem::create_symlink("target", folder.path() / "link");
  ASSERT_TRUE(WriteOutputFile(folder.path() / "link", "new").has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link"));
  EXPECT_EQ(ReadFile(target, 100).value(), "new");
}

TEST(OutputFile, ALinkToNothingStaysALinkAndWhatItNamesIsMade) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "elsewhere");
  std::filesystem::create_symlink("elsewhere/second", folder.path() / "first");
  std::filesystem::create_symlink(folder.path() / "made", folder.path() / "elsewhere/second");
  EXPECT_EQ(ResolveOutput(folder.path() / "first").value(), folder.path() / "made");
  ASSERT_TRUE(WriteOutputFile(folder.path() / "first", "new").has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "first"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "elsewhere/second"));
  EXPECT_EQ(ReadFile(folder.path() / "made", 100).value(), "new");
  std::filesystem::create_symlink("circle", folder.path() / "circle");
  EXPECT_EQ(WriteOutputFile(folder.path() / "circle", "x").error().code, ErrorCode::kInvalidArgument);
}

TEST(OutputFile, APipeIsWrittenAndStays) {
  const TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(WriteOutputFile(pipe, "through").has_value());
  char text[16] = {};
  EXPECT_EQ(::read(reader.get(), text, sizeof(text)), 7);
  EXPECT_STREQ(text, "through");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

// A link to the device, so that a fault replaces the link and not the machine's device.
TEST(OutputFile, AFullDeviceIsAnError) {
  const TemporaryFolder folder;
  const auto link = folder.path() / "full";
  std::filesystem::create_symlink("/dev/full", link);
  const auto status = WriteOutputFile(link, "text");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kStorageFull);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

TEST(OutputFile, FoldersAndWhatIsNotThereAreNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(WriteOutputFile(folder.path(), "text").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(WriteOutputFile(folder.path() / "no" / "file", "text").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FilesIn(folder.path()), 0u);
}

}  // namespace
}  // namespace altlas
