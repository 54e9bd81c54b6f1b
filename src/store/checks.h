// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "store/key_store.h"
#include "store/task_store.h"

// The rules that every engine holds its callers to, so that they hold them to the same.
namespace altlas::store {

Status CheckAccept(const AcceptBatch& batch);
Status CheckFinal(const FinalRecord& record);
Status CheckKey(const KeyRecord& key);
// The error for a task that the store does not hold.
Error NoTask(TaskId id);
// The error for a known idempotency key with another body.
Error OtherBody(const std::string& key);
// The error of AcceptBatch::only_replay for a key that is not known.
Error NoFirstAccept();
bool Matches(const TaskFilter& filter, const TaskRecord& task);

}  // namespace altlas::store
