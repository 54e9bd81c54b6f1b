// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "profile/collector_file.h"

namespace altlas::app {

// What a process and all its descendants use, by /proc.
struct ProcessTotals {
  double cpu_seconds = 0;  // of all, those that have ended and were waited for included
  std::uint64_t rss_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t processes = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;  // storage; 0 where the system does not tell
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;  // of the threads that are alive
};
// Of the descendants of `top`, not itself but for the time and bytes of its ended children. `root` is "/" but
// in tests. Blocks for some small files a process; what vanishes meanwhile is left out.
ProcessTotals ReadDescendants(const std::filesystem::path& root, pid_t top);

// Writes the totals of this process's descendants as counters, at once, every 20 ms in the first second and
// then ten times a second, until it is stopped. Borrows the writer; owns a thread.
class CounterSampler {
 public:
  explicit CounterSampler(profile::CollectorWriter& writer);
  ~CounterSampler();
  // A last sample, and the end. Idempotent.
  void Stop();

 private:
  void Run();
  void Sample();

  profile::CollectorWriter& writer_;
  ProcessTotals before_;  // what this process's children had used when it began
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace altlas::app
