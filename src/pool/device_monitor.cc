// SPDX-License-Identifier: Apache-2.0
#include "pool/device_monitor.h"

namespace altlas::pool {

DeviceMonitor::DeviceMonitor(std::unique_ptr<device::DeviceProbe> probe, Duration interval, Executor executor,
                             Listener listener)
    : probe_(std::move(probe)),
      executor_(std::move(executor)),
      listener_(std::move(listener)),
      interval_(interval),
      thread_([this] { Run(); }) {}

DeviceMonitor::~DeviceMonitor() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void DeviceMonitor::SetOwnProcesses(std::vector<device::OwnProcess> own) {
  MutexLock lock(mutex_);
  own_ = std::move(own);
}

void DeviceMonitor::SetInterval(Duration interval) {
  MutexLock lock(mutex_);
  interval_ = interval;
  changed_.NotifyAll();
}

void DeviceMonitor::Refresh() {
  MutexLock lock(mutex_);
  refresh_ = true;
  changed_.NotifyAll();
}

void DeviceMonitor::Run() {
  const SystemClock clock;
  TimePoint last = clock.Now();
  while (true) {
    std::vector<device::OwnProcess> own;
    {
      MutexLock lock(mutex_);
      while (!stop_ && !refresh_) {
        const Duration left = last + interval_ - clock.Now();
        if (left <= Duration::zero()) break;
        changed_.WaitFor(mutex_, left);
      }
      if (stop_) return;
      refresh_ = false;
      own = own_;
    }
    last = clock.Now();
    auto result = probe_->Probe(own);
    executor_([listener = listener_, result = std::move(result)]() mutable { listener(std::move(result)); });
  }
}

}  // namespace altlas::pool
