// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <unordered_set>

#include "sched/batch_plan.h"
#include "sched/scheduler_impl.h"

namespace altlas::sched {

Result<BatchAccepted> Scheduler::Impl::SubmitBatch(TimePoint now, std::vector<TaskSpec> specs,
                                                   std::optional<bool> split) {
  SetNow(now);
  BatchAccepted batch;
  batch.split = split.value_or(config_.batch_split);
  std::vector<RouteIndex> routes;
  std::unordered_set<TaskId> seen;
  std::size_t runnable = 0;
  for (const TaskSpec& spec : specs) {
    ALTLAS_TRY_VOID(CheckSpec(spec));
    if (!seen.insert(spec.id).second) {
      return Fail(ErrorCode::kConflict, "task {} is twice in the batch", spec.id.ToString());
    }
    routes.push_back(table_.FindRoute(spec.type, spec.model));
    batch.tasks.push_back({spec.id, {}, WhyNever(spec, routes.back())});
    if (!batch.tasks.back().cannot_run.has_value() && !spec.recovered) ++runnable;
  }
  ALTLAS_TRY_VOID(CheckRoom(runnable));
  std::vector<TaskSlot> slots;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!batch.tasks[i].cannot_run.has_value()) slots.push_back(Insert(std::move(specs[i]), routes[i]));
  }
  if (batch.split) {
    PlanSplit(slots);
  } else {
    PlanTogether(slots);
  }
  for (const TaskSlot slot : slots) Enqueue(slot);
  std::size_t next = 0;
  for (Accepted& accepted : batch.tasks) {
    if (!accepted.cannot_run.has_value()) accepted.device = DeviceId(tasks_[slots[next++]].wait.device());
  }
  return batch;
}

// How much of a batch each device should take: its rate with the slots that are free now.
std::vector<double> Scheduler::Impl::ShareWeights(const Task& task) const {
  const bool equal = task.strategy == Strategy::kRoundRobin || task.strategy == Strategy::kRandom;
  const Route& route = table_.route(task.route);
  const auto weigh = [&](bool all_slots) {
    std::vector<double> weights(table_.size(), 0);
    for (DeviceIndex d = 0; d < table_.size(); ++d) {
      if (!table_.Serves(task.route, d) || !table_.CouldServe(task.route, d, task.memory)) continue;
      const DeviceRecord& device = table_.device(d);
      const int free = all_slots ? device.slots : std::max(0, device.slots - device.running);
      if (free == 0) continue;
      const Member& member = route.members[d];
      const double slowed = route.learned ? 1 + member.contention * (free - 1) : 1;
      weights[d] = equal ? 1 : free / (member.unit * slowed);
    }
    return weights;
  };
  std::vector<double> weights = weigh(false);
  if (std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; })) weights = weigh(true);
  return weights;
}

// Cuts the tasks of each kind into shares, one group for each device that gets one. A kind that is too small
// to be cut is one group that finds its device when the first task starts.
void Scheduler::Impl::PlanSplit(const std::vector<TaskSlot>& slots) {
  std::map<std::pair<RouteIndex, Strategy>, std::vector<TaskSlot>> kinds;
  for (const TaskSlot slot : slots) {
    // A mapping decides for itself.
    if (tasks_[slot].strategy == Strategy::kTaskSpecific) continue;
    kinds[{tasks_[slot].route, tasks_[slot].strategy}].push_back(slot);
  }
  for (const auto& [kind, members] : kinds) {
    const auto shares = PlanShares(members.size(), static_cast<std::size_t>(config_.min_batch_size_per_gpu),
                                   ShareWeights(tasks_[members.front()]));
    const auto used = std::count_if(shares.begin(), shares.end(), [](std::size_t n) { return n > 0; });
    std::size_t next = 0;
    for (DeviceIndex d = 0; used > 1 && d < shares.size(); ++d) {
      if (shares[d] == 0) continue;
      const std::uint32_t group = NewGroup({kind.first}, d);
      for (std::size_t i = 0; i < shares[d]; ++i) JoinGroup(members[next++], group);
    }
    if (used > 1 || members.size() < 2) continue;
    const std::uint32_t group = NewGroup({kind.first}, kNoDevice);
    for (const TaskSlot slot : members) JoinGroup(slot, group);
  }
}

void Scheduler::Impl::PlanTogether(const std::vector<TaskSlot>& slots) {
  if (slots.size() < 2) return;
  std::map<RouteIndex, std::uint32_t> group_of;
  std::uint64_t memory = 0;
  for (const TaskSlot slot : slots) {
    group_of[tasks_[slot].route] = kNone;
    memory = std::max(memory, tasks_[slot].memory);
  }
  std::vector<RouteIndex> routes;
  for (const auto& [route, group] : group_of) routes.push_back(route);
  bool one_for_all = false;
  for (DeviceIndex d = 0; d < table_.size() && !one_for_all; ++d) {
    one_for_all = std::all_of(routes.begin(), routes.end(),
                              [&](RouteIndex r) { return table_.CouldServe(r, d, memory); });
  }
  // Where no device serves all kinds, each kind stays together at least.
  std::uint32_t all = one_for_all ? NewGroup(routes, kNoDevice) : kNone;
  for (auto& [route, group] : group_of) group = one_for_all ? all : NewGroup({route}, kNoDevice);
  for (const TaskSlot slot : slots) JoinGroup(slot, group_of[tasks_[slot].route]);
}

}  // namespace altlas::sched
