// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

// What this process holds, as Linux and the C library count it. Thread-safe; microseconds.
namespace altlas::bench {

struct ProcessMemory {
  std::uint64_t resident = 0;  // pages in memory: moves in steps of pages and arenas
  std::uint64_t in_use = 0;    // handed out by malloc and not given back: moves with every allocation
};
ProcessMemory ReadProcessMemory();

// The highest `resident` since the last ResetPeakResident, or since the start where Linux allows no reset.
std::uint64_t PeakResident();
// False where it is not allowed (/proc/self/clear_refs).
bool ResetPeakResident();
// What the machine could still give without swapping (MemAvailable), bounded by the control group's limit
// where there is one.
std::uint64_t AvailableMemory();

}  // namespace altlas::bench
