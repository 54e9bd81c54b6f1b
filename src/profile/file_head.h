// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace altlas::profile {

struct FileHead {
  std::string bytes;  // the first ones, fewer where the file is shorter
  std::uint64_t size = 0;
};

// The beginning of a regular file. kNotFound, kInvalidArgument for a folder, a pipe, a device, a socket
// (which are not waited for) or an empty file, kUnavailable where the system refuses. Blocks on the disk.
Result<FileHead> ReadFileHead(const std::filesystem::path& path, std::size_t bytes);

// A regular file's bytes in order, for one reader. Not thread-safe.
class FileBytes {
 public:
  static Result<std::unique_ptr<FileBytes>> Open(const std::filesystem::path& path);
  Result<std::size_t> Read(std::span<char> into);
  std::uint64_t done() const { return done_; }
  std::uint64_t size() const { return size_; }

 private:
  FileBytes(UniqueFd fd, std::uint64_t size, std::string path)
      : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}
  UniqueFd fd_;
  std::uint64_t size_;
  std::uint64_t done_ = 0;
  std::string path_;
};

}  // namespace altlas::profile
