// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "store/blob_store.h"
#include "store/fault_points.h"
#include "store/high_water.h"
#include "store/housekeeping.h"
#include "store/sqlite_ops.h"
#include "store/store.h"

namespace altlas::store {

// What the writer owns and its thread alone touches, opened and checked.
struct WriterParts {
  std::unique_ptr<Database> database;
  std::unique_ptr<Ledger> ledger;
  BlobStore blobs;
  HighWaterFile high_water;
  std::unique_ptr<FaultPoints> faults;
};

// One thread that makes every change: it takes all that waits into one transaction, commits, and posts the
// answers. While one commit is on its way to the disk the next group gathers, so that the cost of a sync is
// shared by all that wait.
//
// When the disk refuses: what can be repeated (accepts, deletes, keys) is answered with the error; the rest
// goes back to the front of the line in its order and is tried again. Accepts are let in again when a while
// has passed and there is room.
class SqliteWriter {
 public:
  SqliteWriter(SqliteOptions options, const Clock& clock, Executor executor, WriterParts parts);
  // Commits what waits, answers it, and ends the thread.
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  // Thread-safe, does not block.
  void Push(Op op);
  StoreHealth health() const;
  // As of the last commit. Thread-safe.
  TaskCounts counts() const;

 private:
  void Run();
  bool WaitForWork();  // false: stop
  std::chrono::nanoseconds TimeToNextDuty() const;
  void DoDuties();
  void CommitGroup();
  std::vector<Op> TakeGroup();
  void ScreenAccepts(std::vector<Op>& group);
  std::optional<Error> ReasonToRefuse();
  Status CheckSpace();
  void PrepareBlobs(std::vector<Op>& group);
  Status PutBlobs(AcceptOp& op);
  Status PutBlob(FinalOp& op);
  Status Transact(std::vector<Op>& group);
  Status ApplyAll(std::vector<Op>& group);
  void Succeed(std::vector<Op> group);
  void Fall(std::vector<Op> group, const Error& error);
  void RefuseWhatCanBeRepeated();
  void TellOfRefusal(Op& op);
  void Drain();
  void Answer(std::vector<Op> ops);
  void PutBack(std::vector<Op> ops);
  void MarkTrouble(const Error& error);
  void MarkHealthy();
  void MarkHighWater();

  const SqliteOptions options_;
  const Clock& clock_;
  const Executor executor_;
  WriterParts parts_;
  Housekeeping housekeeping_;

  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<Op> incoming_ ALTLAS_GUARDED_BY(mutex_);
  std::size_t incoming_bytes_ ALTLAS_GUARDED_BY(mutex_) = 0;  // of accepts that wait or are being written
  bool idle_ ALTLAS_GUARDED_BY(mutex_) = false;
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::size_t waiting_ ALTLAS_GUARDED_BY(mutex_) = 0;
  std::optional<Error> shown_trouble_ ALTLAS_GUARDED_BY(mutex_);
  TaskCounts shown_counts_ ALTLAS_GUARDED_BY(mutex_){};

  // The writer thread's own.
  std::vector<Op> taken_;
  std::deque<Op> backlog_;
  std::size_t alone_ = 0;         // so many of the next operations get a transaction each
  std::optional<Error> trouble_;  // what keeps accepts out
  TimePoint trouble_until_{};     // accepts are let in for a trial after it
  TimePoint hold_until_{};        // no transaction is tried before it
  int failures_in_a_row_ = 0;
  bool more_housekeeping_ = true;
  bool high_water_dirty_ = false;
  bool high_water_failed_ = false;
  TimePoint high_water_due_{};
  std::thread thread_;
};

}  // namespace altlas::store
