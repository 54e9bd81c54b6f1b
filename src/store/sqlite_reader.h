// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "store/blob_store.h"
#include "store/key_store.h"
#include "store/profile_store.h"
#include "store/sqlite_db.h"

namespace altlas::store {

// The reading half over a read-only connection of its own, under a lock. Blob files are read and checked
// outside of it. `count` gives the counts (the writer has them).
class SqliteReader final : public TaskReader {
 public:
  static Result<std::unique_ptr<SqliteReader>> Create(const std::filesystem::path& database, BlobStore blobs,
                                                      std::function<TaskCounts()> count);
  Result<TaskRecord> Get(TaskId id) const override;
  Result<TaskRecord> Head(TaskId id) const override;
  Result<TaskPage> List(const TaskFilter& filter) const override;
  Status LoadUnfinished(const std::function<void(TaskRecord)>& visit) const override;
  TaskCounts Count() const override { return count_(); }
  Result<std::vector<KeyRecord>> LoadKeys() const;
  Result<ProfilePage> ListProfiles(const ProfileFilter& filter) const;

 private:
  struct Row {
    TaskRecord task;
    std::string result_blob;
  };
  SqliteReader(Database database, BlobStore blobs, std::function<TaskCounts()> count)
      : blobs_(std::move(blobs)), count_(std::move(count)), database_(std::move(database)) {}
  Status Prepare();
  Result<Row> ReadRow(TaskId id) const;
  Status FillFromBlobs(Row& row) const;
  Result<std::vector<TaskRecord>> ReadUnfinished(std::int64_t after_priority, TaskId after) const;

  const BlobStore blobs_;
  const std::function<TaskCounts()> count_;
  mutable Mutex mutex_;
  mutable Database database_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement get_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement head_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement list_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement unfinished_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement keys_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement profiles_ ALTLAS_GUARDED_BY(mutex_);
  mutable Statement anomalies_ ALTLAS_GUARDED_BY(mutex_);
};

}  // namespace altlas::store
