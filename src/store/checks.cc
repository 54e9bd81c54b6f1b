// SPDX-License-Identifier: Apache-2.0
#include "store/checks.h"

#include <algorithm>

namespace altlas::store {
namespace {

bool HasDuplicateId(const std::vector<TaskRecord>& tasks) {
  if (tasks.size() < 2) return false;
  std::vector<TaskId> ids;
  ids.reserve(tasks.size());
  for (const auto& task : tasks) ids.push_back(task.id);
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) != ids.end();
}

template <typename T>
bool Fits(const std::optional<T>& wanted, const T& value) {
  return !wanted || *wanted == value;
}

}  // namespace

Status CheckAccept(const AcceptBatch& batch) {
  if (batch.tasks.empty()) return Fail(ErrorCode::kInvalidArgument, "an accept needs at least one task");
  for (const auto& task : batch.tasks) {
    if (task.id.is_nil()) return Fail(ErrorCode::kInvalidArgument, "a task needs an id that is not nil");
    if (task.status != TaskStatus::kQueued) {
      return Fail(ErrorCode::kInvalidArgument, "a new task must be queued, this one is {}",
                  TaskStatusName(task.status));
    }
  }
  if (HasDuplicateId(batch.tasks))
    return Fail(ErrorCode::kConflict, "two tasks of one accept have the same id");
  if (!batch.idempotency) return {};
  const auto size = batch.idempotency->key.size();
  if (size >= 1 && size <= kMaxIdempotencyKeyBytes) return {};
  return FailField(std::string(kIdempotencyField), "an idempotency key has 1 to {} bytes, this one {}",
                   kMaxIdempotencyKeyBytes, size);
}

Status CheckFinal(const FinalRecord& record) {
  if (!IsFinal(record.status)) {
    return Fail(ErrorCode::kInvalidArgument, "{} is not a final state", TaskStatusName(record.status));
  }
  const bool completed = record.status == TaskStatus::kCompleted;
  if (record.result.has_value() != completed || record.error.has_value() == completed) {
    return Fail(ErrorCode::kInvalidArgument,
                "a completed task needs a result and no error, any other an error and no result");
  }
  return {};
}

Status CheckKey(const KeyRecord& key) {
  const auto& hash = key.secret_sha256;
  const bool hex = std::all_of(hash.begin(), hash.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (key.id.is_nil()) return Fail(ErrorCode::kInvalidArgument, "a key needs an id that is not nil");
  if (hash.size() != 64 || !hex) {
    return Fail(ErrorCode::kInvalidArgument, "the hash of a key's secret is 64 lower-case hex digits");
  }
  return {};
}

Error NoTask(TaskId id) { return Fail(ErrorCode::kNotFound, "there is no task {}", id.ToString()); }

Error OtherBody(const std::string& key) {
  auto error =
      Fail(ErrorCode::kConflict,
           "the idempotency key \"{}\" was used before with another request; use a new key for a new request",
           key);
  error.field = kIdempotencyField;
  return error;
}

Error NoFirstAccept() { return Fail(ErrorCode::kNotFound, "this idempotency key was not used before"); }

bool Matches(const TaskFilter& filter, const TaskRecord& task) {
  return Fits(filter.status, task.status) && Fits(filter.type, task.type) && Fits(filter.model, task.model) &&
         Fits(filter.key_id, task.key_id) && Fits(filter.priority_name, task.priority_name) &&
         task.created_ms >= filter.created_from_ms && task.created_ms < filter.created_before_ms;
}

}  // namespace altlas::store
