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
// Others' use is read in such steps, so that small changes do not move a device about.
constexpr double kUtilizationStep = 0.05;

double Steps(double utilization) {
  return std::floor(utilization / kUtilizationStep + 1e-9) * kUtilizationStep;
}

// What use by others stretches times by.
double Stretch(const DeviceRecord& device) {
  return 1 / (1 - std::min(0.9, Steps(device.state.utilization_by_others)));
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
  return d.drain > now_ ? Seconds(d.drain - now_) : RemainingOfAll(device);
}

double DeviceTable::Remaining(DeviceIndex device, const RunningTask& task) const {
  const Member& member = routes_[task.route]->members[device];
  const double pace = 1 / (1 + member.contention * std::max(0, devices_[device]->running - 1));
  const double done = Seconds(now_ - task.start) * pace;
  return done < task.work ? task.work - done : kOverdueShare * done;
}

double DeviceTable::RemainingOfAll(DeviceIndex device) const {
  double sum = 0;
  for (const RunningTask& task : devices_[device]->tasks) sum += Remaining(device, task);
  return std::min(sum, 1e6) + 1e-6;
}

std::vector<double> DeviceTable::Releases(RouteIndex route, DeviceIndex device) const {
  const DeviceRecord& d = *devices_[device];
  const double slowed = 1 + routes_[route]->members[device].contention * std::max(0, d.running - 1);
  std::vector<double> seconds;
  for (const RunningTask& task : d.tasks) seconds.push_back(Remaining(device, task) * slowed);
  return seconds;
}

LoadIndex::Best DeviceTable::LeastFinish(RouteIndex route, double size) {
  Route& r = *routes_[route];
  return r.index.Pick(r.learned ? size : 1, now_, [this](DeviceIndex device) {
    if (devices_[device]->running == 0) return false;
    RefreshLoad(device);
    return true;
  });
}

void DeviceTable::RefreshLoad(DeviceIndex index) {
  DeviceRecord& device = *devices_[index];
  device.drain = device.running == 0 ? TimePoint() : now_ + FromSeconds(RemainingOfAll(index)) + Duration(1);
  for (const RouteIndex r : device.routes) {
    if (routes_[r]->members[index].open) routes_[r]->index.Update(index, KeyOf(index));
  }
}

LoadKey DeviceTable::KeyOf(DeviceIndex index) const {
  const DeviceRecord& device = *devices_[index];
  const auto busy =
      static_cast<std::uint32_t>(Steps(device.state.utilization_by_others) / kUtilizationStep + 0.5);
  return {device.drain, (busy << 24) | (index & 0xffffff)};
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
  const LoadIndex::Rate rate = LoadIndex::RateOf(member.unit, member.contention);
  if (rate == member.rate) return;
  member.rate = rate;
  if (!member.open) return;
  route.index.Remove(index);
  route.index.Insert(index, member.unit, member.contention, KeyOf(index));
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
