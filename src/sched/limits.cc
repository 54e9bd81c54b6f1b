// SPDX-License-Identifier: Apache-2.0
#include "sched/limits.h"

namespace altlas::sched {
namespace {

bool IsPast(bool before, double value, double high, double margin) {
  // 0.95 - 0.05 is a little under 0.9.
  constexpr double kRounding = 1e-9;
  return value > (before ? high - margin : high) + kRounding;
}

double MemoryShare(const DeviceState& device) {
  if (device.memory_total == 0) return 0;
  return static_cast<double>(device.memory_used_by_others) / static_cast<double>(device.memory_total);
}

}  // namespace

LimitState ApplyLimits(const LimitState& before, const DeviceLimits& limits, const DeviceState& device) {
  LimitState after;
  after.memory = device.memory_total > 0 &&
                 IsPast(before.memory, MemoryShare(device), limits.memory_threshold, limits.memory_margin);
  after.utilization = IsPast(before.utilization, device.utilization_by_others, limits.utilization_threshold,
                             limits.utilization_margin);
  after.temperature = device.temperature_celsius.has_value() &&
                      IsPast(before.temperature, *device.temperature_celsius, limits.max_temperature_celsius,
                             limits.temperature_margin);
  return after;
}

std::string ExplainLimits(const LimitState& state, const DeviceLimits& limits, const DeviceState& device) {
  std::string why;
  const auto add = [&why](std::string sentence) { why += (why.empty() ? "" : "; ") + std::move(sentence); };
  if (state.temperature && device.temperature_celsius.has_value()) {
    add(fmt::format("at {:.0f} °C, limit {:.0f} °C: no new work until {:.0f} °C", *device.temperature_celsius,
                    limits.max_temperature_celsius,
                    limits.max_temperature_celsius - limits.temperature_margin));
  }
  if (state.memory) {
    add(fmt::format("others use {:.0f} % of its memory, limit {:.0f} %: no new work until {:.0f} %",
                    100 * MemoryShare(device), 100 * limits.memory_threshold,
                    100 * (limits.memory_threshold - limits.memory_margin)));
  }
  if (state.utilization) {
    add(fmt::format("others keep it {:.0f} % busy, limit {:.0f} %: no new work until {:.0f} %",
                    100 * device.utilization_by_others, 100 * limits.utilization_threshold,
                    100 * (limits.utilization_threshold - limits.utilization_margin)));
  }
  return why;
}

bool IsCapable(const DeviceLimits& limits, const DeviceState& device) {
  return !device.compute_capability.has_value() ||
         *device.compute_capability >= limits.min_compute_capability;
}

}  // namespace altlas::sched
