// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/page_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"

namespace altlas::bench {
namespace {

constexpr std::size_t kBytes = (std::size_t{1} << 20) + 17;

TEST(PageCache, ReadingAndMappingSeeTheWholeFile) {
  TemporaryFolder folder;
  const auto file = folder.path() / "x";
  ASSERT_TRUE(WriteFileAtomically(file, std::string(kBytes, 'x')).has_value());
  EXPECT_EQ(ReadThrough(file).value(), kBytes);
  EXPECT_EQ(MapThrough(file).value(), kBytes);
  const auto residency = ResidencyOf(file);
  ASSERT_TRUE(residency.has_value());
  EXPECT_EQ(residency->pages, 257u);
  EXPECT_EQ(residency->Share(), 1) << "just read";
}

TEST(PageCache, DroppedPagesAreGoneWhereTheFileLiesOnADisk) {
  TemporaryFolder folder;
  struct statfs system = {};
  ASSERT_EQ(::statfs(folder.path().c_str(), &system), 0);
  constexpr long kTmpfs = 0x01021994;
  if (system.f_type == kTmpfs) GTEST_SKIP() << "the temporary folder lies in memory";
  const auto file = folder.path() / "x";
  ASSERT_TRUE(WriteFileAtomically(file, std::string(kBytes, 'x')).has_value());
  ASSERT_TRUE(ReadThrough(file).has_value());
  ASSERT_EQ(ResidencyOf(file)->Share(), 1);
  ASSERT_TRUE(DropFromMemory(file).has_value());
  EXPECT_LT(ResidencyOf(file)->Share(), 1);
  EXPECT_EQ(ReadThrough(file).value(), kBytes);
  EXPECT_EQ(ResidencyOf(file)->Share(), 1);
}

TEST(PageCache, WhatIsNoFileIsRefused) {
  TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& path : {folder.path(), pipe}) {
    EXPECT_EQ(ReadThrough(path).error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(MapThrough(path).has_value());
    EXPECT_FALSE(DropFromMemory(path).has_value());
  }
  EXPECT_EQ(ResidencyOf(folder.path() / "none").error().code, ErrorCode::kNotFound);
}

TEST(PageCache, AnEmptyFileHasNoPages) {
  TemporaryFolder folder;
  const auto file = folder.path() / "empty";
  ASSERT_TRUE(WriteFileAtomically(file, "").has_value());
  EXPECT_EQ(ReadThrough(file).value(), 0u);
  EXPECT_EQ(MapThrough(file).value(), 0u);
  EXPECT_EQ(ResidencyOf(file)->pages, 0u);
}

}  // namespace
}  // namespace altlas::bench
