// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_writer.h"

#include <algorithm>

#include "base/log.h"
#include "store/disk_room.h"

namespace altlas::store {
namespace {

using std::chrono::nanoseconds;
constexpr auto kHighWaterSyncInterval = std::chrono::seconds(1);
constexpr int kFailuresBeforeGivingUp = 3;
constexpr std::size_t kRowOverheadBytes = 512;

std::size_t BytesOf(const AcceptBatch& batch) {
  std::size_t bytes = 0;
  for (const auto& task : batch.tasks) bytes += task.request.size() + kRowOverheadBytes;
  return bytes;
}

bool IsAppliedAccept(const Op& op) {
  return std::holds_alternative<AcceptOp>(op) && StageOf(op) == OpStage::kApply;
}

}  // namespace

SqliteWriter::SqliteWriter(SqliteOptions options, const Clock& clock, Executor executor, WriterParts parts)
    : options_(std::move(options)),
      clock_(clock),
      executor_(std::move(executor)),
      parts_(std::move(parts)),
      housekeeping_(options_.retention, clock_, *parts_.database, *parts_.ledger, parts_.blobs,
                    *parts_.faults),
      shown_counts_(parts_.ledger->counts()) {
  MarkHighWater();
  thread_ = std::thread([this] { Run(); });
}

SqliteWriter::~SqliteWriter() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  thread_.join();
}

void SqliteWriter::Push(Op op) {
  auto* accept = std::get_if<AcceptOp>(&op);
  if (accept != nullptr) accept->bytes = BytesOf(accept->record);
  MutexLock lock(mutex_);
  if (accept != nullptr && incoming_bytes_ > 0 && incoming_bytes_ + accept->bytes > options_.waiting_bytes) {
    accept->record.tasks.clear();
    accept->bytes = 0;
    Decide(op, Fail(ErrorCode::kOverloaded,
                    "{} bytes of tasks wait for the disk, the limit is {}; try again later", incoming_bytes_,
                    options_.waiting_bytes));
  } else if (accept != nullptr) {
    incoming_bytes_ += accept->bytes;
  }
  incoming_.push_back(std::move(op));
  ++waiting_;
  if (idle_) wake_.NotifyOne();
}

StoreHealth SqliteWriter::health() const {
  MutexLock lock(mutex_);
  return {!shown_trouble_, shown_trouble_ ? shown_trouble_->message : std::string(), waiting_};
}

TaskCounts SqliteWriter::counts() const {
  MutexLock lock(mutex_);
  return shown_counts_;
}

void SqliteWriter::Run() {
  while (WaitForWork()) {
    if (clock_.Now() < hold_until_) {
      RefuseWhatCanBeRepeated();
    } else if (!backlog_.empty()) {
      CommitGroup();
    }
    DoDuties();
  }
  Drain();
}

bool SqliteWriter::WaitForWork() {
  const auto patience = TimeToNextDuty();
  bool go_on = true;
  {
    MutexLock lock(mutex_);
    if (incoming_.empty() && !stopping_ && patience > nanoseconds(0)) {
      idle_ = true;
      wake_.WaitFor(mutex_, patience);
      idle_ = false;
    }
    taken_.swap(incoming_);
    go_on = !stopping_;
  }
  std::move(taken_.begin(), taken_.end(), std::back_inserter(backlog_));
  taken_.clear();
  return go_on;
}

nanoseconds SqliteWriter::TimeToNextDuty() const {
  const auto now = clock_.Now();
  if (!backlog_.empty()) return std::max(nanoseconds(0), hold_until_ - now);
  if (more_housekeeping_) return nanoseconds(0);
  nanoseconds patience = options_.retention.interval;
  if (trouble_) patience = std::min<nanoseconds>(patience, options_.retry);
  if (high_water_dirty_) patience = std::min(patience, std::max(nanoseconds(0), high_water_due_ - now));
  return patience;
}

void SqliteWriter::DoDuties() {
  const auto now = clock_.Now();
  more_housekeeping_ = now >= hold_until_ && housekeeping_.RunSlice();
  housekeeping_.CheckpointWhenLong();
  if (high_water_dirty_ && now >= high_water_due_) {
    high_water_dirty_ = !parts_.high_water.Sync().has_value();
    high_water_due_ = now + kHighWaterSyncInterval;
  }
  if (backlog_.empty()) {
    const auto reason = ReasonToRefuse();
    if (!reason) MarkHealthy();
  }
  MutexLock lock(mutex_);
  shown_counts_ = parts_.ledger->counts();
}

void SqliteWriter::CommitGroup() {
  auto group = TakeGroup();
  ScreenAccepts(group);
  PrepareBlobs(group);
  const auto done = Transact(group);
  if (done.has_value()) {
    Succeed(std::move(group));
  } else {
    Fall(std::move(group), done.error());
  }
}

std::vector<Op> SqliteWriter::TakeGroup() {
  std::vector<Op> group;
  std::size_t rows = 0;
  const auto limit = alone_ > 0 ? 1 : options_.group_rows;
  while (!backlog_.empty() && (group.empty() || rows + RowsOf(backlog_.front()) <= limit)) {
    rows += RowsOf(backlog_.front());
    group.push_back(std::move(backlog_.front()));
    backlog_.pop_front();
    if (alone_ > 0) {
      --alone_;
      break;
    }
  }
  for (auto& op : group) {
    if (StageOf(op) == OpStage::kRetry) SetStage(op, OpStage::kApply);
  }
  return group;
}

void SqliteWriter::ScreenAccepts(std::vector<Op>& group) {
  if (std::none_of(group.begin(), group.end(), IsAppliedAccept)) return;
  const auto reason = ReasonToRefuse();
  if (!reason) return;
  for (auto& op : group) {
    if (IsAppliedAccept(op)) Decide(op, *reason);
  }
}

std::optional<Error> SqliteWriter::ReasonToRefuse() {
  if (const auto space = CheckSpace(); !space.has_value()) {
    MarkTrouble(space.error());
  } else if (clock_.Now() >= trouble_until_) {
    return std::nullopt;
  }
  return trouble_;
}

Status SqliteWriter::CheckSpace() {
  ALTLAS_TRY_VOID(parts_.faults->At("free_space"));
  // Once it was too little, some more is wanted, so that the state does not flap.
  const auto wanted = options_.min_free_bytes + (trouble_ ? options_.min_free_bytes / 4 : 0);
  return CheckRoom(options_.folder, wanted, *parts_.database);
}

void SqliteWriter::PrepareBlobs(std::vector<Op>& group) {
  bool any = false;
  for (auto& op : group) {
    if (StageOf(op) != OpStage::kApply) continue;
    auto* accept = std::get_if<AcceptOp>(&op);
    auto* final = std::get_if<FinalOp>(&op);
    if (accept == nullptr && final == nullptr) continue;
    const auto done = accept != nullptr ? PutBlobs(*accept) : PutBlob(*final);
    any = any || (accept != nullptr ? !accept->blobs.empty() : !final->blob.empty());
    if (done.has_value()) continue;
    MarkTrouble(done.error());
    if (accept != nullptr) {
      housekeeping_.CheckLater(accept->blobs);
      Decide(op, *trouble_);
    } else {
      ++failures_in_a_row_;
      hold_until_ = clock_.Now() + options_.retry;
      SetStage(op, OpStage::kRetry);
    }
  }
  if (!any) return;
  (void)parts_.faults->At("after_blobs");
}

Status SqliteWriter::PutBlobs(AcceptOp& op) {
  op.blobs.assign(op.record.tasks.size(), "");
  bool any = false;
  for (std::size_t i = 0; i < op.blobs.size(); ++i) {
    const auto& request = op.record.tasks[i].request;
    if (request.size() <= options_.blob_bytes) continue;
    ALTLAS_TRY_VOID(parts_.faults->At("before_blob"));
    ALTLAS_TRY(op.blobs[i], parts_.blobs.Put(request));
    any = true;
  }
  return any ? parts_.blobs.SyncFolder() : Status();
}

Status SqliteWriter::PutBlob(FinalOp& op) {
  op.blob.clear();
  if (!op.record.result || op.record.result->json.size() <= options_.blob_bytes) return {};
  ALTLAS_TRY_VOID(parts_.faults->At("before_blob"));
  ALTLAS_TRY(op.blob, parts_.blobs.Put(op.record.result->json));
  return parts_.blobs.SyncFolder();
}

Status SqliteWriter::Transact(std::vector<Op>& group) {
  auto done = ApplyAll(group);
  if (!done.has_value()) parts_.ledger->Rollback();
  return done;
}

Status SqliteWriter::ApplyAll(std::vector<Op>& group) {
  ALTLAS_TRY_VOID(parts_.ledger->Begin());
  const auto now = clock_.WallNow();
  for (auto& op : group) {
    if (StageOf(op) != OpStage::kApply) continue;
    ALTLAS_TRY_VOID(ApplyOp(op, *parts_.ledger, now));
    ALTLAS_TRY_VOID(parts_.faults->At("mid_group"));
  }
  ALTLAS_TRY_VOID(parts_.faults->At("before_commit"));
  return parts_.ledger->Commit();
}

void SqliteWriter::Succeed(std::vector<Op> group) {
  (void)parts_.faults->At("after_commit");
  if (std::any_of(group.begin(), group.end(), IsAppliedAccept)) {
    MarkHealthy();
    MarkHighWater();
  }
  std::vector<Op> answered;
  std::vector<Op> kept;
  for (auto& op : group) {
    if (StageOf(op) == OpStage::kApply) failures_in_a_row_ = 0;
    (StageOf(op) == OpStage::kRetry ? kept : answered).push_back(std::move(op));
  }
  PutBack(std::move(kept));
  {
    MutexLock lock(mutex_);
    shown_counts_ = parts_.ledger->counts();
  }
  (void)parts_.faults->At("before_answer");
  Answer(std::move(answered));
}

void SqliteWriter::Fall(std::vector<Op> group, const Error& error) {
  ++failures_in_a_row_;
  const bool not_the_disk = error.code == ErrorCode::kInternal;
  if (not_the_disk && group.size() > 1) {
    // One of them is at fault: each gets a transaction of its own, so that its neighbours do not fail with
    // it.
    alone_ = group.size();
    return PutBack(std::move(group));
  }
  MarkTrouble(error);
  std::vector<Op> answered;
  std::vector<Op> kept;
  bool relieved = false;
  for (auto& op : group) {
    if (StageOf(op) == OpStage::kApply && (not_the_disk || FailsWithTheDisk(op))) {
      if (auto* accept = std::get_if<AcceptOp>(&op)) housekeeping_.CheckLater(accept->blobs);
      Decide(op, *trouble_);
      relieved = true;
    } else if (StageOf(op) == OpStage::kApply) {
      TellOfRefusal(op);
    }
    (StageOf(op) == OpStage::kAnswer ? answered : kept).push_back(std::move(op));
  }
  if (error.code == ErrorCode::kStorageFull) housekeeping_.GiveBackTheWal();
  // Without the accepts the rest may fit: tried at once.
  hold_until_ = relieved ? clock_.Now() : clock_.Now() + options_.retry;
  PutBack(std::move(kept));
  Answer(std::move(answered));
}

void SqliteWriter::RefuseWhatCanBeRepeated() {
  std::deque<Op> kept;
  std::vector<Op> answered;
  for (auto& op : backlog_) {
    if (trouble_) TellOfRefusal(op);
    if (FailsWithTheDisk(op) && trouble_) {
      if (StageOf(op) != OpStage::kAnswer) Decide(op, *trouble_);
      answered.push_back(std::move(op));
    } else {
      kept.push_back(std::move(op));
    }
  }
  backlog_ = std::move(kept);
  Answer(std::move(answered));
}

// Somebody waits for a revocation and should know that it is not durable yet; forgotten it must not be.
void SqliteWriter::TellOfRefusal(Op& op) {
  auto* revoke = std::get_if<RevokeKeyOp>(&op);
  if (revoke == nullptr || !revoke->done || revoke->stage == OpStage::kAnswer) return;
  executor_([done = std::exchange(revoke->done, nullptr), error = *trouble_] { done(error); });
}

void SqliteWriter::Drain() {
  while (!backlog_.empty() && failures_in_a_row_ < kFailuresBeforeGivingUp) CommitGroup();
  if (!backlog_.empty()) {
    ALTLAS_ERROR("store", "closed while the disk refuses: what waited is not stored",
                 {"operations", backlog_.size()}, {"why", trouble_ ? trouble_->message : ""});
  }
  std::vector<Op> lost;
  for (auto& op : backlog_) {
    Decide(op, Fail(ErrorCode::kUnavailable, "the store was closed before the disk took it"));
    lost.push_back(std::move(op));
  }
  backlog_.clear();
  Answer(std::move(lost));
  (void)parts_.high_water.Sync();
}

void SqliteWriter::Answer(std::vector<Op> ops) {
  if (ops.empty()) return;
  std::size_t bytes = 0;
  std::vector<std::function<void()>> answers;
  for (auto& op : ops) {
    if (const auto* accept = std::get_if<AcceptOp>(&op)) bytes += accept->bytes;
    if (auto answer = AnswerOf(std::move(op))) answers.push_back(std::move(answer));
  }
  {
    MutexLock lock(mutex_);
    incoming_bytes_ -= bytes;
    waiting_ -= ops.size();
  }
  if (answers.empty()) return;
  executor_([answers = std::move(answers)] {
    for (const auto& answer : answers) answer();
  });
}

void SqliteWriter::PutBack(std::vector<Op> ops) {
  backlog_.insert(backlog_.begin(), std::make_move_iterator(ops.begin()), std::make_move_iterator(ops.end()));
}

void SqliteWriter::MarkTrouble(const Error& error) {
  const bool new_trouble = !trouble_;
  if (new_trouble)
    ALTLAS_ERROR("store", "no new tasks are accepted", {"why", error.message},
                 {"folder", options_.folder.string()});
  if (new_trouble && error.code == ErrorCode::kStorageFull) housekeeping_.GiveBackTheWal();
  trouble_ = DiskTrouble(error);
  trouble_until_ = clock_.Now() + options_.retry;
  MutexLock lock(mutex_);
  shown_trouble_ = trouble_;
}

void SqliteWriter::MarkHealthy() {
  if (!trouble_) return;
  ALTLAS_INFO("store", "tasks are accepted again");
  trouble_.reset();
  MutexLock lock(mutex_);
  shown_trouble_.reset();
}

void SqliteWriter::MarkHighWater() {
  const auto written = parts_.high_water.Write(parts_.ledger->accepted());
  if (!written.has_value() && !high_water_failed_)
    ALTLAS_WARN("store", "no second witness of the accepts", {"why", written.error().message});
  high_water_failed_ = !written.has_value();
  if (high_water_failed_ || high_water_dirty_) return;
  high_water_dirty_ = true;
  high_water_due_ = clock_.Now() + kHighWaterSyncInterval;
}

}  // namespace altlas::store
