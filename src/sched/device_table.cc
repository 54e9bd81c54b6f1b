// SPDX-License-Identifier: Apache-2.0
#include "sched/device_table.h"

#include <algorithm>
#include <cmath>

namespace altlas::sched {
namespace {

constexpr double kLongest = 1e6;  // seconds: no prediction counts for more

double Share(double value) { return std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0.0; }

bool HasType(const DeviceState& state, std::string_view type) {
  return std::find(state.types.begin(), state.types.end(), type) != state.types.end();
}

}  // namespace

RunningToken& RunningToken::operator=(RunningToken&& other) noexcept {
  if (this == &other) return *this;
  Release();
  table_ = std::exchange(other.table_, nullptr);
  device_ = other.device_;
  task_ = other.task_;
  memory_ = other.memory_;
  return *this;
}

void RunningToken::Release() {
  if (table_ != nullptr) std::exchange(table_, nullptr)->EndRunning(device_, task_, memory_);
}

WaitingToken::WaitingToken(DeviceTable* table, DeviceIndex device, double work)
    : table_(table), device_(device), work_(work) {
  ++table_->devices_[device_]->waiting;
  table_->devices_[device_]->waiting_work += work_;
}

WaitingToken& WaitingToken::operator=(WaitingToken&& other) noexcept {
  if (this == &other) return *this;
  Release();
  table_ = std::exchange(other.table_, nullptr);
  device_ = other.device_;
  work_ = other.work_;
  return *this;
}

void WaitingToken::Release() {
  if (table_ == nullptr) return;
  DeviceRecord& device = *std::exchange(table_, nullptr)->devices_[device_];
  --device.waiting;
  // Sums of doubles drift: an empty queue is exactly nothing.
  device.waiting_work = device.waiting == 0 ? 0 : std::max(0.0, device.waiting_work - work_);
}

void DeviceTable::Configure(const SchedConfig& config) {
  config_ = config;
  JudgeAll();
}

void DeviceTable::Update(DeviceState state) {
  auto [at, added] = by_id_.try_emplace(state.id, static_cast<DeviceIndex>(devices_.size()));
  const DeviceIndex index = at->second;
  if (added) {
    devices_.push_back(std::make_unique<DeviceRecord>());
    devices_[index]->together_at = now_;
  }
  DeviceRecord& device = *devices_[index];
  state.utilization_by_others = Share(state.utilization_by_others);
  const bool speed_changed = device.state.speed != state.speed;
  if (device.known) CountSpeed(device, -1);
  device.known = true;
  device.state = std::move(state);
  CountSpeed(device, 1);
  for (RouteIndex r = 0; r < routes_.size(); ++r) {
    Join(r, index);
    const bool others_depend = routes_[r]->reference == index || speed_count_ < known_count_;
    if (speed_changed && others_depend) RepriceGuesses(*routes_[r]);
  }
  device.limits = ApplyLimits(device.limits, config_.limits, device.state);
  if (config_.multi_gpu_enabled) {
    JudgeOne(index, false);
  } else {
    JudgeAll();
  }
}

void DeviceTable::CountSpeed(const DeviceRecord& device, int by) {
  known_count_ += by;
  if (device.state.speed.value_or(0) <= 0) return;
  speed_count_ += by;
  speed_sum_ = speed_count_ == 0 ? 0 : speed_sum_ + by * *device.state.speed;
}

void DeviceTable::Remove(std::string_view id) {
  const DeviceIndex index = Find(id);
  if (index == kNoDevice) return;
  CountSpeed(*devices_[index], -1);
  devices_[index]->known = false;
  devices_[index]->limits = {};
  for (RouteIndex r = 0; r < routes_.size(); ++r) Join(r, index);
  JudgeAll();
}

DeviceIndex DeviceTable::Find(std::string_view id) const {
  const auto at = by_id_.find(std::string(id));
  return at == by_id_.end() || !devices_[at->second]->known ? kNoDevice : at->second;
}

void DeviceTable::JudgeAll() {
  bool first_taken = false;
  for (DeviceIndex i = 0; i < devices_.size(); ++i) {
    const DeviceRecord& device = *devices_[i];
    const bool usable = device.known && device.state.present && IsCapable(config_.limits, device.state);
    JudgeOne(i, !config_.multi_gpu_enabled && usable && first_taken);
    first_taken = first_taken || usable;
  }
}

void DeviceTable::JudgeOne(DeviceIndex index, bool disabled) {
  DeviceRecord& device = *devices_[index];
  const DeviceState& state = device.state;
  const DeviceHealth before = device.health;
  device.why.clear();
  device.health = DeviceHealth::kOk;
  if (!device.known || !state.present) {
    device.health = DeviceHealth::kLost;
    device.why = state.why_not.empty() ? "the device is not seen" : state.why_not;
  } else if (!IsCapable(config_.limits, state)) {
    device.health = DeviceHealth::kDisabled;
    device.why = fmt::format("compute capability {:.1f} is under gpu.min_compute_capability {:.1f}",
                             *state.compute_capability, config_.limits.min_compute_capability);
  } else if (disabled) {
    device.health = DeviceHealth::kDisabled;
    device.why = "gpu.multi_gpu.enabled is false: only the first device is used";
  } else if (!state.ready) {
    device.health = DeviceHealth::kStarting;
    device.why = state.why_not.empty() ? "its worker is not ready" : state.why_not;
  } else if (device.limits.any()) {
    device.health = DeviceHealth::kLimited;
    device.why = ExplainLimits(device.limits, config_.limits, state);
  }
  device.slots = std::max(0, state.slots > 0 ? std::min(state.slots, config_.max_concurrent_tasks_per_gpu)
                                             : config_.max_concurrent_tasks_per_gpu);
  if ((before == DeviceHealth::kOk) != (device.health == DeviceHealth::kOk)) availability_changed_ = true;
  RefreshOpen(index);
}

RouteIndex DeviceTable::FindRoute(std::string_view type, std::string_view model) const {
  if (last_route_ != kNoRoute && routes_[last_route_]->type == type && routes_[last_route_]->model == model) {
    return last_route_;
  }
  for (RouteIndex r = 0; r < routes_.size(); ++r) {
    if (routes_[r]->type == type && routes_[r]->model == model) return r;
  }
  return kNoRoute;
}

RouteIndex DeviceTable::FindRoute(std::string_view type, std::string_view model) {
  const RouteIndex found = std::as_const(*this).FindRoute(type, model);
  if (found != kNoRoute) return last_route_ = found;
  // Names come from requests: only one that a device serves may take memory for good.
  const bool served = std::any_of(devices_.begin(), devices_.end(), [&](const auto& device) {
    const auto& models = device->state.models;
    return device->known && HasType(device->state, type) &&
           (model.empty() ||
            std::any_of(models.begin(), models.end(), [&](const auto& m) { return m.name == model; }));
  });
  if (!served) return kNoRoute;
  routes_.push_back(std::make_unique<Route>());
  const auto index = static_cast<RouteIndex>(routes_.size() - 1);
  routes_[index]->type = type;
  routes_[index]->model = model;
  for (DeviceIndex d = 0; d < devices_.size(); ++d) {
    Join(index, d);
    RefreshOpen(d);
  }
  return last_route_ = index;
}

void DeviceTable::Join(RouteIndex r, DeviceIndex d) {
  Route& route = *routes_[r];
  DeviceRecord& device = *devices_[d];
  if (route.members.size() <= d) {
    route.members.resize(d + 1);
    route.open_bits.resize(d / 64 + 1);
  }
  Member& member = route.members[d];
  const bool served = member.capable && member.model_ready;
  member.capable = device.known && HasType(device.state, route.type);
  member.model_ready = member.capable;
  member.memory_per_task.reset();
  if (member.capable && !route.model.empty()) {
    const auto& models = device.state.models;
    const auto at = std::find_if(models.begin(), models.end(),
                                 [&](const ServedModel& m) { return m.name == route.model; });
    member.capable = at != models.end();
    member.model_ready = member.capable && at->ready;
    if (member.capable) member.memory_per_task = at->memory_per_task;
  }
  const auto listed = std::find(device.routes.begin(), device.routes.end(), r);
  if (member.capable && listed == device.routes.end()) device.routes.push_back(r);
  if (!member.capable && listed != device.routes.end()) {
    SetOpen(route, d, false);
    device.routes.erase(listed);
  }
  if (served != (member.capable && member.model_ready)) availability_changed_ = true;
  Reprice(route, d);
}

bool DeviceTable::Serves(RouteIndex route, DeviceIndex device) const {
  const Member& member = routes_[route]->members[device];
  return member.capable && member.model_ready && devices_[device]->health == DeviceHealth::kOk;
}

bool DeviceTable::CouldServe(RouteIndex route, DeviceIndex device, std::uint64_t estimated_memory) const {
  if (!routes_[route]->members[device].capable || devices_[device]->health == DeviceHealth::kDisabled)
    return false;
  const std::uint64_t total = devices_[device]->state.memory_total;
  return total == 0 || MemoryNeed(route, device, estimated_memory) <= total;
}

std::uint64_t DeviceTable::MemoryNeed(RouteIndex route, DeviceIndex device,
                                      std::uint64_t estimated_memory) const {
  return routes_[route]->members[device].memory_per_task.value_or(estimated_memory);
}

std::uint64_t DeviceTable::EmptyRoom(DeviceIndex device) const {
  const DeviceState& state = devices_[device]->state;
  if (state.memory_total == 0) return UINT64_MAX;
  const std::uint64_t left = state.memory_total - std::min(state.memory_used_by_others, state.memory_total);
  return left - std::min(state.memory_at_rest, left);
}

std::uint64_t DeviceTable::Room(DeviceIndex device) const {
  const DeviceRecord& d = *devices_[device];
  if (d.state.memory_total == 0) return UINT64_MAX;
  const std::uint64_t free = EmptyRoom(device);
  return free - std::min(d.memory_reserved, free);
}

bool DeviceTable::HasRoom(DeviceIndex device, std::uint64_t need) const {
  return need == 0 || need <= Room(device);
}

RunningToken DeviceTable::BeginRunning(RouteIndex route, DeviceIndex device, std::uint32_t task, double size,
                                       std::uint64_t memory, bool alone) {
  DeviceRecord& d = *devices_[device];
  CountTogether(d);
  if (alone) d.alone = task;
  const double work = Work(route, device, size);
  d.tasks.push_back({task, route, now_, d.together, work, size, routes_[route]->members[device].guess});
  ++d.running;
  d.memory_reserved += memory;
  d.idle_at = std::max(d.idle_at, now_) + FromSeconds(std::clamp(work, 1e-9, kLongest));
  RefreshOpen(device);
  return RunningToken(this, device, task, memory);
}

void DeviceTable::EndRunning(DeviceIndex device, std::uint32_t task, std::uint64_t memory) {
  DeviceRecord& d = *devices_[device];
  CountTogether(d);
  std::erase_if(d.tasks, [task](const RunningTask& t) { return t.task == task; });
  --d.running;
  if (d.alone == task) d.alone = UINT32_MAX;
  d.memory_reserved -= memory;
  d.idle_at = IdleAt(device);
  RefreshOpen(device);
}

void DeviceTable::KeepFor(DeviceIndex device, std::uint32_t task) {
  devices_[device]->kept_for = task;
  RefreshOpen(device);
}

void DeviceTable::RefreshOpen(DeviceIndex index) {
  const DeviceRecord& device = *devices_[index];
  const bool open = device.known && device.health == DeviceHealth::kOk && device.running < device.slots &&
                    device.kept_for == UINT32_MAX && device.alone == UINT32_MAX;
  for (const RouteIndex r : device.routes)
    SetOpen(*routes_[r], index, open && routes_[r]->members[index].model_ready);
}

void DeviceTable::SetOpen(Route& route, DeviceIndex device, bool open) {
  Member& member = route.members[device];
  if (member.open && open) {
    route.index.Update(device, KeyOf(device));
  } else if (open) {
    route.index.Insert(device, member.unit, member.contention, KeyOf(device));
  } else if (member.open) {
    route.index.Remove(device);
  }
  if (member.open == open) return;
  member.open = open;
  route.open_bits[device / 64] ^= std::uint64_t{1} << (device % 64);
  route.open_count += open ? 1 : -1;
}

}  // namespace altlas::sched
