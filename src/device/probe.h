// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/snapshot.h"

namespace altlas::device {

// A process of ours and the device it works on, so that its use is not counted as use by others.
struct OwnProcess {
  std::string device_id;
  int pid = 0;
};

// Reads the devices of this machine. Implementations: NvmlProbe, CpuProbe, SimulatedProbe.
// Not thread-safe. May block for some milliseconds (a driver call, a few files), so callers on a loop probe
// rarely.
class DeviceProbe {
 public:
  virtual ~DeviceProbe() = default;
  // A snapshot of every device, in a stable order with stable ids. A single device that cannot be read is
  // listed with its `fault`; an error means that no device can be told at all.
  virtual Result<std::vector<DeviceSnapshot>> Probe(std::span<const OwnProcess> own) = 0;
};

}  // namespace altlas::device
