// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "backend/process.h"
#include "base/file.h"

namespace altlas::backend {

namespace {

// Short, so that also a task of some milliseconds feels the limit: with the kernel's usual 100 ms it would
// fit into one period's share.
constexpr std::uint64_t kPeriodMicros = 20'000;

struct ControlGroup {
  std::filesystem::path parent;
  bool version2 = false;
};

// Where this process is itself, as the parent of the groups to make. Lines of /proc/self/cgroup:
// `id:controllers:path`; version 2 has id 0 and no controllers.
Result<ControlGroup> OwnGroup() {
  ALTLAS_TRY(const auto text, ReadFile("/proc/self/cgroup", 1 << 16));
  std::optional<ControlGroup> unified;
  std::size_t start = 0;
  while (start < text.size()) {
    const auto end = std::min(text.find('\n', start), text.size());
    const auto line = text.substr(start, end - start);
    start = end + 1;
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const auto path = line.substr(second + 1);
    if (controllers.find(",cpu,") != std::string::npos) {
      for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"}) {
        auto parent = std::filesystem::path(mount + path);
        if (std::filesystem::exists(parent / "cpu.cfs_quota_us")) return ControlGroup{parent, false};
      }
    }
    if (controllers == ",,") unified = ControlGroup{std::filesystem::path("/sys/fs/cgroup" + path), true};
  }
  if (unified && std::filesystem::exists(unified->parent / "cgroup.procs")) return *unified;
  return Fail(ErrorCode::kUnsupported, "this system offers no control group for processor time");
}

Status WriteValue(const std::filesystem::path& file, const std::string& value) {
  std::ofstream out(file);
  out << value << std::flush;
  if (!out) return Fail(ErrorCode::kDenied, "writing \"{}\" to {} is refused", value, file.string());
  return {};
}

std::string GroupName(const std::string& name) { return "alt_las." + name; }

}  // namespace

Status LimitCpu(pid_t pid, const std::string& name, double cores) {
  if (!std::isfinite(cores) || cores < 0.01) {
    return Fail(ErrorCode::kInvalidArgument, "a limit of {} cores; the least is 0.01", cores);
  }
  ALTLAS_TRY(const auto group, OwnGroup());
  const auto folder = group.parent / GroupName(name);
  const auto quota = static_cast<std::uint64_t>(cores * kPeriodMicros);
  if (group.version2) {
    // Refused where the parent holds processes itself; it may also be on already.
    (void)WriteValue(group.parent / "cgroup.subtree_control", "+cpu");
  }
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error)
    return Fail(ErrorCode::kDenied, "making the control group {}: {}", folder.string(), error.message());
  Status status = group.version2 ? WriteValue(folder / "cpu.max", fmt::format("{} {}", quota, kPeriodMicros))
                                 : WriteValue(folder / "cpu.cfs_period_us", std::to_string(kPeriodMicros));
  if (status && !group.version2) status = WriteValue(folder / "cpu.cfs_quota_us", std::to_string(quota));
  if (status) status = WriteValue(folder / "cgroup.procs", std::to_string(pid));
  if (!status) std::filesystem::remove(folder, error);
  return status;
}

void RemoveCpuLimit(const std::string& name) {
  if (const auto group = OwnGroup()) ::rmdir((group->parent / GroupName(name)).c_str());
}

}  // namespace altlas::backend
