// SPDX-License-Identifier: Apache-2.0
#include "store/fault_points.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace altlas::store {
namespace {
constexpr int kCrashExitCode = 86;
}

FaultPoints::FaultPoints(FaultHook hook) : hook_(std::move(hook)) {
  const char* value = std::getenv("ALTLAS_CRASH_AT");
  if (value == nullptr) return;
  crash_at_ = value;
  const auto colon = crash_at_.find(':');
  if (colon == std::string::npos) return;
  passes_left_ = std::max(1L, std::atol(crash_at_.c_str() + colon + 1));
  crash_at_.resize(colon);
}

Status FaultPoints::At(std::string_view point) {
  if (!crash_at_.empty() && point == crash_at_ && --passes_left_ == 0) ::_exit(kCrashExitCode);
  if (hook_) return hook_(point);
  return {};
}

}  // namespace altlas::store
