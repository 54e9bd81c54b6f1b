// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "backend/backend.h"
#include "base/clock.h"
#include "metrics/registry.h"
#include "net/io_loop.h"
#include "periodic/learner.h"
#include "store/profile_store.h"

namespace altlas::periodic {

// `profile.periodic` of the configuration.
struct ProfilerOptions {
  bool enabled = true;
  Duration interval = std::chrono::minutes(1);
  Duration sample_duration = std::chrono::seconds(1);
  int operators = 10;
  std::int64_t history_samples = 20'000;
  Duration history_age = std::chrono::hours(24 * 7);
  NormalRules rules;
};

// Every interval asks each device's worker for a short sample, judges what comes against what it learned,
// keeps it in the store, counts and logs anomalies. A worker that does not answer costs its sample alone.
// Loop thread; owns nothing but its timer. Borrows all it is given, which must outlive it.
class Profiler {
 public:
  Profiler(ProfilerOptions options, net::IoLoop& loop, const Clock& clock, store::ProfileStore& store,
           metrics::Registry& registry);
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  // Learns from the newest rows of the history (kLearnedRows) and starts the timer. Blocks on the store's
  // reader.
  Status Start();
  // At once; what was learned stays.
  void Configure(ProfilerOptions options);
  // The source must outlive this; a later one of the same device takes its place.
  void Add(std::string device, backend::ProfileSource& source);
  // One that nobody waits for is dropped.
  void OnReport(std::string_view device, const wire::ProfileReport& report);
  // Its worker went, or takes nothing for another reason: what it was asked will not come.
  void OnNotReady(std::string_view device);
  // Asks every device now, but for those whose answer to the last ask may still come (until kPatience after
  // the sample's end): what the timer calls.
  void AskAll();

  static constexpr std::size_t kLearnedRows = 5000;
  static constexpr Duration kPatience = std::chrono::seconds(10);

 private:
  struct Device {
    backend::ProfileSource* source = nullptr;
    std::uint64_t asked = 0;  // the id that is open; 0: none
    TimePoint until{};        // it is waited for
  };
  void Arm();
  void Keep(store::ProfileRow row);
  void Count(std::string_view device, const char* outcome);

  ProfilerOptions options_;
  net::IoLoop& loop_;
  const Clock& clock_;
  store::ProfileStore& store_;
  Learner learner_;
  metrics::Family<metrics::Counter>& anomalies_;
  metrics::Family<metrics::Counter>& samples_;
  std::map<std::string, Device, std::less<>> devices_;
  std::uint64_t last_id_ = 0;
  bool started_ = false;
  net::IoLoop::Timer timer_;
};

}  // namespace altlas::periodic
