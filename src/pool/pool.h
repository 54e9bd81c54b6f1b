// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/result.h"
#include "device/snapshot.h"
#include "metrics/registry.h"
#include "net/io_loop.h"
#include "pool/pool_metrics.h"
#include "pool/task_view.h"
#include "sched/scheduler.h"
#include "store/store.h"

namespace altlas::pool {

// A model that devices of this pool may serve.
struct PoolModel {
  std::string name;
  std::string type;
  std::optional<std::vector<std::string>> devices;  // absent: every device
};

struct PoolOptions {
  sched::SchedConfig sched;
  std::vector<PoolModel> models;
  int max_worker_losses = 2;  // a task fails once so many workers went down while they ran it (poison)
  Duration queue_sweep =
      std::chrono::milliseconds(100);  // longest time between two sweeps of the queue while tasks wait
  std::uint64_t seed = 1;              // of the random strategy and ties
};

// Makes the backend of a device seen for the first time; null where it cannot (the device is then left out of
// the pool). The listener goes to the backend as it is.
using BackendFactory =
    std::function<std::unique_ptr<backend::Backend>(const device::DeviceSnapshot&, backend::BackendListener)>;

// A device as it is shown.
struct DeviceReport {
  device::DeviceSnapshot snapshot;
  sched::DeviceView view;
  backend::BackendStatus backend;
  bool present = true;
};

// The answer to a submission. One entry a task, in the order given.
struct SubmitOutcome {
  struct Task {
    TaskId id;
    std::optional<std::string> device;  // where it runs or is predicted to; absent where no device can run it
    store::TaskStatus status = store::TaskStatus::kQueued;
  };
  std::vector<Task> tasks;
  bool replayed = false;  // a known Idempotency-Key: these are the tasks of the first request
  bool split = true;
};
using SubmitCallback = std::function<void(Result<SubmitOutcome>)>;

// Stops the watching when it goes. May outlive the pool.
class Watch {
 public:
  virtual ~Watch() = default;
};

// The one owner of the live tasks: accepts them durably, lets the scheduler choose, gives them to backends as
// leases, records each outcome once, and after a restart finds its place again. Promises 1, 3 and 4 of the
// product are kept here.
//
// Order of an accept: bounds are checked, the row is committed, then the scheduler gets the task, then the
// caller is answered: nothing runs that is not durable, and nothing is answered that could be lost. The order
// of an end: the outcome is committed, then watchers are told and the worker may forget it. A final state
// never changes; what a worker says of a task that is final already (canceled while it ran, answered twice
// after a reconnection) only frees its slot.
//
// Thread rule: everything on the loop's thread; callbacks run there, never inside the call. Nothing blocks
// but what the store's reader does. Owns the backends; borrows loop, clock, store and registry, which must
// outlive it.
class Pool {
 public:
  static Result<std::unique_ptr<Pool>> Create(PoolOptions options, net::IoLoop& loop, const Clock& clock,
                                              store::Store& store, metrics::Registry& registry,
                                              BackendFactory factory);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Reads the unfinished tasks of an earlier run. Call once, before the first UpdateDevices. Blocks on the
  // store.
  Status Recover();
  // What the probe saw: new devices get a backend, devices that are gone keep being shown as lost.
  void UpdateDevices(const std::vector<device::DeviceSnapshot>& snapshots);
  // Changes strategy, limits, levels, slots at once. On an error nothing changes.
  Status Configure(sched::SchedConfig config);
  const sched::SchedConfig& sched_config() const;

  // Accepts one task, or a batch as a whole. `split` absent: not a batch. kOverloaded with the queue full
  // (see RetryAfter), kInvalidArgument with the field for a strategy or priority that is not allowed,
  // kConflict with store::kIdempotencyField, kStorageFull, kUnavailable while draining or where the store
  // cannot write.
  void Submit(Uuid key_id, std::vector<NewTask> tasks, std::optional<bool> split,
              std::optional<store::IdempotencyClaim> idempotency, SubmitCallback done);

  // A task that is still in the table, from memory alone: what it is now, with `result` and `explain` left
  // out. Nothing for one that only the store knows (or nobody).
  std::optional<TaskView> LiveView(const TaskId& id) const;
  // The whole task, from the table or the store. kNotFound. `explain`: with the reasons, for a live task.
  Result<TaskView> Get(const TaskId& id, bool explain = false) const;
  // Ends a queued or running task as canceled; answers (`done` may be empty) once that is durable. kNotFound;
  // kConflict where it is final already.
  void Cancel(const TaskId& id, std::string reason, std::function<void(Result<TaskView>)> done);
  // Calls `listener` with the tokens from `from_index` on and with the end; a task that is final already
  // gives one FinalEvent. Where the words before `from_index` may be others than those heard then (they were
  // lost with a manager and a worker, or never said), a ResetEvent comes first and then all tokens. Null
  // where there is no such task.
  std::unique_ptr<Watch> WatchTask(const TaskId& id, std::uint32_t from_index,
                                   std::function<void(const TaskEvent&)> listener);

  std::vector<DeviceReport> Devices() const;
  // Per device, the process that works on it: for the probe.
  std::vector<std::pair<std::string, int>> WorkerPids() const;
  // True where a healthy device serves each model; else false, and `why` names the first that has none, or
  // says that it is shutting down.
  bool Ready(std::string* why) const;
  Duration RetryAfter() const;
  void SetMetricSwitches(MetricSwitches switches);
  // Stop was called: new tasks are refused.
  bool stopping() const;
  std::size_t queued() const;
  std::size_t running() const;

  // No new tasks from now on. `kDrain`: running leases end within their backends' drain time; waiting tasks
  // stay durable in the store. `kLeaveRunning`: workers are left to be adopted. `stopped` runs once all
  // backends have stopped.
  void Stop(backend::StopMode mode, std::function<void()> stopped);

  class Impl;

 private:
  explicit Pool(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl>
      impl_;  // shared with the callbacks in flight, which find it closed once the pool is gone
};

}  // namespace altlas::pool
