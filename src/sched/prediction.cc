// SPDX-License-Identifier: Apache-2.0
// The part of DeviceTable that predicts times and learns from those measured.
#include <algorithm>
#include <cmath>

#include "sched/device_table.h"

namespace altlas::sched {
namespace {

// A device never measured for a model is taken for this much faster than the fastest measured one, so that it
// gets tried.
constexpr double kOptimism = 0.98;
// A task past its predicted end is expected to take this share of its time so far again.
constexpr double kOverdueShare = 0.25;
// A gap between arrivals counts for this much of the mean.
constexpr double kArrivalWeight = 0.05;
// Others' use is read in such steps, so that small changes do not move a device about.
constexpr double kUtilizationStep = 0.05;

double Steps(double utilization) {
  return std::floor(utilization / kUtilizationStep + 1e-9) * kUtilizationStep;
}

// What use by others stretches times by.
double Stretch(const DeviceRecord& device) {
  return 1 / (1 - std::min(0.9, Steps(device.state.utilization_by_others)));
}

// Predicted seconds of work left, alone.
double Remaining(const RunningTask& task, TimePoint now, double pace) {
  const double done = Seconds(now - task.start) * pace;
  return done < task.work ? task.work - done : kOverdueShare * done;
}

}  // namespace

double DeviceTable::Work(RouteIndex route, DeviceIndex device, double size) const {
  const Route& r = *routes_[route];
  return r.members[device].unit * (r.learned ? size : 1);
}

double DeviceTable::Finish(RouteIndex route, DeviceIndex device, double size) const {
  return Work(route, device, size) + routes_[route]->members[device].contention * Backlog(device);
}

double DeviceTable::Backlog(DeviceIndex device) const {
  const DeviceRecord& d = *devices_[device];
  if (d.running == 0) return 0;
  return d.idle_at > now_ ? Seconds(d.idle_at - now_) : RemainingOfAll(device);
}

// Seconds of work done in a second for each of the tasks that run beside one another.
double DeviceTable::Pace(DeviceIndex device) const {
  const DeviceRecord& d = *devices_[device];
  if (d.tasks.size() < 2) return 1;
  const double contention = routes_[d.tasks.front().route]->members[device].contention;
  return 1 / (1 + contention * static_cast<double>(d.tasks.size() - 1));
}

double DeviceTable::RemainingOfAll(DeviceIndex device) const {
  const double pace = Pace(device);
  double sum = 0;
  for (const RunningTask& task : devices_[device]->tasks) sum += Remaining(task, now_, pace);
  return std::min(sum, 1e6) + 1e-6;
}

TimePoint DeviceTable::IdleAt(DeviceIndex device) const {
  if (devices_[device]->tasks.empty()) return TimePoint();
  return now_ + FromSeconds(RemainingOfAll(device)) + Duration(1);
}

std::vector<double> DeviceTable::Releases(DeviceIndex device) const {
  const double pace = Pace(device);
  std::vector<double> seconds;
  for (const RunningTask& task : devices_[device]->tasks)
    seconds.push_back(Remaining(task, now_, pace) / pace);
  return seconds;
}

LoadIndex::Best DeviceTable::LeastFinish(RouteIndex route, double size) {
  Route& r = *routes_[route];
  return r.index.Pick(r.learned ? size : 1, now_, [this](DeviceIndex device) {
    if (devices_[device]->running == 0) return false;
    devices_[device]->idle_at = IdleAt(device);
    RefreshOpen(device);
    return true;
  });
}

void DeviceTable::CountArrival(RouteIndex index) {
  Route& route = *routes_[index];
  if (route.last_arrival.has_value()) {
    const double gap = Seconds(now_ - *route.last_arrival);
    route.arrival_gap =
        route.arrival_gap == 0 ? gap : (1 - kArrivalWeight) * route.arrival_gap + kArrivalWeight * gap;
  }
  route.last_arrival = now_;
}

double DeviceTable::ArrivalRate(RouteIndex index) const {
  const Route& route = *routes_[index];
  if (!route.last_arrival.has_value() || route.arrival_gap == 0) return 0;
  return 1 / std::max(route.arrival_gap, kArrivalWeight * Seconds(now_ - *route.last_arrival));
}

LoadKey DeviceTable::KeyOf(DeviceIndex index) const {
  const DeviceRecord& device = *devices_[index];
  const auto busy =
      static_cast<std::uint32_t>(Steps(device.state.utilization_by_others) / kUtilizationStep + 0.5);
  return {device.idle_at, (busy << 24) | (index & 0xffffff)};
}

void DeviceTable::CountTogether(DeviceRecord& device) {
  device.together += device.running * Seconds(now_ - device.together_at);
  device.together_at = now_;
}

double DeviceTable::RelativeSpeed(const DeviceRecord& device) const {
  if (device.state.speed.value_or(0) > 0) return *device.state.speed;
  return speed_count_ == 0 ? 1 : speed_sum_ / static_cast<double>(speed_count_);
}

void DeviceTable::Reprice(Route& route, DeviceIndex index) {
  Member& member = route.members[index];
  const DeviceRecord& device = *devices_[index];
  member.guess = !member.stats.learned();
  if (!member.guess) {
    member.unit = member.stats.unit_seconds() * Stretch(device);
    member.contention = member.stats.contention();
  } else if (route.learned) {
    const bool rated =
        device.state.speed.value_or(0) > 0 && devices_[route.reference]->state.speed.value_or(0) > 0;
    const double ratio = rated ? *devices_[route.reference]->state.speed / *device.state.speed : 1;
    member.unit = route.reference_unit * ratio * kOptimism * Stretch(device);
    member.contention = 1;
  } else {
    member.unit = typical_seconds_ / RelativeSpeed(device) * Stretch(device);
    member.contention = 1;
  }
  RepriceRunning(route, index);
  const LoadIndex::Rate rate = LoadIndex::RateOf(member.unit, member.contention);
  if (rate == member.rate) return;
  member.rate = rate;
  if (!member.open) return;
  route.index.Remove(index);
  route.index.Insert(index, member.unit, member.contention, KeyOf(index));
}

// What runs since before anything was measured keeps no price that was made up.
void DeviceTable::RepriceRunning(const Route& route, DeviceIndex index) {
  DeviceRecord& device = *devices_[index];
  const Member& member = route.members[index];
  bool changed = false;
  for (RunningTask& task : device.tasks) {
    if (!task.guess || routes_[task.route].get() != &route) continue;
    task.work = Work(task.route, index, task.size);
    task.guess = member.guess;
    changed = true;
  }
  if (!changed) return;
  device.idle_at = IdleAt(index);
  RefreshOpen(index);
}

void DeviceTable::RepriceGuesses(Route& route) {
  for (DeviceIndex d = 0; d < route.members.size(); ++d) {
    if (route.members[d].guess) Reprice(route, d);
  }
}

void DeviceTable::Learn(RouteIndex route, DeviceIndex device, std::uint32_t task, double size,
                        Duration service) {
  DeviceRecord& d = *devices_[device];
  const auto at =
      std::find_if(d.tasks.begin(), d.tasks.end(), [task](const RunningTask& t) { return t.task == task; });
  if (at == d.tasks.end() || service.count() < 0) return;
  CountTogether(d);
  const double elapsed = Seconds(now_ - at->start);
  const double together = elapsed > 0 ? (d.together - at->together_at_start) / elapsed : d.running;
  Route& r = *routes_[route];
  Member& member = r.members[device];
  const double seconds = Seconds(service) / Stretch(d);
  member.stats.Learn(seconds / size, together);
  typical_seconds_ = any_learned_ ? 0.9 * typical_seconds_ + 0.1 * seconds : seconds;
  any_learned_ = true;
  const bool first = !std::exchange(r.learned, true);
  // Waiting tasks were placed by guesses: they are looked at anew.
  if (first || member.guess) availability_changed_ = true;
  const double unit = member.stats.unit_seconds();
  const bool leads = r.reference == kNoDevice || r.reference == device || unit < r.reference_unit;
  const double before = r.reference_unit;
  if (leads) {
    r.reference = device;
    r.reference_unit = unit;
  }
  Reprice(r, device);
  if (first || (leads && std::abs(unit - before) > 0.05 * before)) RepriceGuesses(r);
}

}  // namespace altlas::sched
