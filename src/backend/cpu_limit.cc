// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cmath>

#include "backend/control_group.h"
#include "backend/process.h"

namespace altlas::backend {
namespace {

std::string GroupName(const std::string& name) { return "alt_las." + name; }

}  // namespace

Status LimitCpu(pid_t pid, const std::string& name, double cores) {
  if (!std::isfinite(cores) || cores < 0.01) {
    return Fail(ErrorCode::kInvalidArgument, "a limit of {} cores; the least is 0.01", cores);
  }
  ALTLAS_TRY(const auto folder, FindGroupFolder("/", ::getpid()));
  return PutInGroup(folder, GroupName(name), pid, ShareOf(cores));
}

void RemoveCpuLimit(const std::string& name) {
  if (const auto folder = FindGroupFolder("/", ::getpid())) ::rmdir((folder->path / GroupName(name)).c_str());
}

}  // namespace altlas::backend
