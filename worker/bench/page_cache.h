// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>

#include "base/result.h"

// Files and the memory in which Linux keeps them. All calls block on the disk.
namespace altlas::bench {

struct Residency {
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;  // of them in memory
  double Share() const { return pages == 0 ? 0 : static_cast<double>(resident) / static_cast<double>(pages); }
};

// By mincore(2). Linux tells the truth only to who owns the file or may write to it, and says "all" else.
Result<Residency> ResidencyOf(const std::filesystem::path& file);
// Asks Linux to forget the file's pages (written to the disk first). It may keep some: other processes map
// them, or the file lies in memory anyway (tmpfs). ResidencyOf tells.
Status DropFromMemory(const std::filesystem::path& file);
// Reads the file from front to end through one buffer of 4 MiB; the bytes read.
Result<std::uint64_t> ReadThrough(const std::filesystem::path& file);
// Maps the file and reads one byte of each page; the bytes mapped.
Result<std::uint64_t> MapThrough(const std::filesystem::path& file);

}  // namespace altlas::bench
