// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas {

// Reads a whole regular file. kNotFound, kTooLarge past `limit_bytes`, kInvalidArgument for a folder, a pipe,
// a device or a socket (which are not waited for), kUnavailable where the system refuses. Blocks on the disk.
Result<std::string> ReadFile(const std::filesystem::path& path, std::size_t limit_bytes);

// Replaces `path` by `text` so that a reader, or a power cut, sees the old or the new bytes and never a
// mixture: temporary file beside it, fsync, rename, fsync of the folder. `mode` are the permission bits.
// Blocks.
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view text, unsigned mode = 0644);

// Makes the folder and its parents; the last one gets `mode`. No error where it exists already.
Status MakeFolder(const std::filesystem::path& path, unsigned mode = 0755);

// A folder of its own under the system's temporary folder, removed with everything in it on destruction. For
// tests and tools.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace altlas
