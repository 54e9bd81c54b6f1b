// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

// The memory of this process as the system sees it, from /proc. Bytes; 0 where the system does not tell. Each
// blocks for one small file. Thread-safe.
namespace altlas::compute {

std::uint64_t ResidentBytes();
// The most that was resident since ResetPeakResident(), or since the start.
std::uint64_t PeakResidentBytes();
// False where the system refuses: the peak goes on counting from before.
bool ResetPeakResident();
// Gives memory that the C library keeps for later back to the system.
void ReleaseUnused();

}  // namespace altlas::compute
