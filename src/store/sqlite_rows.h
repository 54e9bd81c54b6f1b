// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include "store/records.h"
#include "store/sqlite_db.h"

// Between rows and records: the one place that knows the order of the columns.
namespace altlas::store {

// For SELECT; the request comes last, so that a reader of the others does not touch its pages.
inline constexpr std::string_view kTaskColumns =
    "id,key_id,batch_id,model,type,priority_name,priority,status,attempt,worker_losses,device,strategy,"
    "estimated_memory_bytes,budget_ms,created_ms,started_ms,finished_ms,error_code,error_text,error_field,"
    "request_blob,explain,request";
inline constexpr int kTaskColumnCount = 23;
inline constexpr std::string_view kKeyColumns =
    "id,name,secret_sha256,scopes,requests_per_second,burst,created_ms,revoked_ms,last_used_ms";

// Without explain and request.
TaskRecord ReadTaskHead(const Statement& row);
// All columns; a request that lies in a blob file stays empty.
TaskRecord ReadTask(const Statement& row);
KeyRecord ReadKey(const Statement& row);

// Binds all of kTaskColumns from parameter 1 on, borrowing from `task`. A request in a blob is bound as
// empty.
void BindTask(Statement& statement, const TaskRecord& task, const std::string& request_blob);
void BindKey(Statement& statement, const KeyRecord& key, const std::string& scopes);
// error_code, error_text, error_field; NULLs where there is none.
void BindError(Statement& statement, int first_parameter, const std::optional<Error>& error);

}  // namespace altlas::store
