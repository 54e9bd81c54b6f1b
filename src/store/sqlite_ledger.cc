// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_ledger.h"

#include <algorithm>
#include <utility>

#include "store/checks.h"
#include "store/profile_rows.h"
#include "store/sqlite_rows.h"

namespace altlas::store {
namespace {

std::string InsertSql(std::string_view table, std::string_view columns) {
  const auto count = std::count(columns.begin(), columns.end(), ',') + 1;
  std::string marks = "?";
  for (auto i = 1; i < count; ++i) marks += ",?";
  return fmt::format("INSERT INTO {}({}) VALUES({})", table, columns, marks);
}

// The nil id as bytes too: it is part of a primary key there.
std::string IdBytes(Uuid id) {
  std::string bytes;
  for (const auto word : {id.high, id.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(word >> shift);
  }
  return bytes;
}

std::vector<TaskId> ParseIds(std::string_view bytes) {
  std::vector<TaskId> ids;
  for (; bytes.size() >= 16; bytes.remove_prefix(16)) {
    auto& id = ids.emplace_back();
    for (int i = 0; i < 8; ++i) {
      id.high = id.high << 8 | static_cast<unsigned char>(bytes[i]);
      id.low = id.low << 8 | static_cast<unsigned char>(bytes[8 + i]);
    }
  }
  return ids;
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::Create(Database& database) {
  std::unique_ptr<Ledger> ledger(new Ledger(database));
  ALTLAS_TRY_VOID(ledger->Prepare());
  ALTLAS_TRY_VOID(ledger->LoadState());
  return ledger;
}

Status Ledger::Prepare() {
  const std::pair<Statement*, std::string> all[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&insert_task_, InsertSql("task", kTaskColumns)},
      {&find_task_, "SELECT seq, status, request_blob FROM task WHERE id=?1"},
      {&dispatch_,
       "UPDATE task SET status=1, attempt=?2, device=?3, budget_ms=?4, started_ms=?5,"
       " explain=CASE WHEN ?6='' THEN explain ELSE ?6 END WHERE seq=?1"},
      {&requeue_, "UPDATE task SET status=0, worker_losses=?2, device=?3, budget_ms=?4 WHERE seq=?1"},
      {&finish_,
       "UPDATE task SET status=?2, finished_ms=?3, worker_losses=coalesce(?4, worker_losses),"
       " error_code=?5, error_text=?6, error_field=?7,"
       " device=CASE WHEN ?8='' THEN device ELSE ?8 END WHERE seq=?1"},
      {&insert_result_,
       "INSERT OR REPLACE INTO result(task_seq, execution_seconds, blob, json) VALUES(?,?,?,?)"},
      {&delete_task_, "DELETE FROM task WHERE seq=?1"},
      {&result_blob_, "SELECT blob FROM result WHERE task_seq=?1"},
      {&delete_result_, "DELETE FROM result WHERE task_seq=?1"},
      {&find_claim_, "SELECT body_hash, task_ids, note FROM idempotency WHERE key_id=?1 AND key=?2"},
      {&insert_claim_, InsertSql("idempotency", "key_id,key,body_hash,task_ids,note,created_ms")},
      {&store_totals_,
       "UPDATE totals SET accepted=?, last_id=?, queued=?, running=?, completed=?, failed=?, canceled=?"},
      {&insert_key_, InsertSql("key", kKeyColumns)},
      {&revoke_key_,
       "UPDATE key SET revoked_ms=CASE revoked_ms WHEN 0 THEN ?2 ELSE revoked_ms END WHERE id=?1"},
      {&touch_key_, "UPDATE key SET last_used_ms=?2 WHERE id=?1 AND last_used_ms<?2"},
      {&oldest_finished_,
       "SELECT seq, status, request_blob, finished_ms FROM task WHERE status>=2 ORDER BY finished_ms, seq "
       "LIMIT ?1"},
      {&delete_claims_,
       "DELETE FROM idempotency WHERE (key_id, key) IN"
       " (SELECT key_id, key FROM idempotency WHERE created_ms<?1 ORDER BY created_ms LIMIT ?2)"},
      {&is_referred_,
       "SELECT EXISTS(SELECT 1 FROM task WHERE request_blob=?1) OR EXISTS(SELECT 1 FROM result WHERE "
       "blob=?1)"},
      {&insert_profile_, InsertSql("profile", kProfileColumns)},
      {&last_profile_, "SELECT max(seq) FROM profile"},
      // The oldest rows alone are looked at, so that a clock that was set back costs nothing.
      {&prune_profiles_,
       fmt::format("DELETE FROM profile WHERE seq IN (SELECT seq FROM profile ORDER BY seq LIMIT {}) AND"
                   " (seq<=?1 OR at_ms<?2)",
                   kProfilePruneRows)},
  };
  for (const auto& [statement, sql] : all) {
    ALTLAS_TRY(*statement, database_.Prepare(sql));
  }
  return {};
}

Status Ledger::LoadState() {
  // Kept in a row of their own: counting a million tasks would read them all at each start.
  ALTLAS_TRY(
      auto totals,
      database_.Prepare("SELECT accepted,last_id,queued,running,completed,failed,canceled FROM totals"));
  ALTLAS_TRY(const bool row, totals.Step());
  if (!row) return Fail(ErrorCode::kCorrupt, "the table `totals` has no row");
  now_.accepted = {totals.Int(0), totals.Id(1)};
  for (int i = 0; i < kTaskStatusCount; ++i) now_.counts[static_cast<std::size_t>(i)] = totals.Int(2 + i);
  committed_ = now_;
  return {};
}

Status Ledger::StoreTotals() {
  if (now_.accepted == committed_.accepted && now_.counts == committed_.counts) return {};
  store_totals_.Bind(1, now_.accepted.count).BindId(2, now_.accepted.last_id);
  for (int i = 0; i < kTaskStatusCount; ++i)
    store_totals_.Bind(3 + i, now_.counts[static_cast<std::size_t>(i)]);
  return store_totals_.Run();
}

Status Ledger::Begin() { return begin_.Run(); }

Status Ledger::Commit() {
  ALTLAS_TRY_VOID(StoreTotals());
  ALTLAS_TRY_VOID(commit_.Run());
  committed_.counts = now_.counts;
  committed_.accepted = now_.accepted;
  std::move(now_.released.begin(), now_.released.end(), std::back_inserter(committed_.released));
  now_.released.clear();
  return {};
}

void Ledger::Rollback() {
  if (database_.InTransaction()) (void)database_.Exec("ROLLBACK");
  now_.counts = committed_.counts;
  now_.accepted = committed_.accepted;
  now_.released.clear();
}

std::vector<std::string> Ledger::TakeReleasedBlobs() { return std::exchange(committed_.released, {}); }

Result<std::optional<Ledger::Found>> Ledger::Find(TaskId id) {
  ALTLAS_TRY(const bool row, find_task_.BindId(1, id).Step());
  if (!row) return std::optional<Found>();
  Found found{find_task_.Int(0), static_cast<TaskStatus>(find_task_.Int(1)), find_task_.Text(2)};
  find_task_.Reset();
  return std::optional<Found>(std::move(found));
}

Result<std::optional<AcceptOutcome>> Ledger::FindReplay(const IdempotencyClaim& claim) {
  const auto key_id = IdBytes(claim.key_id);
  ALTLAS_TRY(const bool row, find_claim_.BindBlob(1, key_id).BindText(2, claim.key).Step());
  if (!row) return std::optional<AcceptOutcome>();
  const bool same = find_claim_.Text(0) == claim.body_hash;
  AcceptOutcome first{true, ParseIds(find_claim_.Text(1)), find_claim_.Text(2)};
  find_claim_.Reset();
  if (!same) return OtherBody(claim.key);
  return std::optional<AcceptOutcome>(std::move(first));
}

Result<AcceptOutcome> Ledger::Accept(const AcceptBatch& batch, const std::vector<std::string>& blobs,
                                     WallMillis now) {
  // Everything that can be refused is refused before the first row goes in: a refused accept leaves no trace
  // without the cost of a savepoint.
  ALTLAS_TRY_VOID(CheckAccept(batch));
  if (batch.idempotency) {
    ALTLAS_TRY(auto replay, FindReplay(*batch.idempotency));
    if (replay) return std::move(*replay);
  }
  if (batch.only_replay) return NoFirstAccept();
  AcceptOutcome outcome;
  outcome.ids.reserve(batch.tasks.size());
  for (const auto& task : batch.tasks) {
    outcome.ids.push_back(task.id);
    if (task.id > now_.accepted.last_id) continue;  // ids grow, so that hardly one has to be looked for
    ALTLAS_TRY(const auto taken, Find(task.id));
    if (taken) return Fail(ErrorCode::kConflict, "there is a task {} already", task.id.ToString());
  }
  for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
    BindTask(insert_task_, batch.tasks[i], blobs[i]);
    ALTLAS_TRY_VOID(insert_task_.Run());
    now_.accepted.last_id = std::max(now_.accepted.last_id, batch.tasks[i].id);
  }
  if (batch.idempotency) ALTLAS_TRY_VOID(InsertClaim(*batch.idempotency, outcome.ids, now));
  const auto count = static_cast<std::int64_t>(batch.tasks.size());
  now_.accepted.count += count;
  now_.counts[static_cast<std::size_t>(TaskStatus::kQueued)] += count;
  return outcome;
}

Status Ledger::InsertClaim(const IdempotencyClaim& claim, const std::vector<TaskId>& ids, WallMillis now) {
  const auto key_id = IdBytes(claim.key_id);
  std::string id_bytes;
  for (const auto& id : ids) id_bytes += IdBytes(id);
  insert_claim_.BindBlob(1, key_id).BindText(2, claim.key).BindText(3, claim.body_hash);
  return insert_claim_.BindBlob(4, id_bytes).BindBlob(5, claim.note).Bind(6, now).Run();
}

Status Ledger::Dispatch(const DispatchRecord& record) {
  ALTLAS_TRY(const auto found, Find(record.id));
  if (!found || IsFinal(found->status)) return {};
  dispatch_.Bind(1, found->seq).Bind(2, std::int64_t{record.attempt}).BindText(3, record.device);
  dispatch_.Bind(4, record.budget_ms).Bind(5, record.started_ms).BindText(6, record.explain);
  ALTLAS_TRY_VOID(dispatch_.Run());
  Recount(found->status, TaskStatus::kRunning);
  return {};
}

Status Ledger::Requeue(const RequeueRecord& record) {
  ALTLAS_TRY(const auto found, Find(record.id));
  if (!found || IsFinal(found->status)) return {};
  requeue_.Bind(1, found->seq).Bind(2, std::int64_t{record.worker_losses});
  ALTLAS_TRY_VOID(requeue_.BindText(3, record.device).Bind(4, record.budget_ms).Run());
  Recount(found->status, TaskStatus::kQueued);
  return {};
}

Result<FinalOutcome> Ledger::Finish(const FinalRecord& record, const std::string& result_blob) {
  ALTLAS_TRY_VOID(CheckFinal(record));
  ALTLAS_TRY(const auto found, Find(record.id));
  if (!found) return NoTask(record.id);
  if (IsFinal(found->status)) return FinalOutcome{false, found->status};
  finish_.Bind(1, found->seq).Bind(2, static_cast<std::int64_t>(record.status)).Bind(3, record.finished_ms);
  if (record.worker_losses) finish_.Bind(4, std::int64_t{*record.worker_losses});
  BindError(finish_, 5, record.error);
  finish_.BindText(8, record.device);
  ALTLAS_TRY_VOID(finish_.Run());
  if (record.result) ALTLAS_TRY_VOID(InsertResult(found->seq, *record.result, result_blob));
  Recount(found->status, record.status);
  return FinalOutcome{true, record.status};
}

Status Ledger::InsertResult(std::int64_t seq, const TaskResult& result, const std::string& blob) {
  insert_result_.Bind(1, seq).Bind(2, result.execution_seconds);
  if (!blob.empty()) insert_result_.BindText(3, blob);
  return insert_result_.BindBlob(4, blob.empty() ? std::string_view(result.json) : std::string_view()).Run();
}

Status Ledger::Delete(TaskId id) {
  ALTLAS_TRY(auto found, Find(id));
  if (!found) return NoTask(id);
  if (!IsFinal(found->status)) {
    return Fail(ErrorCode::kConflict, "the task {} is {}; cancel it before it is deleted", id.ToString(),
                TaskStatusName(found->status));
  }
  return RemoveRow(found->seq, found->status, std::move(found->request_blob));
}

Status Ledger::RemoveRow(std::int64_t seq, TaskStatus status, std::string request_blob) {
  ALTLAS_TRY(const bool has_result, result_blob_.Bind(1, seq).Step());
  if (has_result) {
    auto blob = result_blob_.Text(0);
    result_blob_.Reset();
    if (!blob.empty()) now_.released.push_back(std::move(blob));
    ALTLAS_TRY_VOID(delete_result_.Bind(1, seq).Run());
  }
  ALTLAS_TRY_VOID(delete_task_.Bind(1, seq).Run());
  if (!request_blob.empty()) now_.released.push_back(std::move(request_blob));
  --now_.counts[static_cast<std::size_t>(status)];
  return {};
}

Status Ledger::AddKey(const KeyRecord& key) {
  ALTLAS_TRY_VOID(CheckKey(key));
  const auto scopes = FormatScopes(key.scopes);
  BindKey(insert_key_, key, scopes);
  auto done = insert_key_.Run();
  if (done.has_value() || done.error().code != ErrorCode::kConflict) return done;
  return Fail(ErrorCode::kConflict, "there is a key with this id or secret already");
}

Status Ledger::RevokeKey(Uuid id, WallMillis revoked_ms) {
  ALTLAS_TRY_VOID(revoke_key_.BindId(1, id).Bind(2, revoked_ms).Run());
  if (database_.Changes() == 0) return Fail(ErrorCode::kNotFound, "there is no key {}", id.ToString());
  return {};
}

Status Ledger::TouchKey(Uuid id, WallMillis last_used_ms) {
  return touch_key_.BindId(1, id).Bind(2, last_used_ms).Run();
}

Result<std::size_t> Ledger::RemoveFinished(WallMillis before, std::int64_t excess, std::size_t limit) {
  struct Row {
    std::int64_t seq;
    TaskStatus status;
    std::string blob;
  };
  std::vector<Row> rows;
  oldest_finished_.Bind(1, static_cast<std::int64_t>(limit));
  while (true) {
    ALTLAS_TRY(const bool row, oldest_finished_.Step());
    if (!row) break;
    const bool old = oldest_finished_.Int(3) < before;
    if (!old && static_cast<std::int64_t>(rows.size()) >= excess) break;
    rows.push_back({oldest_finished_.Int(0), static_cast<TaskStatus>(oldest_finished_.Int(1)),
                    oldest_finished_.Text(2)});
  }
  oldest_finished_.Reset();
  for (auto& row : rows) ALTLAS_TRY_VOID(RemoveRow(row.seq, row.status, std::move(row.blob)));
  return rows.size();
}

Result<std::size_t> Ledger::RemoveIdempotency(WallMillis before, std::size_t limit) {
  ALTLAS_TRY_VOID(delete_claims_.Bind(1, before).Bind(2, static_cast<std::int64_t>(limit)).Run());
  return static_cast<std::size_t>(database_.Changes());
}

Result<bool> Ledger::IsReferred(const std::string& blob) {
  ALTLAS_TRY(const bool row, is_referred_.BindText(1, blob).Step());
  const bool referred = row && is_referred_.Int(0) != 0;
  is_referred_.Reset();
  return referred;
}

void Ledger::Recount(TaskStatus from, TaskStatus to) {
  --now_.counts[static_cast<std::size_t>(from)];
  ++now_.counts[static_cast<std::size_t>(to)];
}

Result<std::int64_t> Ledger::AddProfile(const ProfileRow& row, const ProfileBounds& bounds) {
  ALTLAS_TRY_VOID(CheckProfile(row));
  const auto measures = FormatMeasures(row.measures);
  BindProfile(insert_profile_, row, measures);
  ALTLAS_TRY_VOID(insert_profile_.Run());
  ALTLAS_TRY([[maybe_unused]] const bool found, last_profile_.Step());
  const auto id = last_profile_.Int(0);
  last_profile_.Reset();
  ALTLAS_TRY_VOID(prune_profiles_.Bind(1, id - bounds.rows).Bind(2, bounds.oldest_ms).Run());
  return id;
}

}  // namespace altlas::store
