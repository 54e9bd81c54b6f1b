// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "device/probe.h"

namespace altlas::pool {

// Reads the devices every `interval` on a thread of its own, since a driver may take its time, and hands each
// result to `listener` through `executor`. Thread-safe.
class DeviceMonitor {
 public:
  using Listener = std::function<void(Result<std::vector<device::DeviceSnapshot>>)>;
  DeviceMonitor(std::unique_ptr<device::DeviceProbe> probe, Duration interval, Executor executor,
                Listener listener);
  // Waits for a reading under way.
  ~DeviceMonitor();
  // From now on these processes count as ours.
  void SetOwnProcesses(std::vector<device::OwnProcess> own);
  void SetInterval(Duration interval);
  // Reads now instead of at the next interval. Requests during a reading are one.
  void Refresh();

 private:
  void Run();
  const std::unique_ptr<device::DeviceProbe> probe_;
  const Executor executor_;
  const Listener listener_;
  Mutex mutex_;
  CondVar changed_;
  Duration interval_ ALTLAS_GUARDED_BY(mutex_);
  std::vector<device::OwnProcess> own_ ALTLAS_GUARDED_BY(mutex_);
  bool refresh_ ALTLAS_GUARDED_BY(mutex_) = true;
  bool stop_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace altlas::pool
