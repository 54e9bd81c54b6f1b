// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "profile/events.h"
#include "profile/sqlite_file.h"

namespace altlas::profile {

// A name fit to be shown: cut to kNsysMaxNameBytes, valid UTF-8, control characters as spaces.
std::string CleanName(std::string_view name);
// Without the toolkit's version: "cudaMalloc_v3020" -> "cudaMalloc".
std::string_view WithoutVersion(std::string_view name);

// The table StringIds, a string at a time as it is asked for; holds at most kNsysNamesBytes. Not thread-safe.
class NsysNames {
 public:
  static constexpr std::size_t kNsysNamesBytes = 64 << 20;
  static Result<NsysNames> Create(SqliteFile& file);
  // The cleaned string, or kNsysUnnamed. Borrowed until the next call.
  std::string_view Find(std::int64_t id);
  // How often there was none.
  std::uint64_t missing() const { return missing_; }
  // An error that reading names ran into.
  const Status& status() const { return status_; }

 private:
  explicit NsysNames(SqliteFile& file) : file_(&file) {}
  Status LoadAll();
  SqliteFile* file_;
  bool lazy_ = false;
  std::unordered_map<std::int64_t, std::string> known_;
  std::size_t bytes_ = 0;
  std::uint64_t missing_ = 0;
  Status status_;
};

// What the file's numbers mean: by its ENUM tables, or as built in where it has none.
struct NsysEnums {
  CopyKind Copy(std::int64_t id) const;
  MemoryKind Memory(std::int64_t id) const;
  SyncKind Sync(std::int64_t id) const;
  // Allocation or free; false where the id is neither.
  bool MemoryOperation(std::int64_t id, bool& is_free) const;
  static Result<NsysEnums> Read(SqliteFile& file);

  using Map = std::map<std::int64_t, int>;
  Map copies, memories, syncs, operations;
};

}  // namespace altlas::profile
