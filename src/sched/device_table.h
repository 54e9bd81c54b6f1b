// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sched/limits.h"
#include "sched/load_index.h"
#include "sched/service_stats.h"
#include "sched/types.h"

namespace altlas::sched {

using RouteIndex = std::uint32_t;
inline constexpr RouteIndex kNoRoute = UINT32_MAX;

// A device as it is for one route.
struct Member {
  bool capable = false;      // serves the type and the model
  bool model_ready = false;  // and the model is loaded
  bool open = false;         // healthy, loaded, a slot is free, not kept for or taken by a task alone
  std::optional<std::uint64_t> memory_per_task;
  ServiceStats stats;
  double unit = 60;       // seconds for one unit of size alone: learned, or a guess
  double contention = 1;  // see ServiceStats
  bool guess = true;
  LoadIndex::Rate rate;
};

// A kind of task, and the devices that can run it.
struct Route {
  std::string type;
  std::string model;
  std::vector<Member> members;  // by device
  LoadIndex index;              // the open ones
  std::vector<std::uint64_t> open_bits;
  std::size_t open_count = 0;
  std::size_t waiting = 0;    // queued tasks that are not bound to one device
  bool learned = false;       // something was measured on some device: sizes mean seconds now
  double reference_unit = 0;  // of the fastest device measured
  DeviceIndex reference = kNoDevice;
  DeviceIndex cursor = kNoDevice;  // round_robin: the device that had the last turn
  std::optional<TimePoint> last_arrival;
  double arrival_gap = 0;  // mean seconds between arrivals, fading; 0: not known yet
};

struct RunningTask {
  std::uint32_t task = 0;
  RouteIndex route = kNoRoute;
  TimePoint start;
  double together_at_start = 0;  // DeviceRecord::together then
  double work = 0;               // predicted seconds alone
  double size = 1;               // the task's, to predict `work` anew
  bool guess = false;            // predicted before this device was measured for the route
};

struct DeviceRecord {
  DeviceState state;
  bool known = false;  // false: removed, kept for the tasks that still hold it
  DeviceHealth health = DeviceHealth::kOk;
  std::string why;
  LimitState limits;
  int slots = 0;
  int running = 0;
  int waiting = 0;
  double waiting_work = 0;  // predicted seconds of the tasks predicted to run here
  std::uint64_t memory_reserved = 0;
  std::uint32_t kept_for = UINT32_MAX;  // a task that waits for room here: nothing else starts
  std::uint32_t alone = UINT32_MAX;     // a task that runs here and has to be alone: nothing else starts
  TimePoint idle_at;    // when the running tasks are predicted to be done; the epoch where idle
  double together = 0;  // integral of `running` over time, in seconds
  TimePoint together_at;
  std::vector<RunningTask> tasks;
  std::vector<RouteIndex> routes;  // those it is capable of
};

class DeviceTable;

// A slot and memory held for a running task; the destructor gives them back, on whatever path the task ends.
class RunningToken {
 public:
  RunningToken() = default;
  RunningToken(DeviceTable* table, DeviceIndex device, std::uint32_t task, std::uint64_t memory)
      : table_(table), device_(device), task_(task), memory_(memory) {}
  RunningToken(RunningToken&& other) noexcept { *this = std::move(other); }
  RunningToken& operator=(RunningToken&& other) noexcept;
  ~RunningToken() { Release(); }
  void Release();
  explicit operator bool() const { return table_ != nullptr; }
  DeviceIndex device() const { return device_; }

 private:
  DeviceTable* table_ = nullptr;
  DeviceIndex device_ = kNoDevice;
  std::uint32_t task_ = 0;
  std::uint64_t memory_ = 0;
};

// A waiting task counted at the device where it is predicted to run.
class WaitingToken {
 public:
  WaitingToken() = default;
  WaitingToken(DeviceTable* table, DeviceIndex device, double work);
  WaitingToken(WaitingToken&& other) noexcept { *this = std::move(other); }
  WaitingToken& operator=(WaitingToken&& other) noexcept;
  ~WaitingToken() { Release(); }
  void Release();
  explicit operator bool() const { return table_ != nullptr; }
  DeviceIndex device() const { return device_; }

 private:
  DeviceTable* table_ = nullptr;
  DeviceIndex device_ = kNoDevice;
  double work_ = 0;
};

// The devices: their health, what runs on them and what is known of their speed. Must outlive its tokens.
class DeviceTable {
 public:
  DeviceTable() = default;
  DeviceTable(const DeviceTable&) = delete;
  DeviceTable& operator=(const DeviceTable&) = delete;

  // Every call below counts from this time on. Never goes back.
  void SetNow(TimePoint now) { now_ = std::max(now_, now); }
  TimePoint now() const { return now_; }

  void Configure(const SchedConfig& config);
  void Update(DeviceState state);
  void Remove(std::string_view id);
  // True once after a device has become available, unavailable, or known by measurement, for some route.
  bool TakeAvailabilityChange() { return std::exchange(availability_changed_, false); }

  std::size_t size() const { return devices_.size(); }
  const DeviceRecord& device(DeviceIndex index) const { return *devices_[index]; }
  DeviceIndex Find(std::string_view id) const;

  // The route of a task, made on first use; kNoRoute where no known device serves it.
  RouteIndex FindRoute(std::string_view type, std::string_view model);
  RouteIndex FindRoute(std::string_view type, std::string_view model) const;
  Route& route(RouteIndex index) { return *routes_[index]; }
  const Route& route(RouteIndex index) const { return *routes_[index]; }

  // Healthy and loaded: it may run tasks of the route, now or as soon as a slot is free.
  bool Serves(RouteIndex route, DeviceIndex device) const;
  // Could run the task one day, by configuration and by size of memory.
  bool CouldServe(RouteIndex route, DeviceIndex device, std::uint64_t estimated_memory) const;
  std::uint64_t MemoryNeed(RouteIndex route, DeviceIndex device, std::uint64_t estimated_memory) const;
  bool HasRoom(DeviceIndex device, std::uint64_t need) const;
  std::uint64_t Room(DeviceIndex device) const;       // free bytes; UINT64_MAX where unknown
  std::uint64_t EmptyRoom(DeviceIndex device) const;  // the same, once no task of ours runs there

  // Predicted seconds the task takes alone, and until it is done if it starts now beside the tasks running
  // there.
  double Work(RouteIndex route, DeviceIndex device, double size) const;
  double Finish(RouteIndex route, DeviceIndex device, double size) const;
  // Predicted seconds until the running tasks are done, as if one by one.
  double Backlog(DeviceIndex device) const;
  // Predicted seconds until each running task ends, in no order.
  std::vector<double> Releases(DeviceIndex device) const;
  // As Finish, among the open devices by the index: O(kinds of device).
  LoadIndex::Best LeastFinish(RouteIndex route, double size);

  void CountArrival(RouteIndex route);
  // Arrivals a second, as of now.
  double ArrivalRate(RouteIndex route) const;

  // `alone`: nothing else starts there until it ends.
  RunningToken BeginRunning(RouteIndex route, DeviceIndex device, std::uint32_t task, double size,
                            std::uint64_t memory, bool alone);
  // Learns from a task that still runs here and took `service`.
  void Learn(RouteIndex route, DeviceIndex device, std::uint32_t task, double size, Duration service);
  // Keeps the device free for this task, or for none (UINT32_MAX).
  void KeepFor(DeviceIndex device, std::uint32_t task);

 private:
  friend class RunningToken;
  friend class WaitingToken;
  void EndRunning(DeviceIndex device, std::uint32_t task, std::uint64_t memory);
  void JudgeAll();
  void JudgeOne(DeviceIndex index, bool disabled);
  void Join(RouteIndex route, DeviceIndex device);
  void RefreshOpen(DeviceIndex device);
  void SetOpen(Route& route, DeviceIndex device, bool open);
  TimePoint IdleAt(DeviceIndex device) const;
  void Reprice(Route& route, DeviceIndex device);
  void RepriceGuesses(Route& route);
  void RepriceRunning(const Route& route, DeviceIndex device);
  void CountSpeed(const DeviceRecord& device, int by);
  double RelativeSpeed(const DeviceRecord& device) const;
  double Pace(DeviceIndex device) const;
  double RemainingOfAll(DeviceIndex device) const;
  void CountTogether(DeviceRecord& device);
  LoadKey KeyOf(DeviceIndex device) const;

  SchedConfig config_;
  TimePoint now_;
  std::vector<std::unique_ptr<DeviceRecord>> devices_;
  std::unordered_map<std::string, DeviceIndex> by_id_;
  std::vector<std::unique_ptr<Route>> routes_;
  RouteIndex last_route_ = kNoRoute;  // most tasks are like the one before
  double speed_sum_ = 0;              // over the devices that have one
  std::size_t speed_count_ = 0, known_count_ = 0;
  double typical_seconds_ = 60;  // of a task, over the pool: stands in where nothing is learned
  bool any_learned_ = false;
  bool availability_changed_ = false;
};

}  // namespace altlas::sched
