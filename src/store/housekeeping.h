// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "store/blob_store.h"
#include "store/fault_points.h"
#include "store/sqlite_ledger.h"
#include "store/store.h"

namespace altlas::store {

// What the writer does between groups: retention, removal of blob files that nothing refers to, checkpoints.
// Borrows all it is given; runs on the writer's thread.
class Housekeeping {
 public:
  Housekeeping(const Retention& retention, const Clock& clock, Database& database, Ledger& ledger,
               const BlobStore& blobs, FaultPoints& faults);
  // One slice of work, some milliseconds at most. True: there is more to do at once.
  bool RunSlice();
  // Moves the WAL into the file when it has grown long.
  void CheckpointWhenLong();
  // On a full disk: empties the WAL where there is room enough for that, so that what it takes up can be used
  // again.
  void GiveBackTheWal();
  // Names of files that were written and may have stayed without a row.
  void CheckLater(const std::vector<std::string>& blobs);

 private:
  bool Retain();
  Result<bool> RemoveSome();
  bool RemoveUnreferredBlobs();

  const Retention& retention_;
  const Clock& clock_;
  Database& database_;
  Ledger& ledger_;
  const BlobStore& blobs_;
  FaultPoints& faults_;
  TimePoint next_look_{};
  std::vector<std::string> unchecked_;  // at start all files: a crash may have left some
};

}  // namespace altlas::store
