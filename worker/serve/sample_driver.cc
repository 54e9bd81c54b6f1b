// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/sample_driver.h"

#include <algorithm>

namespace altlas::serve {

void SampleDriver::Start(std::function<void(wire::ProfileReport)> send) {
  send_ = std::move(send);
  thread_ = std::thread([this] { Run(); });
}

void SampleDriver::Ask(const wire::ProfileAsk& ask) {
  MutexLock lock(mutex_);
  next_ = ask;
  changed_.NotifyAll();
}

void SampleDriver::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SampleDriver::Run() {
  while (true) {
    wire::ProfileAsk ask;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !next_) changed_.Wait(mutex_);
      if (stopping_) return;
      ask = *next_;
      next_.reset();
    }
    sampler_.Begin(ask);
    const bool whole = WaitOut(std::clamp(std::chrono::milliseconds(ask.duration_ms), kShortest, kLongest));
    auto report = sampler_.Finish();
    if (!whole) return;
    send_(std::move(report));
  }
}

bool SampleDriver::WaitOut(std::chrono::milliseconds duration) {
  const auto until = std::chrono::steady_clock::now() + duration;
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= std::chrono::steady_clock::duration::zero()) return true;
    changed_.WaitFor(mutex_, left);
  }
  return false;
}

}  // namespace altlas::serve
