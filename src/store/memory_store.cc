// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <type_traits>
#include <utility>

#include "base/mutex.h"
#include "store/checks.h"
#include "store/profile_rows.h"
#include "store/store.h"

namespace altlas::store {
namespace {

struct IdempotencyRow {
  std::string body_hash;
  std::vector<TaskId> ids;
  std::string note;
};
using IdempotencyName = std::pair<Uuid, std::string>;

TaskRecord HeadOf(const TaskRecord& task) {
  TaskRecord head;
  head.id = task.id;
  head.key_id = task.key_id;
  head.batch_id = task.batch_id;
  head.model = task.model;
  head.type = task.type;
  head.priority_name = task.priority_name;
  head.priority = task.priority;
  head.status = task.status;
  head.attempt = task.attempt;
  head.worker_losses = task.worker_losses;
  head.device = task.device;
  head.strategy = task.strategy;
  head.estimated_memory_bytes = task.estimated_memory_bytes;
  head.budget_ms = task.budget_ms;
  head.created_ms = task.created_ms;
  head.started_ms = task.started_ms;
  head.finished_ms = task.finished_ms;
  head.error = task.error;
  head.request_blob = task.request_blob;
  return head;
}

class MemoryStore final : public Store, TaskStore, TaskReader, KeyStore, ProfileStore {
 public:
  MemoryStore(Retention retention, const Clock& clock, Executor executor)
      : retention_(retention), clock_(clock), executor_(std::move(executor)) {}

  TaskStore& tasks() override { return *this; }
  TaskReader& reader() override { return *this; }
  KeyStore& keys() override { return *this; }
  ProfileStore& profiles() override { return *this; }
  StoreHealth health() const override { return {}; }

  void Accept(AcceptBatch batch, AcceptCallback done) override {
    Answer(std::move(done), Locked([&] { return AcceptNow(std::move(batch)); }));
  }
  void RecordDispatch(DispatchRecord record) override {
    Locked([&] {
      auto* task = FindUnfinished(record.id);
      if (task == nullptr) return;
      Move(*task, TaskStatus::kRunning);
      task->attempt = record.attempt;
      task->device = std::move(record.device);
      task->budget_ms = record.budget_ms;
      task->started_ms = record.started_ms;
      if (!record.explain.empty()) task->explain = std::move(record.explain);
    });
  }
  void RequeueForRetry(RequeueRecord record, DoneCallback done) override {
    Locked([&] {
      auto* task = FindUnfinished(record.id);
      if (task == nullptr) return;
      Move(*task, TaskStatus::kQueued);
      task->worker_losses = record.worker_losses;
      task->device = std::move(record.device);
      task->budget_ms = record.budget_ms;
    });
    Answer(std::move(done), Status());
  }
  void RecordFinal(FinalRecord record, FinalCallback done) override {
    Answer(std::move(done), Locked([&] { return FinishNow(std::move(record)); }));
  }
  void DeleteTask(TaskId id, DoneCallback done) override {
    Answer(std::move(done), Locked([&] { return DeleteNow(id); }));
  }

  Result<TaskRecord> Get(TaskId id) const override {
    MutexLock lock(mutex_);
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return Fail(ErrorCode::kNotFound, "there is no task {}", id.ToString());
    return found->second;
  }
  Result<TaskRecord> Head(TaskId id) const override {
    MutexLock lock(mutex_);
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return Fail(ErrorCode::kNotFound, "there is no task {}", id.ToString());
    return HeadOf(found->second);
  }
  Result<TaskPage> List(const TaskFilter& filter) const override {
    MutexLock lock(mutex_);
    TaskPage page;
    const auto limit = std::max<std::size_t>(filter.limit, 1);
    const auto scan_limit = std::max<std::size_t>(filter.scan_limit, 1);
    auto it = filter.before.is_nil() ? tasks_.end() : tasks_.lower_bound(filter.before);
    for (std::size_t looked = 0; it != tasks_.begin(); ++looked) {
      if (looked == scan_limit || page.tasks.size() == limit) {
        page.next = it->first;
        return page;
      }
      --it;
      if (!Matches(filter, it->second)) continue;
      page.tasks.push_back(HeadOf(it->second));
    }
    return page;
  }
  Status LoadUnfinished(const std::function<void(TaskRecord)>& visit) const override {
    std::vector<std::pair<int, TaskId>> order;
    {
      MutexLock lock(mutex_);
      for (const auto& [id, task] : tasks_) {
        if (!IsFinal(task.status)) order.emplace_back(task.priority, id);
      }
    }
    std::sort(order.begin(), order.end());
    for (const auto& [priority, id] : order) {
      auto task = Get(id);
      if (task.has_value() && !IsFinal(task->status)) visit(std::move(*task));
    }
    return {};
  }
  TaskCounts Count() const override {
    MutexLock lock(mutex_);
    return counts_;
  }

  void AddKey(KeyRecord key, DoneCallback done) override {
    Answer(std::move(done), Locked([&] { return AddKeyNow(std::move(key)); }));
  }
  void RevokeKey(Uuid id, WallMillis revoked_ms, DoneCallback done) override {
    Answer(std::move(done), Locked([&]() -> Status {
             const auto found = keys_.find(id);
             if (found == keys_.end()) return Fail(ErrorCode::kNotFound, "there is no key {}", id.ToString());
             if (found->second.revoked_ms == 0) found->second.revoked_ms = revoked_ms;
             return {};
           }));
  }
  void TouchKey(Uuid id, WallMillis last_used_ms) override {
    Locked([&] {
      const auto found = keys_.find(id);
      if (found == keys_.end()) return;
      found->second.last_used_ms = std::max(found->second.last_used_ms, last_used_ms);
    });
  }
  Result<std::vector<KeyRecord>> LoadKeys() const override {
    MutexLock lock(mutex_);
    std::vector<KeyRecord> all;
    for (const auto& [id, key] : keys_) all.push_back(key);
    return all;
  }

  void AddProfile(ProfileRow row, ProfileBounds bounds,
                  std::function<void(Result<std::int64_t>)> done) override {
    Answer(std::move(done), Locked([&] { return AddProfileNow(std::move(row), bounds); }));
  }
  Result<ProfilePage> ListProfiles(const ProfileFilter& filter) const override {
    MutexLock lock(mutex_);
    ProfilePage page;
    const auto limit = std::max<std::size_t>(filter.limit, 1);
    const auto scan_limit = std::max<std::size_t>(filter.scan_limit, 1);
    std::size_t looked = 0;
    auto last = filter.before;
    for (auto row = profiles_.rbegin(); row != profiles_.rend(); ++row) {
      if (row->id >= filter.before || (filter.anomalies_only && !row->anomaly)) continue;
      if (looked++ == scan_limit || page.rows.size() == limit) {
        page.next = last;
        return page;
      }
      last = row->id;
      if (Matches(filter, *row)) page.rows.push_back(*row);
    }
    return page;
  }

 private:
  Result<std::int64_t> AddProfileNow(ProfileRow row, const ProfileBounds& bounds) {
    ALTLAS_TRY_VOID(CheckProfile(row));
    row.id = ++last_profile_;
    profiles_.push_back(std::move(row));
    const auto looked_at =
        profiles_.begin() + static_cast<std::ptrdiff_t>(std::min(profiles_.size(), kProfilePruneRows));
    profiles_.erase(profiles_.begin(),
                    std::stable_partition(profiles_.begin(), looked_at, [&](const auto& old) {
                      return old.id <= last_profile_ - bounds.rows || old.at_ms < bounds.oldest_ms;
                    }));
    return last_profile_;
  }
  template <typename Change>
  std::invoke_result_t<Change&> Locked(Change change) {
    MutexLock lock(mutex_);
    TrimWhenDue();
    return change();
  }
  template <typename Callback, typename Outcome>
  void Answer(Callback done, Outcome outcome) {
    if (!done) return;
    executor_([done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
  }

  Result<AcceptOutcome> AcceptNow(AcceptBatch batch) {
    ALTLAS_TRY_VOID(CheckAccept(batch));
    if (batch.idempotency) {
      const auto known = idempotency_.find({batch.idempotency->key_id, batch.idempotency->key});
      if (known != idempotency_.end()) {
        if (known->second.body_hash != batch.idempotency->body_hash) return OtherBody(batch.idempotency->key);
        return AcceptOutcome{true, known->second.ids, known->second.note};
      }
    }
    for (const auto& task : batch.tasks) {
      // Ids grow with time, so that hardly one has to be looked for.
      const bool newest = tasks_.empty() || tasks_.rbegin()->first < task.id;
      if (!newest && tasks_.contains(task.id))
        return Fail(ErrorCode::kConflict, "there is a task {} already", task.id.ToString());
    }
    if (batch.only_replay) return NoFirstAccept();
    AcceptOutcome outcome;
    outcome.ids.reserve(batch.tasks.size());
    for (auto& task : batch.tasks) {
      outcome.ids.push_back(task.id);
      tasks_.emplace_hint(tasks_.end(), task.id, std::move(task));
    }
    counts_[0] += static_cast<std::int64_t>(outcome.ids.size());
    if (batch.idempotency) Remember(std::move(*batch.idempotency), outcome.ids);
    return outcome;
  }
  void Remember(IdempotencyClaim claim, std::vector<TaskId> ids) {
    IdempotencyName name{claim.key_id, std::move(claim.key)};
    idempotency_age_.emplace_back(clock_.WallNow(), name);
    idempotency_[std::move(name)] = {std::move(claim.body_hash), std::move(ids), std::move(claim.note)};
  }
  Result<FinalOutcome> FinishNow(FinalRecord record) {
    ALTLAS_TRY_VOID(CheckFinal(record));
    const auto found = tasks_.find(record.id);
    if (found == tasks_.end()) return Fail(ErrorCode::kNotFound, "there is no task {}", record.id.ToString());
    auto& task = found->second;
    if (IsFinal(task.status)) return FinalOutcome{false, task.status};
    Move(task, record.status);
    task.result = std::move(record.result);
    task.error = std::move(record.error);
    task.finished_ms = record.finished_ms;
    if (!record.device.empty()) task.device = std::move(record.device);
    if (record.worker_losses) task.worker_losses = *record.worker_losses;
    finished_.emplace_hint(finished_.end(), task.finished_ms, task.id);
    return FinalOutcome{true, task.status};
  }
  Status DeleteNow(TaskId id) {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return Fail(ErrorCode::kNotFound, "there is no task {}", id.ToString());
    const auto& task = found->second;
    if (!IsFinal(task.status)) {
      return Fail(ErrorCode::kConflict, "the task {} is {}; cancel it before it is deleted", id.ToString(),
                  TaskStatusName(task.status));
    }
    Forget({task.finished_ms, id});
    return {};
  }
  Status AddKeyNow(KeyRecord key) {
    ALTLAS_TRY_VOID(CheckKey(key));
    for (const auto& [id, known] : keys_) {
      if (id == key.id || known.secret_sha256 == key.secret_sha256) {
        return Fail(ErrorCode::kConflict, "there is a key with this id or secret already");
      }
    }
    keys_.emplace(key.id, std::move(key));
    return {};
  }

  TaskRecord* FindUnfinished(TaskId id) {
    const auto found = tasks_.find(id);
    return found == tasks_.end() || IsFinal(found->second.status) ? nullptr : &found->second;
  }
  void Move(TaskRecord& task, TaskStatus to) {
    --counts_[static_cast<std::size_t>(task.status)];
    ++counts_[static_cast<std::size_t>(to)];
    task.status = to;
  }
  void Forget(std::pair<WallMillis, TaskId> finished) {
    const auto found = tasks_.find(finished.second);
    --counts_[static_cast<std::size_t>(found->second.status)];
    tasks_.erase(found);
    finished_.erase(finished);
  }
  void TrimWhenDue() {
    if (clock_.Now() < next_trim_) return;
    next_trim_ = clock_.Now() + retention_.interval;
    const auto now = clock_.WallNow();
    const auto age = std::chrono::milliseconds(retention_.finished_age).count();
    const auto limit = retention_.finished_count;
    for (std::size_t i = 0; i < retention_.batch && !finished_.empty(); ++i) {
      const bool old = age > 0 && finished_.begin()->first < now - age;
      const bool many = limit > 0 && static_cast<std::int64_t>(finished_.size()) > limit;
      if (!old && !many) break;
      Forget(*finished_.begin());
      next_trim_ = clock_.Now();  // there may be more: go on at the next call
    }
    const auto kept_from = now - std::chrono::milliseconds(retention_.idempotency_age).count();
    while (!idempotency_age_.empty() && idempotency_age_.front().first < kept_from) {
      idempotency_.erase(idempotency_age_.front().second);
      idempotency_age_.pop_front();
    }
  }

  const Retention retention_;
  const Clock& clock_;
  const Executor executor_;
  mutable Mutex mutex_;
  // All below is guarded by mutex_.
  std::map<TaskId, TaskRecord> tasks_;
  std::set<std::pair<WallMillis, TaskId>> finished_;
  std::map<IdempotencyName, IdempotencyRow> idempotency_;
  std::deque<std::pair<WallMillis, IdempotencyName>> idempotency_age_;
  std::map<Uuid, KeyRecord> keys_;
  std::deque<ProfileRow> profiles_;
  std::int64_t last_profile_ = 0;
  TaskCounts counts_{};
  TimePoint next_trim_{};
};

}  // namespace

std::unique_ptr<Store> CreateMemoryStore(Retention retention, const Clock& clock, Executor executor) {
  return std::make_unique<MemoryStore>(retention, clock, std::move(executor));
}

}  // namespace altlas::store
