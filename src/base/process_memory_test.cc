// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <vector>

namespace altlas {
namespace {

TEST(ProcessMemory, AnAllocationIsSeenAndItsEndToo) {
  constexpr std::size_t kLarge = std::size_t{64} << 20;
  const auto before = ReadProcessMemory();
  EXPECT_GT(before.resident, std::uint64_t{1} << 20);
  auto block = std::make_unique<std::vector<char>>(kLarge, 'x');
  const auto during = ReadProcessMemory();
  EXPECT_GE(during.in_use, before.in_use + kLarge);
  EXPECT_GE(during.resident, before.resident + kLarge / 2);
  EXPECT_GE(PeakResidentBytes(), during.resident / 2);
  block.reset();
  EXPECT_LT(ReadProcessMemory().in_use, before.in_use + kLarge);
}

TEST(ProcessMemory, ThePeakStaysUntilItIsReset) {
  constexpr std::size_t kLarge = std::size_t{64} << 20;
  void* block = ::mmap(nullptr, kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  std::memset(block, 1, kLarge);
  const auto peak = PeakResidentBytes();
  EXPECT_GE(peak, kLarge);
  ASSERT_EQ(::munmap(block, kLarge), 0);
  EXPECT_GT(PeakResidentBytes(), peak - kLarge / 2);  // Linux counts by processor and adds up now and then
  if (!ResetPeakResident()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written here";
  EXPECT_LT(PeakResidentBytes(), peak - kLarge / 2);
}

}  // namespace
}  // namespace altlas
