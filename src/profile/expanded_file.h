// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

struct gzFile_s;

namespace altlas::profile {

// A file's bytes in order, expanded where it is gzip. Not thread-safe; blocks on the disk.
class ExpandedFile {
 public:
  static Result<std::unique_ptr<ExpandedFile>> Open(const std::filesystem::path& path);
  // 0 at the end, also of a gzip stream that was cut off. kCorrupt where it is damaged, kTooLarge where it
  // grows to more than 250 times its size and 1 GiB.
  Result<std::size_t> Read(std::span<char> into);
  std::uint64_t consumed() const;
  std::uint64_t total() const { return total_; }

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  ExpandedFile() = default;
  std::unique_ptr<gzFile_s, Close> file_;
  std::string path_;
  std::uint64_t total_ = 0;
  std::uint64_t expanded_ = 0;
};

}  // namespace altlas::profile
