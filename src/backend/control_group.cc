// SPDX-License-Identifier: Apache-2.0
#include "backend/control_group.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "base/file.h"

namespace altlas::backend {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeastQuotaMicros = 1'000;
// Short, so that also a task of some milliseconds feels the limit: with the kernel's usual 100 ms it would
// fit into one period's share.
constexpr std::uint64_t kPeriodMicros = 20'000;
constexpr std::uint64_t kLongestPeriodMicros = 1'000'000;
constexpr const char* kOwnLeaf = "alt_las.manager";

Status WriteValue(const fs::path& file, const std::string& value) {
  std::ofstream out(file);
  out << value << std::flush;
  if (!out) return Fail(ErrorCode::kDenied, "writing \"{}\" to {} is refused", value, file.string());
  return {};
}

bool Lists(const fs::path& file, std::string_view word) {
  const auto text = ReadFile(file, 1 << 12);
  if (!text) return false;
  std::istringstream words(*text);
  for (std::string one; words >> one;) {
    if (one == word) return true;
  }
  return false;
}

bool MayDivide(const fs::path& folder) {
  return ::access(folder.c_str(), W_OK) == 0 && ::access((folder / "cgroup.procs").c_str(), W_OK) == 0;
}

// The parent of a process: the fourth word of its stat, behind a name that may hold anything.
std::optional<pid_t> ParentOf(const fs::path& root, pid_t pid) {
  const auto text = ReadFile(root / "proc" / std::to_string(pid) / "stat", 1 << 12);
  if (!text) return std::nullopt;
  std::istringstream words(text->substr(std::min(text->rfind(')'), text->size() - 1) + 1));
  std::string state;
  pid_t parent = 0;
  if (!(words >> state >> parent)) return std::nullopt;
  return parent;
}

// Everything in `folder` goes into a leaf beneath it, if all of it is this process and its children.
Status MakeRoom(const fs::path& root, const fs::path& folder, pid_t self) {
  ALTLAS_TRY(const auto text, ReadFile(folder / "cgroup.procs", 1 << 16));
  std::vector<pid_t> inside;
  std::istringstream numbers(text);
  for (pid_t pid = 0; numbers >> pid;) {
    if (pid != self && ParentOf(root, pid) != self)
      return Fail(ErrorCode::kUnsupported,
                  "process {} shares the control group {}, which can therefore not be divided; start the "
                  "server by its unit (Delegate=cpu), or as root",
                  pid, folder.string());
    inside.push_back(pid);
  }
  std::error_code error;
  fs::create_directory(folder / kOwnLeaf, error);
  if (error)
    return Fail(ErrorCode::kDenied, "making the control group {}: {}", (folder / kOwnLeaf).string(),
                error.message());
  for (const pid_t pid : inside)
    ALTLAS_TRY_VOID(WriteValue(folder / kOwnLeaf / "cgroup.procs", std::to_string(pid)));
  return WriteValue(folder / "cgroup.subtree_control", "+cpu");
}

Result<GroupFolder> FindUnified(const fs::path& root, const fs::path& own, pid_t self) {
  const auto top = root / "sys/fs/cgroup";
  for (auto folder = own;; folder = folder.parent_path()) {
    if (Lists(folder / "cgroup.subtree_control", "cpu") && MayDivide(folder))
      return GroupFolder{folder, true};
    if (folder == top || folder == folder.parent_path()) break;
  }
  if (!Lists(own / "cgroup.controllers", "cpu") || !MayDivide(own))
    return Fail(
        ErrorCode::kUnsupported,
        "no control group upwards of {} hands processor time on to this user; start the server by its "
        "unit (Delegate=cpu), or as root",
        own.string());
  ALTLAS_TRY_VOID(MakeRoom(root, own, self));
  return GroupFolder{own, true};
}

}  // namespace

TimeShare ShareOf(double cores) {
  const auto needed = static_cast<std::uint64_t>(std::ceil(static_cast<double>(kLeastQuotaMicros) / cores));
  const auto period = std::clamp(needed, kPeriodMicros, kLongestPeriodMicros);
  const auto quota = static_cast<std::uint64_t>(std::llround(cores * static_cast<double>(period)));
  return {std::max(quota, kLeastQuotaMicros), period};
}

// Lines of /proc/self/cgroup: `id:controllers:path`; version 2 has id 0 and no controllers.
Result<GroupFolder> FindGroupFolder(const fs::path& root, pid_t self) {
  ALTLAS_TRY(const auto text, ReadFile(root / "proc/self/cgroup", 1 << 16));
  std::optional<fs::path> unified;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const auto path = fs::path(line.substr(second + 1)).relative_path();
    if (controllers.find(",cpu,") != std::string::npos) {
      for (const char* mount : {"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"}) {
        auto folder = root / mount / path;
        if (fs::exists(folder / "cpu.cfs_quota_us")) return GroupFolder{folder, false};
      }
    }
    // Without a path of its own it is the mount itself, not a folder with an empty name.
    if (controllers == ",,") unified = path.empty() ? root / "sys/fs/cgroup" : root / "sys/fs/cgroup" / path;
  }
  if (unified && fs::exists(*unified / "cgroup.procs")) return FindUnified(root, *unified, self);
  return Fail(ErrorCode::kUnsupported, "this system offers no control group for processor time");
}

Status PutInGroup(const GroupFolder& folder, const std::string& name, pid_t pid, TimeShare share) {
  const auto group = folder.path / name;
  std::error_code error;
  fs::create_directory(group, error);
  if (error)
    return Fail(ErrorCode::kDenied, "making the control group {}: {}", group.string(), error.message());
  Status status = folder.version2
                      ? WriteValue(group / "cpu.max", fmt::format("{} {}", share.quota, share.period))
                      : WriteValue(group / "cpu.cfs_period_us", std::to_string(share.period));
  if (status && !folder.version2)
    status = WriteValue(group / "cpu.cfs_quota_us", std::to_string(share.quota));
  if (status) status = WriteValue(group / "cgroup.procs", std::to_string(pid));
  if (!status) fs::remove(group, error);
  return status;
}

}  // namespace altlas::backend
