// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "tables.h"

namespace altlas::app {
namespace {

// The first error of standard output: the stream itself keeps only that there was one.
int output_error = 0;

void Remember() {
  if (output_error == 0) output_error = errno != 0 ? errno : EIO;
}

}  // namespace

void WriteOut(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) Remember();
}

void WriteNote(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

bool FlushOutput() {
  // The parser prints help and version by this stream.
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) Remember();
  return output_error == 0;
}

int FinishOutput(int code) {
  if (FlushOutput()) return code;
  Note("alt_las: standard output cannot be written: {}\n", std::strerror(output_error));
  return code == 0 ? 1 : code;
}

Status CheckOutput(std::string_view option, const std::string& path) {
  if (path.empty()) return {};
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return Fail(ErrorCode::kInvalidArgument, "{} {} is a folder; name a file", option, Printable(path));
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    if (::access(path.c_str(), W_OK) == 0) return {};
    return Fail(ErrorCode::kDenied, "{} {} cannot be written to", option, Printable(path));
  }
  const std::filesystem::path file = path;
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, error))
    return Fail(ErrorCode::kNotFound, "{} {}: there is no folder {}", option, Printable(path),
                Printable(folder.string()));
  if (::access(folder.c_str(), W_OK) != 0)
    return Fail(ErrorCode::kDenied, "{} {}: the folder {} cannot be written to", option, Printable(path),
                Printable(folder.string()));
  return {};
}

}  // namespace altlas::app
