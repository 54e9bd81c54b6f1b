// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/records.h"

namespace altlas::store {

// The field of the kConflict error that Accept reports for a known idempotency key with another body (HTTP
// 422).
inline constexpr std::string_view kIdempotencyField = "Idempotency-Key";

// Makes a repeated accept harmless: the same (key_id, key) with the same body is answered with the tasks of
// the first.
struct IdempotencyClaim {
  Uuid key_id;
  std::string key;        // the client's text, at most kMaxIdempotencyKeyBytes
  std::string body_hash;  // of the request as sent, e.g. SHA-256 in hex
  std::string note;       // opaque, given back on a replay (what the answer looked like)
};
inline constexpr std::size_t kMaxIdempotencyKeyBytes = 255;

struct AcceptBatch {
  std::vector<TaskRecord> tasks;  // 1 or more, all kQueued
  std::optional<IdempotencyClaim> idempotency;
  // Nothing is stored: answered with the first accept of the idempotency key, kNotFound where there is none.
  bool only_replay = false;
};
struct AcceptOutcome {
  bool replayed = false;    // true: nothing was stored, these are the tasks of the first accept
  std::vector<TaskId> ids;  // some may have been deleted since
  std::string note;         // of the first accept
};
using AcceptCallback = std::function<void(Result<AcceptOutcome>)>;

struct DispatchRecord {
  TaskId id;
  int attempt = 1;
  std::string device;
  std::int64_t budget_ms = 0;
  WallMillis started_ms = 0;
  std::string explain;  // empty: keeps what is there
};

struct RequeueRecord {
  TaskId id;
  int worker_losses = 0;  // the new total
  std::string device;     // predicted, may be empty
  std::int64_t budget_ms = 0;
};

struct FinalRecord {
  TaskId id;
  TaskStatus status = TaskStatus::kCompleted;  // a final one
  std::optional<TaskResult> result;            // with kCompleted, and only then
  std::optional<Error> error;                  // with kFailed and kCanceled, and only then
  std::optional<int> worker_losses;            // the new total, where it changed
  WallMillis finished_ms = 0;
  std::string device = {};  // where it ran or was predicted to; empty: keeps what is there
};
struct FinalOutcome {
  bool recorded = true;  // false: it was final already, `stored` tells as what; nothing changed
  TaskStatus stored = TaskStatus::kCompleted;  // the state that stands now
};
using FinalCallback = std::function<void(Result<FinalOutcome>)>;
using DoneCallback = std::function<void(Status)>;

// The ledger of tasks, writing half. Implementations: SQLite (sqlite_store.h), memory (memory_store.h); one
// contract suite (store_contract_test.cc) runs on both.
//
// Ownership: the records are moved in. Threads: any thread may call; operations are applied in the order of
// the calls. No call blocks: each moves its record into the writer's queue (microseconds). Callbacks come
// through the Executor given at Create, never inside the call, and only after the COMMIT that holds the
// change, in the order of the calls but for those that wait for the disk; an empty callback is allowed. The
// destructor commits what waits, posts the callbacks and returns. Errors: Accept and DeleteTask fail with
// kStorageFull while the disk is full, kUnavailable while it cannot be written (then the outcome is unknown:
// a restart may find it done); Accept with kOverloaded where too many bytes wait for the disk. The other
// operations never fail for such a reason: they stay in memory and are tried again until the disk takes them,
// or fail with kUnavailable where the store is destroyed before that.
class TaskStore {
 public:
  virtual ~TaskStore() = default;
  // Stores all of the batch or nothing. kConflict with kIdempotencyField: known key, other body. kConflict:
  // an id is taken. kInvalidArgument: a batch that breaks the comments above.
  virtual void Accept(AcceptBatch batch, AcceptCallback done) = 0;
  // queued -> running; written in the next group commit, not awaited. Ignored where the task is final or
  // gone.
  virtual void RecordDispatch(DispatchRecord record) = 0;
  // running -> queued, after a worker was lost. Ignored (success) where the task is final or gone.
  virtual void RequeueForRetry(RequeueRecord record, DoneCallback done) = 0;
  // Any unfinished state -> a final one. Final states never change. kNotFound: no such task.
  virtual void RecordFinal(FinalRecord record, FinalCallback done) = 0;
  // Removes a finished task with its result. kNotFound; kConflict while it is not finished.
  virtual void DeleteTask(TaskId id, DoneCallback done) = 0;
};

struct TaskFilter {
  std::optional<TaskStatus> status;
  std::optional<std::string> type;
  std::optional<std::string> model;
  std::optional<Uuid> key_id;
  std::optional<std::string> priority_name;
  WallMillis created_from_ms = 0;            // inclusive
  WallMillis created_before_ms = INT64_MAX;  // exclusive
  TaskId before;                             // the cursor: only ids below it; nil: from the newest
  std::size_t limit = 50;
  std::size_t scan_limit = 1024;  // rows looked at in one call, which bounds its time
};
struct TaskPage {
  std::vector<TaskRecord> tasks;  // newest id first; `request`, `result` and `explain` left empty
  std::optional<TaskId>
      next;  // the next `before`; nullopt at the end. A page may be short, or empty, and have one
};

using TaskCounts = std::array<std::int64_t, kTaskStatusCount>;  // by TaskStatus

// The ledger of tasks, reading half. Thread-safe; every call is answered on the caller's thread, from a
// read-only connection of its own (SQLite: some 20 us for Get and Head, a few us a row for List; Get reads
// and checks blob files beside it) or from memory, and
// sees what was committed: an operation is visible at the latest when its callback runs. The manager's own
// table is the truth for what is not awaited.
class TaskReader {
 public:
  virtual ~TaskReader() = default;
  // The whole record. kNotFound; kCorrupt where the request's or result's blob file is missing or broken.
  virtual Result<TaskRecord> Get(TaskId id) const = 0;
  // The record as List gives it: without `request`, `result` and `explain`, and without a look at a blob
  // file. kNotFound.
  virtual Result<TaskRecord> Head(TaskId id) const = 0;
  virtual Result<TaskPage> List(const TaskFilter& filter) const = 0;
  // Every queued and running task, whole, by priority (lower first), then id: for recovery at start. Streams;
  // memory does not grow with their number. A task whose blob file is broken comes with `error` kCorrupt and
  // an empty request: it can only be failed. Changes made by `visit` may or may not be seen.
  virtual Status LoadUnfinished(const std::function<void(TaskRecord)>& visit) const = 0;
  // How many tasks are in each state; from memory, exact after each commit.
  virtual TaskCounts Count() const = 0;
};

}  // namespace altlas::store
