// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <limits>

#include "sched/scheduler_impl.h"

namespace altlas::sched {
namespace {

constexpr std::size_t kMostPredicted = 64;  // devices looked at for a prediction

// 0 for none, then eight steps an octave.
std::uint32_t MemoryStep(std::uint64_t bytes) {
  if (bytes == 0) return 0;
  const auto octave = static_cast<std::uint32_t>(std::bit_width(bytes));
  const std::uint64_t mantissa = octave > 4 ? bytes >> (octave - 4) : bytes << (4 - octave);
  return 1 + octave * 8 + static_cast<std::uint32_t>(mantissa & 7);
}

}  // namespace

std::size_t LaneKeyHash::operator()(const LaneKey& key) const {
  std::uint64_t h = key.route;
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(key.strategy), static_cast<std::uint64_t>(key.pin),
        static_cast<std::uint64_t>(key.exclude), static_cast<std::uint64_t>(key.memory_step),
        static_cast<std::uint64_t>(key.group), static_cast<std::uint64_t>(key.alone)}) {
    h = (h ^ part) * 0x9e3779b97f4a7c15ULL;
    h ^= h >> 29;
  }
  return h;
}

std::uint32_t Scheduler::Impl::LaneFor(const LaneKey& key) {
  if (last_lane_ != kNone && lanes_[last_lane_].key == key) return last_lane_;
  auto [at, added] = lane_by_key_.try_emplace(key, kNone);
  if (added && free_lanes_.empty()) {
    at->second = static_cast<std::uint32_t>(lanes_.size());
    lanes_.push_back({key, IndexedHeap<QueuePlace, LanePosition>(LanePosition{&tasks_})});
  } else if (added) {
    at->second = free_lanes_.back();
    free_lanes_.pop_back();
    lanes_[at->second].key = key;
  }
  return last_lane_ = at->second;
}

// Only the head of a lane is looked at, so what is kept free for the lane is kept for its head.
void Scheduler::Impl::HandOverKept(TaskSlot from, TaskSlot to) {
  tasks_[to].lacks_room_since = tasks_[from].lacks_room_since;
  if (tasks_[from].kept == kNoDevice) return;
  tasks_[to].kept = std::exchange(tasks_[from].kept, kNoDevice);
  table_.KeepFor(tasks_[to].kept, to);
}

void Scheduler::Impl::EnterLane(TaskSlot slot) {
  Task& task = tasks_[slot];
  LaneKey key{task.route, task.strategy, kNoDevice, task.exclude, MemoryStep(task.memory), kNone};
  key.alone = task.alone;
  if (task.group != kNone) {
    key.pin = groups_[task.group].bound;
    if (groups_[task.group].routes.size() > 1) key.group = task.group;
  }
  task.lane = LaneFor(key);
  Lane& lane = lanes_[task.lane];
  if (lane.heap.empty()) {
    lane.active_at = static_cast<std::uint32_t>(active_lanes_.size());
    active_lanes_.push_back(task.lane);
  }
  const TaskSlot head = lane.heap.empty() ? kNone : lane.heap.top().id;
  lane.heap.Push(slot, task.place);
  if (head != kNone && lane.heap.top().id == slot) HandOverKept(head, slot);
  if (key.pin == kNoDevice) ++table_.route(task.route).waiting;
  changed_ = true;
}

void Scheduler::Impl::LeaveLane(TaskSlot slot) {
  Task& task = tasks_[slot];
  const std::uint32_t index = std::exchange(task.lane, kNone);
  Lane& lane = lanes_[index];
  lane.heap.Remove(slot);
  if (lane.key.pin == kNoDevice) --table_.route(task.route).waiting;
  if (!lane.heap.empty()) return;
  active_lanes_[lane.active_at] = active_lanes_.back();
  lanes_[active_lanes_.back()].active_at = lane.active_at;
  active_lanes_.pop_back();
  // The lane of most tasks empties and fills all the time: it stays.
  const bool common = lane.key.pin == kNoDevice && lane.key.exclude == kNoDevice &&
                      lane.key.memory_step == 0 && lane.key.group == kNone && !lane.key.alone;
  if (common) return;
  lane_by_key_.erase(lane.key);
  if (last_lane_ == index) last_lane_ = kNone;
  lane.key = LaneKey();
  free_lanes_.push_back(index);
}

void Scheduler::Impl::Enqueue(TaskSlot slot) {
  Task& task = tasks_[slot];
  task.queued_since = table_.now();
  timers_.Push(slot, task.deadline);
  ++queued_;
  ++queued_by_level_[task.level];
  if (task.group != kNone) {
    Group& group = groups_[task.group];
    const bool usable =
        group.bound != kNoDevice && group.bound != task.exclude && table_.Serves(task.route, group.bound);
    if (group.bound != kNoDevice && !usable) Unbind(task.group);
    if (group.bound == kNoDevice && group.scout != kNone) {
      group.parked.Push(slot, task.place);
      Predict(slot);
      return;
    }
    if (group.bound == kNoDevice) group.scout = slot;
  }
  // Predicted before it counts as waiting itself.
  Predict(slot);
  EnterLane(slot);
}

void Scheduler::Impl::Dequeue(TaskSlot slot) {
  Task& task = tasks_[slot];
  timers_.Remove(slot);
  --queued_;
  --queued_by_level_[task.level];
  task.wait.Release();
  task.hold_until.reset();
  task.lacks_room_since.reset();
  if (task.kept != kNoDevice) table_.KeepFor(std::exchange(task.kept, kNoDevice), kNone);
  if (task.lane != kNone) {
    LeaveLane(slot);
  } else {
    groups_[task.group].parked.Remove(slot);
  }
  if (task.group == kNone || groups_[task.group].scout != slot) return;
  Group& group = groups_[task.group];
  group.scout = kNone;
  if (group.parked.empty()) return;
  group.scout = group.parked.top().id;
  group.parked.Remove(group.scout);
  EnterLane(group.scout);
}

void Scheduler::Impl::Bind(std::uint32_t index, DeviceIndex device) {
  Group& group = groups_[index];
  group.bound = device;
  if (group.scout != kNone) {
    const TaskSlot scout = std::exchange(group.scout, kNone);
    LeaveLane(scout);
    Predict(scout);
    EnterLane(scout);
  }
  while (!group.parked.empty()) {
    const TaskSlot slot = group.parked.top().id;
    group.parked.Remove(slot);
    Predict(slot);
    EnterLane(slot);
  }
}

void Scheduler::Impl::Unbind(std::uint32_t index) {
  Group& group = groups_[index];
  const DeviceIndex bound = group.bound;
  std::vector<TaskSlot> moved;
  for (const std::uint32_t lane : active_lanes_) {
    if (lanes_[lane].key.pin != bound) continue;
    for (const auto& entry : lanes_[lane].heap.entries()) {
      if (tasks_[entry.id].group == index) moved.push_back(entry.id);
    }
  }
  std::sort(moved.begin(), moved.end(),
            [this](TaskSlot a, TaskSlot b) { return tasks_[a].place < tasks_[b].place; });
  for (const TaskSlot slot : moved) LeaveLane(slot);
  group.bound = kNoDevice;
  for (const TaskSlot slot : moved) {
    if (group.scout == kNone) {
      group.scout = slot;
      EnterLane(slot);
    } else {
      group.parked.Push(slot, tasks_[slot].place);
    }
  }
  for (const TaskSlot slot : moved) Predict(slot);
}

std::uint32_t Scheduler::Impl::NewGroup(std::vector<RouteIndex> routes, DeviceIndex bound) {
  std::uint32_t index;
  if (free_groups_.empty()) {
    index = static_cast<std::uint32_t>(groups_.size());
    groups_.push_back({kNoDevice, kNone, {}, IndexedHeap<QueuePlace, LanePosition>(LanePosition{&tasks_})});
  } else {
    index = free_groups_.back();
    free_groups_.pop_back();
  }
  groups_[index].bound = bound;
  groups_[index].routes = std::move(routes);
  return index;
}

void Scheduler::Impl::JoinGroup(TaskSlot slot, std::uint32_t group) {
  tasks_[slot].group = group;
  ++groups_[group].tasks;
}

void Scheduler::Impl::LeaveGroup(TaskSlot slot) {
  const std::uint32_t index = std::exchange(tasks_[slot].group, kNone);
  if (index == kNone || --groups_[index].tasks > 0) return;
  groups_[index].bound = kNoDevice;
  groups_[index].routes.clear();
  free_groups_.push_back(index);
}

PlacementView::Needs Scheduler::Impl::NeedsOf(const Task& task) const {
  PlacementView::Needs needs{task.route, task.size, task.memory, kNoDevice, task.alone, nullptr};
  if (task.group != kNone && groups_[task.group].routes.size() > 1) needs.also = &groups_[task.group].routes;
  for (DeviceIndex d = 0; task.exclude != kNoDevice && d < table_.size(); ++d) {
    if (d == task.exclude || !table_.Serves(task.route, d)) continue;
    needs.exclude = task.exclude;
    break;
  }
  return needs;
}

void Scheduler::Impl::Predict(TaskSlot slot) {
  Task& task = tasks_[slot];
  task.wait.Release();
  const DeviceIndex device = PredictDevice(task);
  task.wait = WaitingToken(&table_, device, std::min(table_.Work(task.route, device, task.size), 1e6));
}

DeviceIndex Scheduler::Impl::PredictDevice(const Task& task) {
  if (task.group != kNone) {
    const Group& group = groups_[task.group];
    if (group.bound != kNoDevice) return group.bound;
    if (group.scout != kNone && &tasks_[group.scout] != &task && tasks_[group.scout].wait) {
      return tasks_[group.scout].wait.device();
    }
  }
  PlacementView view(table_, config_, random_, NeedsOf(task));
  if (task.strategy == Strategy::kTaskSpecific) {
    const DeviceIndex mapped = view.Mapped();
    if (view.Available(mapped) || (mapped != kNoDevice && config_.mapping_answer == MappingAnswer::kWait))
      return mapped;
  }
  if (view.OpenCount() > 0 && table_.route(task.route).waiting == 0) {
    // What the next Poll will choose: the turn and the dice are put back, so that asking changes nothing.
    const Random dice = random_;
    const DeviceIndex cursor = view.Cursor();
    const Pick pick = Choose(task, task.strategy);
    random_ = dice;
    view.Cursor() = cursor;
    if (pick.kind == Pick::Kind::kPlace) return pick.device;
  }
  return LeastPredicted(task);
}

DeviceIndex Scheduler::Impl::LeastPredicted(const Task& task) const {
  const auto count = static_cast<DeviceIndex>(table_.size());
  const PlacementView::Needs needs = NeedsOf(task);
  DeviceIndex best = kNoDevice, fallback = 0;
  double least = std::numeric_limits<double>::max();
  std::size_t looked = 0;
  const auto first = static_cast<DeviceIndex>(count > kMostPredicted ? task.place.sequence % count : 0);
  for (DeviceIndex i = 0; i < count && looked < kMostPredicted; ++i) {
    const DeviceIndex d = (first + i) % count;
    if (!table_.CouldServe(task.route, d, task.memory)) continue;
    fallback = d;
    if (!table_.Serves(task.route, d) || d == needs.exclude) continue;
    ++looked;
    const DeviceRecord& device = table_.device(d);
    const double shared =
        std::max(table_.route(task.route).members[d].contention, 1.0 / std::max(1, device.slots));
    const double finish =
        table_.Work(task.route, d, task.size) + shared * (table_.Backlog(d) + device.waiting_work);
    if (finish >= least) continue;
    least = finish;
    best = d;
  }
  return best != kNoDevice ? best : fallback;
}

}  // namespace altlas::sched
