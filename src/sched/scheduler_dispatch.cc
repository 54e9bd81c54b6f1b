// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sched/scheduler_impl.h"

namespace altlas::sched {

std::vector<Action> Scheduler::Impl::Poll(TimePoint now) {
  SetNow(now);
  std::vector<Action> actions;
  ExpireDue(actions);
  if (changed_ || table_.now() >= wake_) Dispatch(actions);
  return actions;
}

void Scheduler::Impl::ExpireDue(std::vector<Action>& actions) {
  while (!timers_.empty() && timers_.top().key <= table_.now()) {
    const TaskSlot slot = timers_.top().id;
    Action action;
    action.kind = Action::Kind::kExpire;
    action.task = tasks_[slot].id;
    action.reason = Reason::kQueueTimeout;
    action.device = DeviceId(tasks_[slot].wait.device());
    action.message =
        fmt::format("the task waited {:.1f} s in the queue and no device came free for it within its timeout",
                    Seconds(table_.now() - tasks_[slot].queued_since));
    actions.push_back(std::move(action));
    Forget(slot);
  }
}

void Scheduler::Impl::Dispatch(std::vector<Action>& actions) {
  ++sweep_;
  wake_ = TimePoint::max();
  for (std::uint32_t lane = BestLane(); lane != kNone; lane = BestLane()) TryLane(lane, actions);
  changed_ = false;
}

bool Scheduler::Impl::CanTry(const Lane& lane) const {
  if (lane.tried == sweep_) return false;
  if (tasks_[lane.heap.top().id].kept != kNoDevice) return true;
  const Route& route = table_.route(lane.key.route);
  if (lane.key.pin != kNoDevice) return route.members[lane.key.pin].open;
  // A mapping may be broken, which has to be answered also while no device is free.
  return route.open_count > 0 || lane.key.strategy == Strategy::kTaskSpecific;
}

// The lane whose head has the first place of those that may run now.
std::uint32_t Scheduler::Impl::BestLane() const {
  std::uint32_t best = kNone;
  for (const std::uint32_t index : active_lanes_) {
    const Lane& lane = lanes_[index];
    if (!CanTry(lane)) continue;
    if (best == kNone || lane.heap.top().key < lanes_[best].heap.top().key) best = index;
  }
  return best;
}

Pick Scheduler::Impl::Choose(const Task& task, Strategy strategy) {
  PlacementView view(table_, config_, random_, NeedsOf(task));
  return strategies_[static_cast<std::size_t>(strategy)]->Choose(view);
}

Pick Scheduler::Impl::ChoosePinned(const Task& task, DeviceIndex pin) {
  const PlacementView view(table_, config_, random_, NeedsOf(task));
  if (!view.CanStart(pin)) return {};
  return {Pick::Kind::kPlace, pin, Reason::kBatchShare, view.Finish(pin)};
}

Pick Scheduler::Impl::ChooseKept(TaskSlot slot) {
  Task& task = tasks_[slot];
  const DeviceIndex device = task.kept;
  table_.KeepFor(device, kNone);
  if (!FitsWhenEmpty(task, device)) {
    task.kept = kNoDevice;
    return {};
  }
  const PlacementView view(table_, config_, random_, NeedsOf(task));
  if (view.CanStart(device)) return {Pick::Kind::kPlace, device, Reason::kKeptFree, view.Finish(device)};
  table_.KeepFor(device, slot);
  return {};
}

// A hold ends for good when its time is over.
Pick Scheduler::Impl::ChooseHeld(TaskSlot slot, Pick pick) {
  Task& task = tasks_[slot];
  if (!task.hold_until.has_value()) task.hold_until = table_.now() + pick.hold;
  if (table_.now() < *task.hold_until) {
    // The busy device may be later than predicted: look again before the end.
    WakeAt(std::min(*task.hold_until, table_.now() + pick.hold / 4 + Duration(1)));
    return pick;
  }
  pick.kind = Pick::Kind::kPlace;
  pick.reason = Reason::kLeastFinish;
  pick.score = table_.Finish(task.route, pick.device, task.size);
  return pick;
}

// The head of the lane waits for a faster device; one further back takes the slow one. False where it cannot.
bool Scheduler::Impl::StartFurtherBack(const Lane& lane, const Pick& held, std::vector<Action>& actions) {
  if (held.yield_to == 0 || lane.heap.size() < 2) return false;
  auto entries = lane.heap.entries();
  const auto nth = entries.begin() + static_cast<std::ptrdiff_t>(std::min(held.yield_to, entries.size() - 1));
  std::nth_element(entries.begin(), nth, entries.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  const Task& task = tasks_[nth->id];
  const PlacementView view(table_, config_, random_, NeedsOf(task));
  if (!view.CanStart(held.device)) return false;
  Start(nth->id, {Pick::Kind::kPlace, held.device, Reason::kLeastFinish, view.Finish(held.device)},
        task.strategy, actions);
  return true;
}

Pick Scheduler::Impl::ChooseForHead(const Lane& lane, Strategy& strategy) {
  const TaskSlot slot = lane.heap.top().id;
  const Task& task = tasks_[slot];
  if (task.kept != kNoDevice) return ChooseKeptFor(slot, lane, strategy);
  if (lane.key.pin != kNoDevice) return ChoosePinned(task, lane.key.pin);
  Pick pick = Choose(task, strategy);
  if (pick.kind != Pick::Kind::kFallBack) return pick;
  std::string message = std::move(pick.message);
  strategy = FallBackStrategy();
  pick = Choose(task, strategy);
  pick.reason = Reason::kMappingFellBack;
  pick.message = std::move(message);
  return pick;
}

Strategy Scheduler::Impl::FallBackStrategy() const {
  return config_.default_strategy == Strategy::kTaskSpecific ? Strategy::kLeastLoaded
                                                             : config_.default_strategy;
}

// What is kept for a task that could not have its mapped device was chosen by the strategy fallen back to.
Pick Scheduler::Impl::ChooseKeptFor(TaskSlot slot, const Lane& lane, Strategy& strategy) {
  Pick pick = ChooseKept(slot);
  if (strategy != Strategy::kTaskSpecific || lane.key.pin != kNoDevice) return pick;
  const PlacementView view(table_, config_, random_, NeedsOf(tasks_[slot]));
  if (pick.kind != Pick::Kind::kPlace || pick.device == view.Mapped()) return pick;
  strategy = FallBackStrategy();
  pick.message = view.WhyUnavailable(view.Mapped());
  return pick;
}

void Scheduler::Impl::TryLane(std::uint32_t index, std::vector<Action>& actions) {
  Lane& lane = lanes_[index];
  const TaskSlot slot = lane.heap.top().id;
  Strategy strategy = tasks_[slot].strategy;
  Pick pick = ChooseForHead(lane, strategy);
  if (pick.kind == Pick::Kind::kHold) {
    pick = ChooseHeld(slot, std::move(pick));
    if (pick.kind == Pick::Kind::kHold && StartFurtherBack(lane, pick, actions)) return;
  }
  if (pick.kind == Pick::Kind::kPlace) return Start(slot, std::move(pick), strategy, actions);
  if (pick.kind == Pick::Kind::kFail) return GiveUp(slot, std::move(pick), actions);
  lane.tried = sweep_;
  if (pick.kind == Pick::Kind::kNone) WaitForRoom(slot, lane.key.pin);
}

void Scheduler::Impl::GiveUp(TaskSlot slot, Pick pick, std::vector<Action>& actions) {
  Action action;
  action.kind = Action::Kind::kFail;
  action.task = tasks_[slot].id;
  action.reason = pick.reason;
  action.message = std::move(pick.message);
  actions.push_back(std::move(action));
  Forget(slot);
  ++sweep_;  // what it kept may serve a lane that was tried already
}

void Scheduler::Impl::Start(TaskSlot slot, Pick pick, Strategy strategy, std::vector<Action>& actions) {
  Dequeue(slot);
  Task& task = tasks_[slot];
  task.running = true;
  task.reason = pick.reason;
  task.budget = std::max(Duration(0), task.deadline - table_.now());
  task.run = table_.BeginRunning(task.route, pick.device, slot, task.size,
                                 table_.MemoryNeed(task.route, pick.device, task.memory), task.alone);
  Action action;
  action.task = task.id;
  action.device = DeviceId(pick.device);
  action.strategy = strategy;
  action.reason = pick.reason;
  action.score = pick.score;
  action.message = std::move(pick.message);
  actions.push_back(std::move(action));
  if (task.group != kNone && groups_[task.group].bound == kNoDevice) Bind(task.group, pick.device);
}

bool Scheduler::Impl::FitsWhenEmpty(const Task& task, DeviceIndex device) const {
  return table_.MemoryNeed(task.route, device, task.memory) <= table_.EmptyRoom(device);
}

// The device to keep for the task: the one with the most room, or the one that is idle first.
bool Scheduler::Impl::Clearer(const Task& task, DeviceIndex a, DeviceIndex b) const {
  return task.alone ? table_.Backlog(a) < table_.Backlog(b) : table_.Room(a) > table_.Room(b);
}

// The head of a lane found a free slot and no room for its memory. Others may pass it for `aging`; then a
// device is kept free until it fits there. A task that has to be alone is not passed: on a busy pool no
// device would ever be idle.
void Scheduler::Impl::WaitForRoom(TaskSlot slot, DeviceIndex pin) {
  Task& task = tasks_[slot];
  PlacementView view(table_, config_, random_, NeedsOf(task));
  if (task.strategy == Strategy::kTaskSpecific && view.Available(view.Mapped())) pin = view.Mapped();
  const Route& route = table_.route(task.route);
  bool lacks_room = false;
  DeviceIndex roomiest = kNoDevice;
  for (DeviceIndex d = 0; d < table_.size(); ++d) {
    if ((pin != kNoDevice && d != pin) || !view.Available(d) || table_.device(d).kept_for != kNone) continue;
    lacks_room = lacks_room || (route.members[d].open && !view.CanStart(d));
    if (!FitsWhenEmpty(task, d)) continue;
    if (roomiest == kNoDevice || Clearer(task, d, roomiest)) roomiest = d;
  }
  if (!lacks_room || task.kept != kNoDevice) return;
  if (!task.lacks_room_since.has_value()) task.lacks_room_since = table_.now();
  const TimePoint patience = *task.lacks_room_since + (task.alone ? Duration(0) : config_.aging);
  if (table_.now() < patience) return WakeAt(patience);
  if (roomiest == kNoDevice) return;
  task.kept = roomiest;
  table_.KeepFor(roomiest, slot);
}

}  // namespace altlas::sched
