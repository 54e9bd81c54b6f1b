// SPDX-License-Identifier: Apache-2.0
// The values that go in and out of the scheduler. All of them are plain copyable structs; nothing here has
// behaviour.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/strategy.h"
#include "base/task_id.h"

namespace altlas::sched {

// Past `high` a device gets no new work; it is back once the value is at or under `high - margin`. Limits
// mean use by others than this program; a limit for which the device reports no value does not apply to it.
struct DeviceLimits {
  double memory_threshold = 0.9;  // share of the memory that others use, 0..1
  double memory_margin = 0.05;
  double utilization_threshold = 0.95;  // share of the time that others keep the device busy, 0..1
  double utilization_margin = 0.05;
  double max_temperature_celsius = 85;
  double temperature_margin = 5;
  double min_compute_capability = 7.0;
  bool operator==(const DeviceLimits&) const = default;
};

struct PriorityLevel {
  std::string name = {};
  int number = 0;  // lower goes first; equal numbers are one level
  bool operator==(const PriorityLevel&) const = default;
};

struct SchedConfig {
  bool multi_gpu_enabled = true;  // false: only the first present device (in order of registration) gets work
  std::vector<Strategy> strategies = AllStrategies();  // those a request may ask for
  Strategy default_strategy = Strategy::kLeastLoaded;
  std::vector<PriorityLevel> priority_levels = {{"high", 0}, {"normal", 1}, {"low", 2}};
  std::string default_priority = "normal";
  // One level of priority is worth this much waiting: see "Order" in scheduler.h. Smaller: fairer to low
  // priorities; larger: stricter.
  Duration aging = std::chrono::seconds(30);
  std::size_t max_queue_size = 1000;  // waiting tasks; running ones do not count
  Duration queue_timeout = std::chrono::hours(1);
  int max_concurrent_tasks_per_gpu = 8;
  std::map<std::string, std::string> task_specific_mappings;  // type -> device id
  MappingAnswer mapping_answer = MappingAnswer::kFallback;
  bool batch_split = true;
  int min_batch_size_per_gpu = 4;
  DeviceLimits limits;
  bool operator==(const SchedConfig&) const = default;
};

enum class DeviceKind : std::uint8_t { kGpu, kCpu };

// A model that a device serves.
struct ServedModel {
  std::string name = {};
  bool ready = true;  // false while it loads: tasks for it wait
  // What one more task of this model takes, once known (0: nothing beyond what the model holds already). It
  // takes the place of the task's own estimated_memory on this device.
  std::optional<std::uint64_t> memory_per_task = {};
  bool operator==(const ServedModel&) const = default;
};

// What the rest of the program knows of a device: facts, no judgement (that is the scheduler's).
struct DeviceState {
  std::string id = {};
  DeviceKind kind = DeviceKind::kGpu;
  bool present = true;       // the probe sees it
  bool ready = true;         // its worker is up
  std::string why_not = {};  // shown where it is not present or not ready, e.g. "worker restarts in 4 s"
  std::vector<std::string> types;  // task types that it can run
  std::vector<ServedModel>
      models;  // also those still loading, so that a task for them waits instead of failing
  std::uint64_t memory_total = 0;           // bytes; 0: unknown, memory then never decides
  std::uint64_t memory_used_by_others = 0;  // bytes used by processes that are not ours
  std::uint64_t memory_at_rest = 0;         // bytes that our loaded models hold, whether or not they work
  double utilization_by_others = 0;         // 0..1
  std::optional<double> temperature_celsius = {};
  std::optional<double> compute_capability = {};
  std::optional<double> speed =
      {};         // relative speed, e.g. a benchmark score; only ratios between devices matter
  int slots = 0;  // tasks at a time; 0: max_concurrent_tasks_per_gpu. The smaller of both counts.
  bool operator==(const DeviceState&) const = default;
};

enum class DeviceHealth : std::uint8_t {
  kOk,        // gets work. May become any other.
  kStarting,  // present, its worker is not ready: its tasks wait or go elsewhere. Then kOk.
  kLimited,   // past a limit: finishes what it runs, gets nothing new. Back to kOk by itself.
  kLost,      // not present. Back when the probe sees it again.
  kDisabled,  // not used by configuration (multi_gpu off, compute capability too low). Until that changes.
};
std::string_view DeviceHealthName(DeviceHealth health);

struct DeviceView {
  std::string id = {};
  DeviceKind kind = DeviceKind::kGpu;
  DeviceHealth health = DeviceHealth::kOk;
  std::string why = {};  // a sentence; empty where kOk
  int slots = 0;
  int running = 0;
  int waiting = 0;                    // queued tasks predicted to run here
  int task_count = 0;                 // running + waiting
  std::uint64_t memory_reserved = 0;  // bytes held for running tasks
  double predicted_busy_seconds = 0;  // an estimate: until its running tasks are done
};

struct TaskSpec {
  TaskId id;
  std::string type = {};
  std::string model = {};                 // empty: any device that runs the type
  std::optional<Strategy> strategy = {};  // none: the configured default
  std::string priority = {};              // name of a level; empty: the configured default
  std::uint64_t estimated_memory = 0;     // bytes, a hint; 0: unknown
  double size_hint = 0;  // what the service time grows with, e.g. max_length; 0: unknown (counts as 1)
  std::optional<Duration> timeout = {};  // longest wait in the queue; may only shorten the configured one
  bool alone = false;                    // under suspicion: see Requeue in scheduler.h
  bool recovered = false;                // accepted before a restart: enters also where the queue is full
  Duration waited{};  // of a recovered task: how long it had waited already (its place in the queue, not its
                      // timeout)
};

// A task given back after a loss may wait at least this long again, however little was left of its time in
// the queue: it had started in time.
inline constexpr Duration kLeastAfterLoss = std::chrono::seconds(60);

// Why a device was chosen, or a task ended. Names (ReasonName) are stable: they are logged and shown.
enum class Reason : std::uint8_t {
  kNone,
  kNextInTurn,          // round_robin
  kLeastFinish,         // least_loaded: least predicted finish, from measured times
  kLeastCount,          // least_loaded: nothing measured yet, fewest tasks for its speed
  kBestFit,             // memory_optimized
  kMapped,              // task_specific
  kMappingFellBack,     // task_specific: mapped device unavailable or none mapped; placed by the default
                        // strategy
  kDrawn,               // random
  kBatchShare,          // its share of a batch, or the device that runs the rest of its unsplit batch
  kKeptFree,            // it had waited for memory, and this device was kept free for it
  kQueueTimeout,        // Expire
  kMappingUnavailable,  // FailTask
};
std::string_view ReasonName(Reason reason);

// What the caller has to do. kDispatch: the task runs from now on and holds a slot until Finish, Cancel or
// Requeue. kExpire and kFail: the scheduler has forgotten the task.
struct Action {
  enum class Kind : std::uint8_t { kDispatch, kExpire, kFail };
  Kind kind = Kind::kDispatch;
  TaskId task;
  std::string device = {};  // kDispatch; kExpire: the one that was predicted, empty where none could run it
  Strategy strategy =
      Strategy::kLeastLoaded;  // kDispatch: the one that chose (after a fallback, the one fallen back to)
  Reason reason = Reason::kNone;
  double score =
      0;  // kDispatch: what the strategy compared; for least_loaded the predicted seconds to its end
  std::string message = {};  // kExpire, kFail: a sentence for the user; kDispatch after a fallback: why
};

// Where a task is.
struct Placement {
  std::string device = {};  // of a waiting task: the predicted one
  bool running = false;
};

struct Accepted {
  TaskId task;
  std::string device = {};  // predicted; empty exactly where cannot_run is set
  // No device of the pool could ever run it (no such model or type, more memory than any device has). The
  // scheduler has not queued it: the caller records the task as accepted and fails it with this error.
  std::optional<Error> cannot_run = {};
};

struct BatchAccepted {
  std::vector<Accepted> tasks;  // in the order given
  bool split = false;           // as asked, whether or not it was worth cutting
};

enum class Outcome : std::uint8_t {
  kDone,    // a measured service time that the scheduler learns from
  kFailed,  // the task's own fault: nothing is learned
};

// One device as a task's strategy sees it.
struct Candidate {
  std::string device = {};
  bool eligible = false;
  bool chosen = false;
  std::string why = {};  // why it is refused; empty where eligible
  double score = 0;      // predicted seconds to the task's end; only where it can run the task at all
};

struct Explanation {
  TaskId task;
  Strategy strategy = Strategy::kLeastLoaded;
  bool running = false;
  std::string device = {};  // where it runs, or is predicted to
  Reason reason = Reason::kNone;
  std::string waiting_because = {};  // a sentence; empty where running
  std::size_t ahead = 0;             // queued tasks that go first
  std::vector<Candidate> candidates;
};

}  // namespace altlas::sched
