// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "settings.h"

namespace altlas::app {

Status CheckAllocatorSetting(const config::WorkersConfig& workers) {
  if (workers.allocator == "auto" || workers.allocator == "off") return {};
  auto status = tune::CheckAllocatorText(workers.allocator);
  if (status.has_value()) return status;
  return Fail(ErrorCode::kInvalidArgument, "{}; allowed are auto, off, or a text for PyTorch's allocator",
              status.error().message);
}

std::vector<tune::Variable> GpuWorkerVariables(const config::WorkersConfig& workers,
                                               const device::DeviceSnapshot& device) {
  std::vector<tune::Variable> variables;
  const auto known = tune::AllocatorVariables();
  const bool set_by_user = std::any_of(known.begin(), known.end(), [](std::string_view name) {
    return std::getenv(std::string(name).c_str()) != nullptr;
  });
  auto advice =
      tune::AdviseAllocator({.memory_bytes = device.memory_total, .platform = tune::ReadPlatform("/")});
  if (workers.allocator == "auto") {
    if (!set_by_user && !advice.variable.value.empty()) variables.push_back(std::move(advice.variable));
  } else if (workers.allocator != "off") {
    // PyTorch takes the first of its names that is set: another one must not stand beside it.
    for (const auto name : known) variables.push_back({std::string(name), workers.allocator});
  }
  if (workers.debug_allocator) {
    for (auto& variable : tune::DebugVariables()) variables.push_back(std::move(variable));
  }
  return variables;
}

}  // namespace altlas::app
