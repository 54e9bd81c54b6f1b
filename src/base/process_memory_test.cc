// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.h"

#include <gtest/gtest.h>

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
  { const std::vector<char> block(kLarge, 'x'); }
  const auto peak = PeakResidentBytes();
  EXPECT_GE(peak, kLarge);
  ReleaseUnused();
  EXPECT_GE(PeakResidentBytes(), peak);
  if (!ResetPeakResident()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written here";
  EXPECT_LE(PeakResidentBytes(), peak);
}

}  // namespace
}  // namespace altlas
