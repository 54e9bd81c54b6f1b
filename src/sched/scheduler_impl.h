// SPDX-License-Identifier: Apache-2.0
// The inside of Scheduler, shared by scheduler.cc (events), scheduler_queue.cc (lanes and groups),
// scheduler_dispatch.cc (Poll), scheduler_batch.cc and scheduler_explain.cc. See scheduler.h for what it
// promises.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <unordered_map>

#include "sched/scheduler.h"
#include "sched/strategy.h"

namespace altlas::sched {

using TaskSlot = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;

// A task's place in the queue: see "Order" in scheduler.h. Unique, so the order is total.
struct QueuePlace {
  std::int64_t nanos = 0;
  std::uint64_t sequence = 0;
  bool operator<(const QueuePlace& other) const {
    return nanos != other.nanos ? nanos < other.nanos : sequence < other.sequence;
  }
};

// A task that is known: waiting in a lane, parked in its group, or running.
struct Task {
  TaskId id;
  RouteIndex route = kNoRoute;
  Strategy strategy = Strategy::kLeastLoaded;
  bool own_strategy = false;  // asked for, so it stays when the default changes
  bool running = false;
  bool alone = false;       // shares its device with no other task
  std::uint32_t level = 0;  // index in the configuration
  double size = 1;
  std::uint64_t memory = 0;
  DeviceIndex exclude = kNoDevice;
  QueuePlace place;
  TimePoint accepted;
  TimePoint queued_since;
  TimePoint deadline;
  Duration budget{};  // while running: what is left of its time in the queue
  std::uint32_t group = kNone;
  std::uint32_t lane = kNone;                // kNone while parked or running
  std::uint32_t lane_position = kNotInHeap;  // also in Group::parked
  std::uint32_t timer_position = kNotInHeap;
  std::optional<TimePoint> hold_until;  // least_loaded: waits for a faster device until then
  std::optional<TimePoint> lacks_room_since;
  DeviceIndex kept = kNoDevice;  // the device kept free for it
  RunningToken run;
  WaitingToken wait;
  Reason reason = Reason::kNone;
};

struct LanePosition {
  std::vector<Task>* tasks;
  std::uint32_t& operator()(TaskSlot slot) const { return (*tasks)[slot].lane_position; }
};
struct TimerPosition {
  std::vector<Task>* tasks;
  std::uint32_t& operator()(TaskSlot slot) const { return (*tasks)[slot].timer_position; }
};

// Tasks that can run on exactly the same devices wait in one lane: where its head cannot run, none of it can.
// So a task that has to wait holds up no task of another lane. Memory needs within an eighth of an octave
// share a lane.
struct LaneKey {
  RouteIndex route = kNoRoute;
  Strategy strategy = Strategy::kLeastLoaded;
  DeviceIndex pin = kNoDevice;  // only on this device
  DeviceIndex exclude = kNoDevice;
  std::uint32_t memory_step = 0;
  std::uint32_t group = kNone;  // of a group that needs a device for several routes
  bool alone = false;
  bool operator==(const LaneKey&) const = default;
};
struct LaneKeyHash {
  std::size_t operator()(const LaneKey& key) const;
};
struct Lane {
  LaneKey key;
  IndexedHeap<QueuePlace, LanePosition> heap;
  std::uint64_t tried = 0;          // the sweep in which its head could not be placed
  std::uint32_t active_at = kNone;  // position in Impl::active_lanes_
};

// Tasks that go to one device together: an unsplit batch, or a share of a split one. While `bound` is not
// set, one of them (the scout) waits in a lane for all; the others are parked here until it has found the
// device.
struct Group {
  DeviceIndex bound = kNoDevice;
  TaskSlot scout = kNone;
  std::vector<RouteIndex> routes;  // those of its tasks
  IndexedHeap<QueuePlace, LanePosition> parked;
  std::size_t tasks = 0;
};

class Scheduler::Impl {
 public:
  explicit Impl(Random random) : random_(random), timers_(TimerPosition{&tasks_}) {}

  static Status Check(const SchedConfig& config);
  void Configure(TimePoint now, SchedConfig config);
  void UpdateDevice(TimePoint now, DeviceState state);
  void RemoveDevice(TimePoint now, std::string_view id);
  Result<Accepted> Submit(TimePoint now, TaskSpec spec);
  Result<BatchAccepted> SubmitBatch(TimePoint now, std::vector<TaskSpec> specs, std::optional<bool> split);
  bool Cancel(TimePoint now, const TaskId& id);
  bool Finish(TimePoint now, const TaskId& id, Outcome outcome, Duration service);
  bool Requeue(TimePoint now, const TaskId& id, std::string_view exclude, bool alone);
  Status AdoptRunning(TimePoint now, TaskSpec spec, std::string_view device);
  std::vector<Action> Poll(TimePoint now);
  std::optional<TimePoint> NextWake() const;
  Duration RetryAfter() const;
  std::vector<std::pair<std::string, std::size_t>> QueuedByPriority() const;
  std::vector<std::pair<std::string, Duration>> OldestWaits(TimePoint now) const;
  DeviceView View(DeviceIndex index) const;
  std::optional<Placement> Where(const TaskId& id) const;
  Explanation Explain(TimePoint now, TaskSlot slot);

  const SchedConfig& config() const { return config_; }
  const DeviceTable& table() const { return table_; }
  void SetNow(TimePoint now) { table_.SetNow(now); }
  TaskSlot FindTask(const TaskId& id) const;
  std::size_t queued() const { return queued_; }
  std::size_t running() const { return ids_.size() - queued_; }

 private:
  // Events (scheduler.cc).
  Status CheckSpec(const TaskSpec& spec) const;
  std::optional<Error> WhyNever(const TaskSpec& spec, RouteIndex route) const;
  Status CheckRoom(std::size_t tasks) const;
  TaskSlot Insert(TaskSpec spec, RouteIndex route);
  std::string DeviceId(DeviceIndex device) const;
  void Forget(TaskSlot slot);
  void OnAvailabilityChange();

  // Lanes and groups (scheduler_queue.cc). A task is put in the queue by Enqueue and leaves it by Dequeue.
  void Enqueue(TaskSlot slot);
  void Dequeue(TaskSlot slot);
  void EnterLane(TaskSlot slot);
  void HandOverKept(TaskSlot from, TaskSlot to);
  void LeaveLane(TaskSlot slot);
  std::uint32_t LaneFor(const LaneKey& key);
  void Bind(std::uint32_t group, DeviceIndex device);
  void Unbind(std::uint32_t group);
  void Predict(TaskSlot slot);
  DeviceIndex PredictDevice(const Task& task);
  DeviceIndex LeastPredicted(const Task& task) const;
  std::uint32_t NewGroup(std::vector<RouteIndex> routes, DeviceIndex bound);
  void JoinGroup(TaskSlot slot, std::uint32_t group);
  void LeaveGroup(TaskSlot slot);
  PlacementView::Needs NeedsOf(const Task& task) const;

  // Decisions (scheduler_dispatch.cc).
  void ExpireDue(std::vector<Action>& actions);
  void Dispatch(std::vector<Action>& actions);
  std::uint32_t BestLane() const;
  bool CanTry(const Lane& lane) const;
  void TryLane(std::uint32_t lane, std::vector<Action>& actions);
  void GiveUp(TaskSlot slot, Pick pick, std::vector<Action>& actions);
  Pick ChooseForHead(const Lane& lane, Strategy& strategy);
  bool StartFurtherBack(const Lane& lane, const Pick& held, std::vector<Action>& actions);
  Pick Choose(const Task& task, Strategy strategy);
  Pick ChoosePinned(const Task& task, DeviceIndex pin);
  Pick ChooseKept(TaskSlot slot);
  Pick ChooseKeptFor(TaskSlot slot, const Lane& lane, Strategy& strategy);
  Strategy FallBackStrategy() const;
  bool StillKept(const Task& task);
  Pick ChooseHeld(TaskSlot slot, Pick pick);
  void Start(TaskSlot slot, Pick pick, Strategy strategy, std::vector<Action>& actions);
  bool Clearer(const Task& task, DeviceIndex a, DeviceIndex b) const;
  bool FitsWhenEmpty(const Task& task, DeviceIndex device) const;
  void WaitForRoom(TaskSlot slot, DeviceIndex pin);
  void WakeAt(TimePoint at) { wake_ = std::min(wake_, at); }

  // Batches (scheduler_batch.cc).
  void PlanSplit(const std::vector<TaskSlot>& slots);
  void PlanTogether(const std::vector<TaskSlot>& slots);
  std::vector<double> ShareWeights(const Task& task) const;

  // Explaining (scheduler_explain.cc).
  std::vector<Candidate> Candidates(const Task& task, DeviceIndex pin, DeviceIndex chosen) const;
  std::string WhyRefused(const Task& task, DeviceIndex device, DeviceIndex pin) const;

  SchedConfig config_;
  std::vector<std::uint32_t> ranks_;  // of the configured levels
  Random random_;
  StrategySet strategies_ = MakeStrategies();
  DeviceTable table_;  // before tasks_: their tokens return to it

  std::vector<Task> tasks_;
  std::vector<TaskSlot> free_tasks_;
  boost::unordered_flat_map<TaskId, TaskSlot, std::hash<TaskId>> ids_;
  std::uint64_t next_sequence_ = 0;
  std::size_t queued_ = 0;
  std::vector<std::size_t> queued_by_level_;

  std::deque<Lane> lanes_;
  std::vector<std::uint32_t> free_lanes_;
  std::vector<std::uint32_t> active_lanes_;
  std::unordered_map<LaneKey, std::uint32_t, LaneKeyHash> lane_by_key_;
  std::uint32_t last_lane_ = kNone;
  std::deque<Group> groups_;
  std::vector<std::uint32_t> free_groups_;

  IndexedHeap<TimePoint, TimerPosition> timers_;  // deadlines of the queued tasks
  TimePoint wake_ = TimePoint::max();             // the next time a held task has to be looked at
  bool changed_ = false;                          // since the last sweep
  std::uint64_t sweep_ = 0;
  std::optional<TimePoint> last_finish_;
  double finish_interval_ = 0;  // seconds between finishes under load
};

}  // namespace altlas::sched
