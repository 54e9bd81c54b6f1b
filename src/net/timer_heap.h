// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"

namespace altlas::net {

// The timers of one loop in the order of their times, kept over one timerfd that it borrows. Not thread-safe.
class TimerHeap {
 public:
  // `fd` is a timerfd on CLOCK_BOOTTIME, as SystemClock; -1 arms nothing.
  explicit TimerHeap(int fd) : fd_(fd) {}
  std::uint64_t Add(TimePoint when, std::function<void()> function);
  void Remove(TimePoint when, std::uint64_t id);
  bool Contains(TimePoint when, std::uint64_t id) const { return timers_.contains({when, id}); }
  // Runs what is due at `now`, in order, then arms the descriptor for the next one. A function may add and
  // remove timers.
  void RunDue(TimePoint now);

 private:
  using Key = std::pair<TimePoint, std::uint64_t>;
  void Arm();
  int fd_;
  std::uint64_t next_id_ = 1;
  TimePoint armed_ = TimePoint::max();
  bool running_ = false;
  std::map<Key, std::function<void()>> timers_;
};

}  // namespace altlas::net
