// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sched/types.h"

namespace altlas::sched {

// Decides which task goes next and on which device it runs. Events in, decisions out: it does no I/O, has no
// threads, no clock and no log; `now` is an argument and the only randomness is the generator given in, so
// the same calls give the same decisions, bit for bit.
//
// Thread rule: one thread at a time, like a std::vector. Nothing blocks. `now` must never go back.
// Use: after any call that changes something, call Poll and carry out its actions; call it again at
// NextWake() at the latest.
//
// Late binding: a device holds no more tasks than it has free slots; all others wait in one queue, so that a
// fast device pulls more. A free slot is filled by the first Poll after it came free.
//
// Order. A task's place is fixed when it is accepted: place = time of acceptance + rank(level) * aging, where
// the ranks of the levels are 0, 1, 2, ... from the lowest number. The smallest place goes first; inside a
// level that is first in, first out. A task that cannot run now (its device is busy, no room) is passed by
// those behind it and keeps its place. So a task of rank r is passed only by tasks accepted no later than (r
// - their rank) * aging after it, and waits at most
//
//     W = r * aging + ceil(Q / c) * S      (+ S + aging where it waits for memory, + S where it may run on
//     faster devices)
//
// where Q = the tasks waiting, by the bound max_queue_size plus those recovered or given back, c = the slots
// of the devices that may run it and S = the longest service time on them. (+ S for memory: after `aging` a
// device is kept free for a task that does not find room. + S for speed: least_loaded may leave a slow device
// idle and wait for a faster one, once, and never longer than the slow one would take.)
// scheduler_property_test.cc holds the scheduler to it.
//
// What the strategies mean when no slot is free: the task waits, and is placed by its strategy among the
// devices with a free slot at the moment its turn comes. round_robin: the next device in turn that has a free
// slot (under full load the turn is that of the slots coming free). random: drawn among the devices with a
// free slot. task_specific: waits for the mapped device while that is healthy. memory_optimized: best fit
// among those with a free slot and room. least_loaded: least predicted finish; it waits for a busy
// faster device only where that is predicted to finish it clearly earlier (10 %); the slow device then goes
// to the first task further back for which the fast ones come too late, if there is one.
class Scheduler {
 public:
  // kInvalidArgument where the configuration contradicts itself (default strategy not in the list, no levels,
  // ...).
  static Result<std::unique_ptr<Scheduler>> Create(SchedConfig config, Random random);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes effect at once for placement, limits and slots; tasks in the queue keep their place and their
  // timeout. On an error nothing changes. Running tasks are never stopped: a lower number of slots is reached
  // as they finish.
  Status Configure(TimePoint now, SchedConfig config);
  const SchedConfig& config() const;

  // Adds the device or replaces what is known of it. A device that is no longer present or ready keeps its
  // running tasks on the books until the caller gives them back (Requeue) or ends them (Finish, Cancel).
  void UpdateDevice(TimePoint now, DeviceState state);
  // Forgets the device; as above for its running tasks. Unknown ids are ignored.
  void RemoveDevice(TimePoint now, std::string_view id);

  // kOverloaded: the queue is full, see RetryAfter. kInvalidArgument with the field: strategy not allowed,
  // priority unknown. kConflict: that id is known already. Otherwise accepted: queued, or with `cannot_run`.
  Result<Accepted> Submit(TimePoint now, TaskSpec spec);

  // All or nothing. Split (`split`, else the configured batch_split): cut into shares of at least
  // min_batch_size_per_gpu, sized by the devices' measured speeds and free slots. Not split: one device for
  // all, chosen when the first starts; the waiting ones move together if that device is lost. Tasks with
  // `cannot_run` take no part.
  Result<BatchAccepted> SubmitBatch(TimePoint now, std::vector<TaskSpec> specs, std::optional<bool> split);

  // Forgets the task, waiting or running, and frees what it held. False where unknown. O(log n).
  bool Cancel(TimePoint now, const TaskId& task);
  // The running task ended. `service` is the measured time on the device. False where it is not running.
  bool Finish(TimePoint now, const TaskId& task, Outcome outcome, Duration service);
  // The running task was lost with its worker: it goes back to its old place. `exclude`: a device to avoid as
  // long as another one can run it. `alone`: it may be what brought the worker down, so from now on it runs
  // on a device that runs nothing else, and nothing is started beside it; where no device is idle, one is
  // kept free for it at once. It may wait for what was left of its time in the queue, but at least
  // kLeastAfterLoss. False where it is not running.
  bool Requeue(TimePoint now, const TaskId& task, std::string_view exclude = {}, bool alone = false);

  // After a restart: the task runs on that device already and holds a slot there, beyond the bound if need
  // be. kConflict: that id is known; kNotFound: no such device; kInvalidArgument as for Submit.
  Status AdoptRunning(TimePoint now, TaskSpec spec, std::string_view device);

  // The decisions due at `now`, in order. Cheap where nothing happened.
  std::vector<Action> Poll(TimePoint now);
  // When Poll has to be called although nothing happens (a timeout, the end of a wait for a faster device).
  std::optional<TimePoint> NextWake() const;

  // How long a client should wait before it tries again while the queue is full: at least 1 s, at most 60 s.
  Duration RetryAfter() const;

  std::size_t queued() const;
  std::size_t running() const;
  // Queued tasks of each level, in the order of the configuration.
  std::vector<std::pair<std::string, std::size_t>> QueuedByPriority() const;
  // How long the oldest task of each level has waited, zero where none waits; in the order of the
  // configuration. Time grows with the queue.
  std::vector<std::pair<std::string, Duration>> OldestWaits(TimePoint now) const;

  // Devices in order of registration.
  std::vector<DeviceView> Devices(TimePoint now) const;
  std::optional<DeviceView> Device(TimePoint now, std::string_view id) const;
  std::optional<Placement> Where(const TaskId& task) const;

  // The full list of candidates with scores and refusals, as of now. Not for the hot path: time grows with
  // the devices.
  std::optional<Explanation> Explain(TimePoint now, const TaskId& task) const;

 private:
  class Impl;
  explicit Scheduler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace altlas::sched
