// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace altlas::store {

// Holds a folder for this process alone: an open-file-description lock on a file in it, which the kernel
// drops when the process ends, however it ends. The file stays and names the last holder's pid.
class ProcessLock {
 public:
  // Does not wait. kConflict, naming the holder's pid, where another process (or another lock of this one)
  // holds it.
  static Result<ProcessLock> Take(const std::filesystem::path& file);

 private:
  explicit ProcessLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace altlas::store
