// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sched/scheduler_impl.h"

namespace altlas::sched {

std::string Scheduler::Impl::WhyRefused(const Task& task, DeviceIndex index, DeviceIndex pin) const {
  const DeviceRecord& device = table_.device(index);
  const Member& member = table_.route(task.route).members[index];
  if (!member.capable) return "it does not serve this type and model";
  if (device.health != DeviceHealth::kOk)
    return fmt::format("{}: {}", DeviceHealthName(device.health), device.why);
  if (!member.model_ready) return "it still loads the model";
  if (pin != kNoDevice && pin != index) return fmt::format("the task goes to {}", DeviceId(pin));
  if (index == NeedsOf(task).exclude) return "the task was lost there before";
  const std::uint64_t need = table_.MemoryNeed(task.route, index, task.memory);
  if (!table_.CouldServe(task.route, index, task.memory)) {
    return fmt::format("the task needs {} bytes, the device has {}", need, device.state.memory_total);
  }
  if (device.kept_for != kNone && task.kept != index)
    return "kept free for a task that waits for memory or has to run alone";
  if (device.alone != kNone) return "a task that lost its worker before runs there alone";
  if (device.running >= device.slots) return fmt::format("all {} slots are taken", device.slots);
  if (task.alone && device.running > 0)
    return "the task lost its worker before and runs only where nothing else does";
  if (!table_.HasRoom(index, need)) {
    return fmt::format("the task needs {} bytes, {} are free", need, table_.Room(index));
  }
  return {};
}

std::vector<Candidate> Scheduler::Impl::Candidates(const Task& task, DeviceIndex pin,
                                                   DeviceIndex chosen) const {
  std::vector<Candidate> candidates;
  for (DeviceIndex d = 0; d < table_.size(); ++d) {
    if (!table_.device(d).known) continue;
    Candidate candidate;
    candidate.device = DeviceId(d);
    candidate.chosen = d == chosen;
    if (!candidate.chosen) candidate.why = WhyRefused(task, d, pin);
    candidate.eligible = candidate.why.empty();
    if (table_.route(task.route).members[d].capable)
      candidate.score = table_.Finish(task.route, d, task.size);
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

Explanation Scheduler::Impl::Explain(TimePoint now, TaskSlot slot) {
  SetNow(now);
  const Task& task = tasks_[slot];
  Explanation e;
  e.task = task.id;
  e.strategy = task.strategy;
  e.running = task.running;
  e.reason = task.reason;
  const DeviceIndex chosen = task.running ? task.run.device() : kNoDevice;
  e.device = DeviceId(task.running ? chosen : task.wait.device());
  const DeviceIndex pin = task.group != kNone ? groups_[task.group].bound : kNoDevice;
  e.candidates = Candidates(task, pin, chosen);
  if (task.running) return e;
  for (const std::uint32_t lane : active_lanes_) {
    for (const auto& entry : lanes_[lane].heap.entries()) e.ahead += entry.key < task.place ? 1 : 0;
  }
  if (task.lane == kNone) {
    e.waiting_because = "it goes to the device where the first task of its batch starts";
  } else if (task.hold_until.has_value() && now < *task.hold_until) {
    e.waiting_because = "a faster device is predicted to finish it earlier than the free one";
  } else if (task.kept != kNoDevice) {
    e.waiting_because = fmt::format("{} is kept free until {}", DeviceId(task.kept),
                                    task.alone ? "it can run there alone" : "there is room for it");
  } else if (task.lacks_room_since.has_value()) {
    e.waiting_because = task.alone ? "no device with a free slot is idle, and it has to run alone"
                                   : "no device with a free slot has the memory it needs";
  } else if (std::none_of(e.candidates.begin(), e.candidates.end(),
                          [](const Candidate& c) { return c.eligible; })) {
    e.waiting_because = "no device can start it now: see the candidates";
  } else {
    e.waiting_because = fmt::format("{} tasks go first", e.ahead);
  }
  return e;
}

}  // namespace altlas::sched
