// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

// What this process holds, as Linux and the C library count it. Bytes; 0 where the system does not
// tell. Thread-safe; each blocks for one small file.
namespace altlas {

struct ProcessMemory {
  std::uint64_t resident = 0;  // pages in memory: moves in steps of pages and arenas
  std::uint64_t in_use = 0;    // handed out by malloc and not given back: moves with every allocation
};
ProcessMemory ReadProcessMemory();
std::uint64_t ResidentBytes();  // ReadProcessMemory().resident alone

// The highest `resident` since the last ResetPeakResident, or since the start where Linux allows no reset.
std::uint64_t PeakResidentBytes();
// False where it is not allowed (/proc/self/clear_refs).
bool ResetPeakResident();
// Gives memory that the C library keeps for later back to the system.
void ReleaseUnused();

}  // namespace altlas
