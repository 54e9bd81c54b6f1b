// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace altlas::device {

// Readers of /proc and /sys below `root` ("/" on a real machine, a folder of recorded files in tests).
// All block for one small file; a missing or odd file yields nullopt or an empty value, never an error.

struct MemoryFacts {
  std::uint64_t total = 0;      // bytes; already lowered to the cgroup's limit where there is one
  std::uint64_t available = 0;  // bytes
};
std::optional<MemoryFacts> ReadMemory(const std::filesystem::path& root);

struct CpuTimes {
  std::uint64_t busy = 0;   // clock ticks
  std::uint64_t total = 0;  // clock ticks
};
// Index: processor number; processors that are offline have no entry (total = 0).
std::vector<CpuTimes> ReadCpuTimes(const std::filesystem::path& root);

// User and system time of a process in clock ticks, and its resident bytes.
struct ProcessFacts {
  std::uint64_t cpu_ticks = 0;
  std::uint64_t resident_bytes = 0;
};
std::optional<ProcessFacts> ReadProcess(const std::filesystem::path& root, int pid);

std::string ReadCpuModel(const std::filesystem::path& root);
// How many processors the cgroup's quota allows (v2 cpu.max, v1 cpu.cfs_quota_us), nullopt where there is no
// limit.
std::optional<double> ReadCpuQuota(const std::filesystem::path& root);

}  // namespace altlas::device
