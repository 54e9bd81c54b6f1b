// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_rows.h"

#include <algorithm>

namespace altlas::store {
namespace {

TaskStatus StatusOf(std::int64_t number) {
  return static_cast<TaskStatus>(std::clamp<std::int64_t>(number, 0, kTaskStatusCount - 1));
}

std::optional<Error> ReadError(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return Error{ParseErrorCode(row.Text(column)).value_or(ErrorCode::kInternal), row.Text(column + 1),
               row.Text(column + 2)};
}

}  // namespace

TaskRecord ReadTaskHead(const Statement& row) {
  TaskRecord task;
  task.id = row.Id(0);
  task.key_id = row.Id(1);
  task.batch_id = row.Id(2);
  task.model = row.Text(3);
  task.type = row.Text(4);
  task.priority_name = row.Text(5);
  task.priority = static_cast<int>(row.Int(6));
  task.status = StatusOf(row.Int(7));
  task.attempt = static_cast<int>(row.Int(8));
  task.worker_losses = static_cast<int>(row.Int(9));
  task.device = row.Text(10);
  task.strategy = row.Text(11);
  task.estimated_memory_bytes = row.Int(12);
  task.budget_ms = row.Int(13);
  task.created_ms = row.Int(14);
  task.started_ms = row.Int(15);
  task.finished_ms = row.Int(16);
  task.error = ReadError(row, 17);
  task.request_blob = row.Text(20);
  return task;
}

TaskRecord ReadTask(const Statement& row) {
  auto task = ReadTaskHead(row);
  task.explain = row.Text(21);
  task.request = row.Text(22);
  return task;
}

KeyRecord ReadKey(const Statement& row) {
  KeyRecord key;
  key.id = row.Id(0);
  key.name = row.Text(1);
  key.secret_sha256 = row.Text(2);
  // A scope that this program does not know gives no right.
  key.scopes = ParseScopes(row.Text(3)).value_or(ScopeSet{});
  key.requests_per_second = row.Double(4);
  key.burst = row.Int(5);
  key.created_ms = row.Int(6);
  key.revoked_ms = row.Int(7);
  key.last_used_ms = row.Int(8);
  return key;
}

void BindError(Statement& statement, int first_parameter, const std::optional<Error>& error) {
  if (!error) {
    for (int i = 0; i < 3; ++i) statement.BindNull(first_parameter + i);
    return;
  }
  statement.BindText(first_parameter, ErrorCodeName(error->code));
  statement.BindText(first_parameter + 1, error->message);
  statement.BindText(first_parameter + 2, error->field);
}

void BindTask(Statement& statement, const TaskRecord& task, const std::string& request_blob) {
  const bool in_file = !request_blob.empty();
  statement.BindId(1, task.id).BindId(2, task.key_id).BindId(3, task.batch_id);
  statement.BindText(4, task.model).BindText(5, task.type).BindText(6, task.priority_name);
  statement.Bind(7, std::int64_t{task.priority}).Bind(8, static_cast<std::int64_t>(task.status));
  statement.Bind(9, std::int64_t{task.attempt}).Bind(10, std::int64_t{task.worker_losses});
  statement.BindText(11, task.device).BindText(12, task.strategy);
  statement.Bind(13, task.estimated_memory_bytes).Bind(14, task.budget_ms);
  statement.Bind(15, task.created_ms).Bind(16, task.started_ms).Bind(17, task.finished_ms);
  BindError(statement, 18, task.error);
  if (in_file) {
    statement.BindText(21, request_blob);
  } else {
    statement.BindNull(21);
  }
  statement.BindText(22, task.explain);
  statement.BindBlob(23, in_file ? std::string_view() : std::string_view(task.request));
}

void BindKey(Statement& statement, const KeyRecord& key, const std::string& scopes) {
  statement.BindId(1, key.id).BindText(2, key.name).BindText(3, key.secret_sha256).BindText(4, scopes);
  statement.Bind(5, key.requests_per_second).Bind(6, key.burst);
  statement.Bind(7, key.created_ms).Bind(8, key.revoked_ms).Bind(9, key.last_used_ms);
}

}  // namespace altlas::store
