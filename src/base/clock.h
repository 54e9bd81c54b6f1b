// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>

namespace altlas {

using Duration = std::chrono::nanoseconds;
// A point on the monotonic clock (CLOCK_BOOTTIME in SystemClock: it runs on while the machine sleeps). Pure
// cores take it as `now`.
struct MonotonicClockTag {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClockTag>;
  static constexpr bool is_steady = true;
};
using TimePoint = MonotonicClockTag::time_point;
// Milliseconds since the Unix epoch: what is stored and shown. Never used to measure or to wait.
using WallMillis = std::int64_t;

inline double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
inline Duration FromSeconds(double s) { return Duration(static_cast<std::int64_t>(s * 1e9)); }

// The time. Implementations: SystemClock, FakeClock. Thread-safe, never blocks.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;
  virtual WallMillis WallNow() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint Now() const override;
  WallMillis WallNow() const override;
};

// Stands still until told: tests advance it by hand.
class FakeClock final : public Clock {
 public:
  TimePoint Now() const override { return TimePoint(Duration(now_.load())); }
  WallMillis WallNow() const override { return wall_.load(); }
  void Advance(Duration by) {
    now_ += by.count();
    wall_ += by.count() / 1'000'000;
  }
  // A jump of the wall clock alone, as an administrator or NTP makes one.
  void JumpWall(std::int64_t by_ms) { wall_ += by_ms; }

 private:
  std::atomic<std::int64_t> now_{1'000'000'000};
  std::atomic<std::int64_t> wall_{1'700'000'000'000};
};

}  // namespace altlas
