// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "sched/types.h"

namespace altlas::sched {

// Which limits a device is past, remembered between readings because of the hysteresis. A value.
struct LimitState {
  bool memory = false;
  bool utilization = false;
  bool temperature = false;
  bool any() const { return memory || utilization || temperature; }
};

// The state after one more reading. Pure.
LimitState ApplyLimits(const LimitState& before, const DeviceLimits& limits, const DeviceState& device);

// A sentence that names the limit, the value and when the device comes back; empty where none is past.
std::string ExplainLimits(const LimitState& state, const DeviceLimits& limits, const DeviceState& device);

// False where the device reports a compute capability under the limit.
bool IsCapable(const DeviceLimits& limits, const DeviceState& device);

}  // namespace altlas::sched
