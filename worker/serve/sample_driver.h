// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "worker/serve/periodic_sampler.h"

namespace altlas::serve {

// Takes the samples that the manager asks for: begins, waits for the sample's duration on a thread of its
// own, sends the report. Of several asks that come while one is under way, the last is taken after it.
// Thread-safe.
class SampleDriver {
 public:
  static constexpr std::chrono::milliseconds kShortest{10}, kLongest{60'000};
  // `sampler` must outlive it.
  explicit SampleDriver(PeriodicSampler& sampler) : sampler_(sampler) {}
  ~SampleDriver() { Stop(); }
  SampleDriver(const SampleDriver&) = delete;
  SampleDriver& operator=(const SampleDriver&) = delete;

  // Asks that come before it wait. `send` is called on the driver's thread, never after Stop.
  void Start(std::function<void(wire::ProfileReport)> send);
  void Ask(const wire::ProfileAsk& ask);
  // Ends a sample that is under way without a report.
  void Stop();

 private:
  void Run();
  // False when stopping.
  bool WaitOut(std::chrono::milliseconds duration);

  PeriodicSampler& sampler_;
  std::function<void(wire::ProfileReport)> send_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<wire::ProfileAsk> next_ ALTLAS_GUARDED_BY(mutex_);
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace altlas::serve
