// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace altlas::store {

// Large bytes as files named by their SHA-256 in one folder. Equal bytes are one file; who refers to it is
// the caller's to know. Put, SyncFolder and Remove belong to one thread; Get may run on any. All calls block
// on the disk.
class BlobStore {
 public:
  // Makes the folder (mode 0700) where it is missing and removes what an interrupted Put left.
  static Result<BlobStore> Open(const std::filesystem::path& folder);
  // Writes and syncs the file where it is not there yet; returns its name. The name is durable after
  // SyncFolder. kStorageFull, kUnavailable.
  Result<std::string> Put(std::string_view bytes) const;
  Status SyncFolder() const;
  // kNotFound; kCorrupt where the bytes do not have the name's hash.
  Result<std::string> Get(const std::string& name) const;
  // No error where it is gone already.
  void Remove(const std::string& name) const;
  std::vector<std::string> List() const;

 private:
  explicit BlobStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace altlas::store
