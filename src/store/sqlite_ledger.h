// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "store/high_water.h"
#include "store/key_store.h"
#include "store/profile_store.h"
#include "store/sqlite_db.h"
#include "store/task_store.h"

namespace altlas::store {

// The changes of the ledger as SQL on one connection, each inside a transaction that the caller opens. Owns
// its statements, borrows the database. Not thread-safe, blocks on the disk. Errors: kConflict, kNotFound and
// kInvalidArgument concern the one operation, which then has changed nothing; any other means that the
// transaction must be rolled back.
class Ledger {
 public:
  static Result<std::unique_ptr<Ledger>> Create(Database& database);

  Status Begin();
  Status Commit();
  // Also forgets what the transaction did to counts() and accepted().
  void Rollback();

  // `blobs` holds one name a task, empty where the request goes into the row.
  Result<AcceptOutcome> Accept(const AcceptBatch& batch, const std::vector<std::string>& blobs,
                               WallMillis now);
  Status Dispatch(const DispatchRecord& record);
  Status Requeue(const RequeueRecord& record);
  Result<FinalOutcome> Finish(const FinalRecord& record, const std::string& result_blob);
  Status Delete(TaskId id);
  Status AddKey(const KeyRecord& key);
  Status RevokeKey(Uuid id, WallMillis revoked_ms);
  Status TouchKey(Uuid id, WallMillis last_used_ms);
  // Adds the row, then removes what is past the bounds (256 rows at most). Returns the row's id.
  Result<std::int64_t> AddProfile(const ProfileRow& row, const ProfileBounds& bounds);

  // Removes at most `limit` finished tasks, oldest first: those that finished before `before`, or the first
  // `excess` ones. Returns how many went.
  Result<std::size_t> RemoveFinished(WallMillis before, std::int64_t excess, std::size_t limit);
  Result<std::size_t> RemoveIdempotency(WallMillis before, std::size_t limit);
  // Blobs that a row of the committed transactions let go of, once: the caller asks IsReferred before it
  // removes the file.
  std::vector<std::string> TakeReleasedBlobs();
  Result<bool> IsReferred(const std::string& blob);

  // Both as of the transaction that is open, or the last commit.
  const TaskCounts& counts() const { return now_.counts; }
  const HighWater& accepted() const { return now_.accepted; }

 private:
  explicit Ledger(Database& database) : database_(database) {}
  struct State {
    TaskCounts counts{};
    HighWater accepted;
    std::vector<std::string> released;
  };
  struct Found {
    std::int64_t seq = 0;
    TaskStatus status = TaskStatus::kQueued;
    std::string request_blob;
  };
  Status Prepare();
  Status LoadState();
  Status StoreTotals();
  Result<std::optional<Found>> Find(TaskId id);
  Result<std::optional<AcceptOutcome>> FindReplay(const IdempotencyClaim& claim);
  Status InsertClaim(const IdempotencyClaim& claim, const std::vector<TaskId>& ids, WallMillis now);
  Status InsertResult(std::int64_t seq, const TaskResult& result, const std::string& blob);
  Status RemoveRow(std::int64_t seq, TaskStatus status, std::string request_blob);
  void Recount(TaskStatus from, TaskStatus to);

  Database& database_;
  State now_;
  State committed_;
  Statement begin_, commit_, insert_task_, find_task_, dispatch_, requeue_, finish_, insert_result_,
      delete_task_, result_blob_, delete_result_, find_claim_, insert_claim_, store_totals_, insert_key_,
      revoke_key_, touch_key_, oldest_finished_, delete_claims_, is_referred_, insert_profile_, last_profile_,
      prune_profiles_;
};

}  // namespace altlas::store
