// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "sched/indexed_heap.h"

namespace altlas::sched {

using DeviceIndex = std::uint32_t;
inline constexpr DeviceIndex kNoDevice = UINT32_MAX;

// What orders devices of one speed: when they are done with what they run (the epoch where idle), then `tie`.
struct LoadKey {
  TimePoint idle_at;
  std::uint32_t tie = 0;
  bool operator<(const LoadKey& other) const {
    return idle_at != other.idle_at ? idle_at < other.idle_at : tie < other.tie;
  }
};

// Finds the device of least predicted finish among thousands without looking at each. Devices of (nearly) one
// speed and contention form a class; inside a class the order by `idle_at` does not depend on the task or on
// the time, so a heap keeps it. A pick compares the heads of the classes, of which there are as many as there
// are kinds of device. Speeds are rounded to an eighth of an octave (9 %).
class LoadIndex {
 public:
  struct Best {
    DeviceIndex device = kNoDevice;
    double finish = 0;  // by the rounded speed
  };

  // The class of a device that needs `unit` seconds for a unit of size alone.
  struct Rate {
    int unit_step = 0;
    int contention_step = 0;
    bool operator==(const Rate&) const = default;
  };
  static Rate RateOf(double unit_seconds, double contention);

  void Insert(DeviceIndex device, double unit_seconds, double contention, LoadKey key);
  void Remove(DeviceIndex device);
  void Update(DeviceIndex device, LoadKey key);
  bool Contains(DeviceIndex device) const {
    return device < home_.size() && home_[device].position != kNotInHeap;
  }
  std::size_t size() const { return size_; }

  // The best device for a task of `size` units. `refresh(device)` is called for a head whose `idle_at` has
  // passed; it returns true where it has moved the device (by Update), false where the device is really idle.
  template <typename Refresh>
  Best Pick(double size, TimePoint now, Refresh&& refresh) {
    Best best;
    double best_unit = 0;
    for (const std::uint32_t id : active_) {
      SpeedClass& c = classes_[id];
      DeviceIndex head = c.heap.top().id;
      while (c.heap.top().key.idle_at <= now && refresh(head)) head = c.heap.top().id;
      const double backlog = std::max(0.0, Seconds(c.heap.top().key.idle_at - now));
      const double finish = c.unit * size + c.contention * backlog;
      if (best.device == kNoDevice || finish < best.finish || (finish == best.finish && c.unit < best_unit)) {
        best = {head, finish};
        best_unit = c.unit;
      }
    }
    return best;
  }

 private:
  struct Home {
    std::uint32_t position = kNotInHeap;
    std::uint32_t speed_class = 0;
  };
  struct PositionOf {
    std::vector<Home>* home;
    std::uint32_t& operator()(std::uint32_t device) const { return (*home)[device].position; }
  };
  struct SpeedClass {
    Rate rate;
    double unit;
    double contention;
    IndexedHeap<LoadKey, PositionOf> heap;
  };
  std::uint32_t ClassFor(double unit_seconds, double contention);

  std::vector<Home> home_;  // by device
  std::vector<SpeedClass> classes_;
  std::vector<std::uint32_t> active_;  // those with devices in them
  std::size_t size_ = 0;

 public:
  LoadIndex() = default;
  LoadIndex(const LoadIndex&) = delete;  // classes point to home_
  LoadIndex& operator=(const LoadIndex&) = delete;
};

}  // namespace altlas::sched
