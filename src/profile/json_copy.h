// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <zlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::profile {

// What stands between the quotes of a JSON string, with its escapes resolved; UTF-8.
std::string Unescaped(std::string_view raw);

// A new file for the copy of a document, plain or gzip. Blocks; kStorageFull where the disk is full.
class JsonOutput {
 public:
  static Result<std::unique_ptr<JsonOutput>> Create(const std::filesystem::path& path, bool compress);
  ~JsonOutput();
  JsonOutput(const JsonOutput&) = delete;
  JsonOutput& operator=(const JsonOutput&) = delete;
  Status Write(std::string_view text);
  Status Finish();

 private:
  explicit JsonOutput(gzFile file) : file_(file) {}
  gzFile file_;
};

}  // namespace altlas::profile
