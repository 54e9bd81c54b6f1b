// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>

#include "base/result.h"
#include "base/task_id.h"
#include "base/unique_fd.h"

namespace altlas::store {

// How many tasks were ever accepted, and the newest of their ids.
struct HighWater {
  std::int64_t count = 0;
  TaskId last_id;
  bool operator==(const HighWater&) const = default;
};

// A second witness of the accepts, in a small file beside the database: a database that lost its end (a
// damaged WAL, an old copy put back) looks whole by itself, and is found out by it. Not thread-safe.
class HighWaterFile {
 public:
  // Opens or makes the file. Blocks.
  static Result<HighWaterFile> Open(const std::filesystem::path& path);
  // What the file says; nullopt where it is empty. kCorrupt from Open where it holds what alt_las never
  // wrote.
  const std::optional<HighWater>& loaded() const { return loaded_; }
  // Overwrites in place, into the page cache: survives the death of the process. Call it only after the
  // commit.
  Status Write(const HighWater& mark);
  // Survives a power cut. Blocks.
  Status Sync();

 private:
  HighWaterFile(UniqueFd fd, std::optional<HighWater> loaded) : fd_(std::move(fd)), loaded_(loaded) {}
  UniqueFd fd_;
  std::optional<HighWater> loaded_;
};

// kCorrupt where there is a witness and no database, or an empty one: a new one in its place would look like
// a first start. Call it before the database is opened, which makes it.
Status CheckDatabaseIsThere(const std::filesystem::path& database, const std::filesystem::path& witness_path);

// kCorrupt where the database (`recovered`) holds less than was witnessed: names how many are missing, from
// when, and what to do.
Status CheckForGap(const HighWater& recovered, const HighWater& witnessed,
                   const std::filesystem::path& witness_path);

}  // namespace altlas::store
