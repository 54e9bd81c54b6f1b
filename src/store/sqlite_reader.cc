// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_reader.h"

#include <algorithm>

#include "base/log.h"
#include "store/checks.h"
#include "store/profile_rows.h"
#include "store/sqlite_rows.h"

namespace altlas::store {
namespace {
// Short pages, so that a long load neither keeps the WAL from being cut nor holds many requests at once.
constexpr int kUnfinishedPage = 256;
}  // namespace

Result<std::unique_ptr<SqliteReader>> SqliteReader::Create(const std::filesystem::path& database,
                                                           BlobStore blobs,
                                                           std::function<TaskCounts()> count) {
  ALTLAS_TRY(auto connection, Database::Open(database, Database::Mode::kReadOnly));
  std::unique_ptr<SqliteReader> reader(
      new SqliteReader(std::move(connection), std::move(blobs), std::move(count)));
  ALTLAS_TRY_VOID(reader->Prepare());
  return reader;
}

Status SqliteReader::Prepare() {
  MutexLock lock(mutex_);
  ALTLAS_TRY(get_, database_.Prepare(
                       fmt::format("SELECT {},execution_seconds,blob,json FROM task LEFT JOIN result ON"
                                   " task_seq=seq WHERE id=?1",
                                   kTaskColumns)));
  ALTLAS_TRY(head_, database_.Prepare(fmt::format("SELECT {} FROM task WHERE id=?1", kTaskColumns)));
  ALTLAS_TRY(list_, database_.Prepare(fmt::format("SELECT {} FROM task WHERE id<?1 ORDER BY id DESC LIMIT ?2",
                                                  kTaskColumns)));
  ALTLAS_TRY(unfinished_,
             database_.Prepare(fmt::format("SELECT {} FROM task WHERE status<2 AND (priority,id)>(?1,?2)"
                                           " ORDER BY priority, id LIMIT {}",
                                           kTaskColumns, kUnfinishedPage)));
  ALTLAS_TRY(keys_, database_.Prepare(fmt::format("SELECT {} FROM key ORDER BY id", kKeyColumns)));
  ALTLAS_TRY(profiles_,
             database_.Prepare(fmt::format("SELECT {} FROM profile WHERE seq<?1 ORDER BY seq DESC LIMIT ?2",
                                           kProfileColumns)));
  ALTLAS_TRY(anomalies_, database_.Prepare(fmt::format(
                             "SELECT {} FROM profile WHERE anomaly=1 AND seq<?1 ORDER BY seq DESC LIMIT ?2",
                             kProfileColumns)));
  return {};
}

Result<SqliteReader::Row> SqliteReader::ReadRow(TaskId id) const {
  MutexLock lock(mutex_);
  ALTLAS_TRY(const bool found, get_.BindId(1, id).Step());
  if (!found) return NoTask(id);
  Row row{ReadTask(get_), {}};
  if (!get_.IsNull(kTaskColumnCount)) {
    row.task.result = TaskResult{get_.Text(kTaskColumnCount + 2), get_.Double(kTaskColumnCount)};
    row.result_blob = get_.Text(kTaskColumnCount + 1);
  }
  get_.Reset();
  return row;
}

Status SqliteReader::FillFromBlobs(Row& row) const {
  if (!row.task.request_blob.empty()) {
    ALTLAS_TRY(row.task.request, blobs_.Get(row.task.request_blob));
  }
  if (!row.result_blob.empty()) {
    ALTLAS_TRY(row.task.result->json, blobs_.Get(row.result_blob));
  }
  return {};
}

Result<TaskRecord> SqliteReader::Get(TaskId id) const {
  if (id.is_nil()) return NoTask(id);
  ALTLAS_TRY(auto row, ReadRow(id));
  auto filled = FillFromBlobs(row);
  if (filled.has_value()) return std::move(row.task);
  // Deleted in between, row first, then file: that is no damage.
  ALTLAS_TRY_VOID(ReadRow(id));
  return Fail(ErrorCode::kCorrupt, "the task {} lost a part: {}", id.ToString(), filled.error().message);
}

Result<TaskRecord> SqliteReader::Head(TaskId id) const {
  if (id.is_nil()) return NoTask(id);
  MutexLock lock(mutex_);
  ALTLAS_TRY(const bool found, head_.BindId(1, id).Step());
  if (!found) return NoTask(id);
  auto task = ReadTaskHead(head_);
  head_.Reset();
  return task;
}

Result<TaskPage> SqliteReader::List(const TaskFilter& filter) const {
  const auto limit = std::max<std::size_t>(filter.limit, 1);
  const auto scan_limit = std::max<std::size_t>(filter.scan_limit, 1);
  const auto before = filter.before.is_nil() ? Uuid{UINT64_MAX, UINT64_MAX} : filter.before;
  TaskPage page;
  TaskId last = before;
  MutexLock lock(mutex_);
  list_.BindId(1, before).Bind(2, static_cast<std::int64_t>(scan_limit) + 1);
  for (std::size_t looked = 0;; ++looked) {
    ALTLAS_TRY(const bool row, list_.Step());
    if (!row) break;
    if (looked == scan_limit || page.tasks.size() == limit) {
      page.next = last;
      break;
    }
    auto task = ReadTaskHead(list_);
    last = task.id;
    if (Matches(filter, task)) page.tasks.push_back(std::move(task));
  }
  list_.Reset();
  return page;
}

Result<std::vector<TaskRecord>> SqliteReader::ReadUnfinished(std::int64_t after_priority,
                                                             TaskId after) const {
  std::vector<TaskRecord> tasks;
  MutexLock lock(mutex_);
  unfinished_.Bind(1, after_priority).BindId(2, after);
  if (after.is_nil()) unfinished_.BindBlob(2, "");
  while (true) {
    ALTLAS_TRY(const bool row, unfinished_.Step());
    if (!row) return tasks;
    tasks.push_back(ReadTask(unfinished_));
  }
}

Status SqliteReader::LoadUnfinished(const std::function<void(TaskRecord)>& visit) const {
  std::int64_t after_priority = INT64_MIN;
  TaskId after;
  while (true) {
    ALTLAS_TRY(auto tasks, ReadUnfinished(after_priority, after));
    if (tasks.empty()) return {};
    after_priority = tasks.back().priority;
    after = tasks.back().id;
    for (auto& task : tasks) {
      Row row{std::move(task), {}};
      if (auto filled = FillFromBlobs(row); !filled.has_value()) {
        ALTLAS_ERROR("store", "a task lost its request", {"task", row.task.id.ToString()},
                     {"why", filled.error().message});
        row.task.error = Fail(ErrorCode::kCorrupt, "the request of the task was damaged on disk");
      }
      visit(std::move(row.task));
    }
  }
}

Result<std::vector<KeyRecord>> SqliteReader::LoadKeys() const {
  std::vector<KeyRecord> keys;
  MutexLock lock(mutex_);
  while (true) {
    ALTLAS_TRY(const bool row, keys_.Step());
    if (!row) return keys;
    keys.push_back(ReadKey(keys_));
  }
}

Result<ProfilePage> SqliteReader::ListProfiles(const ProfileFilter& filter) const {
  const auto limit = std::max<std::size_t>(filter.limit, 1);
  const auto scan_limit = std::max<std::size_t>(filter.scan_limit, 1);
  ProfilePage page;
  auto last = filter.before;
  MutexLock lock(mutex_);
  auto& rows = filter.anomalies_only ? anomalies_ : profiles_;
  rows.Bind(1, filter.before).Bind(2, static_cast<std::int64_t>(scan_limit) + 1);
  for (std::size_t looked = 0;; ++looked) {
    ALTLAS_TRY(const bool found, rows.Step());
    if (!found) break;
    if (looked == scan_limit || page.rows.size() == limit) {
      page.next = last;
      break;
    }
    auto row = ReadProfile(rows);
    last = row.id;
    if (Matches(filter, row)) page.rows.push_back(std::move(row));
  }
  rows.Reset();
  return page;
}

}  // namespace altlas::store
