// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace altlas::backend {

// Control groups for processor time (cgroups, kernel documentation admin-guide/cgroup-v1 and cgroup-v2).

// The folder beneath which groups of processes can be made.
struct GroupFolder {
  std::filesystem::path path;
  bool version2 = false;
};

// Version 1: the folder of this process. Version 2 allows no processes beside groups in one folder, so it is
// the nearest folder upwards that hands the cpu controller on and that this process may change; where there
// is none, its own one after it has moved itself and its children into `alt_las.manager` beneath (what a unit
// with Delegate=cpu is for). `root` is the file system's root ("/"), `self` this process. kUnsupported with
// the reason. Blocks on small files.
Result<GroupFolder> FindGroupFolder(const std::filesystem::path& root, pid_t self);

// So many microseconds of processor time in each period.
struct TimeShare {
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  bool operator==(const TimeShare&) const = default;
};
// 20 ms a period, longer only where the quota would be less than the millisecond that the kernel asks for.
// `cores` is at least 0.001, for a period of at most the kernel's second.
TimeShare ShareOf(double cores);

// Makes the group `name` in `folder` and puts `pid` into it. kDenied with the file at fault.
Status PutInGroup(const GroupFolder& folder, const std::string& name, pid_t pid, TimeShare share);

}  // namespace altlas::backend
