// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sched/scheduler_impl.h"

namespace altlas::sched {

Status Scheduler::Impl::AdoptRunning(TimePoint now, TaskSpec spec, std::string_view device) {
  SetNow(now);
  ALTLAS_TRY_VOID(CheckSpec(spec));
  const DeviceIndex index = table_.Find(device);
  if (index == kNoDevice) return Fail(ErrorCode::kNotFound, "device \"{}\" is not part of the pool", device);
  const RouteIndex route = table_.FindRoute(spec.type, spec.model);
  if (route == kNoRoute) {
    return Fail(ErrorCode::kUnsupported, "no device serves model \"{}\" for tasks of type {} any more",
                spec.model, spec.type);
  }
  const TaskSlot slot = Insert(std::move(spec), route);
  Task& task = tasks_[slot];
  task.running = true;
  task.budget = std::max(Duration(0), task.deadline - table_.now());
  task.run = table_.BeginRunning(route, index, slot, task.size, table_.MemoryNeed(route, index, task.memory),
                                 task.alone);
  return {};
}

Status Scheduler::AdoptRunning(TimePoint now, TaskSpec spec, std::string_view device) {
  return impl_->AdoptRunning(now, std::move(spec), device);
}

}  // namespace altlas::sched
