// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "base/output_file.h"
#include "tables.h"

namespace altlas::app {
namespace {

// The first error of standard output: the stream itself keeps only that there was one.
int output_error = 0;

void Remember() {
  if (output_error == 0) output_error = errno != 0 ? errno : EIO;
}

// One file by two names: the same inode, or, where neither exists yet, the same place.
bool IsSameFile(const std::string& a, const std::string& b) {
  struct stat left {};
  struct stat right {};
  const bool has_left = ::stat(a.c_str(), &left) == 0;
  const bool has_right = ::stat(b.c_str(), &right) == 0;
  if (has_left != has_right) return false;
  if (has_left) return S_ISREG(left.st_mode) && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
  const auto place = [](const std::string& path) {
    std::error_code error;
    const auto target = ResolveOutput(path);
    return std::filesystem::weakly_canonical(std::filesystem::absolute(target.value_or(path), error), error);
  };
  return place(a) == place(b);
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
  ALTLAS_TRY(const std::filesystem::path file, ResolveOutput(path));
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, error))
    return Fail(ErrorCode::kNotFound, "{} {}: there is no folder {}", option, Printable(path),
                Printable(folder.string()));
  if (::access(folder.c_str(), W_OK) != 0)
    return Fail(ErrorCode::kDenied, "{} {}: the folder {} cannot be written to", option, Printable(path),
                Printable(folder.string()));
  return {};
}

Status CheckOutputs(const std::vector<NamedFile>& outputs, const std::vector<NamedFile>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& output = outputs[i];
    if (output.path.empty()) continue;
    ALTLAS_TRY_VOID(CheckOutput(output.option, output.path));
    for (const auto& input : inputs)
      if (!input.path.empty() && IsSameFile(output.path, input.path))
        return Fail(ErrorCode::kInvalidArgument,
                    "{} {} would overwrite what is read ({} {}): name another file", output.option,
                    Printable(output.path), input.option, Printable(input.path));
    for (std::size_t other = 0; other < i; ++other)
      if (!outputs[other].path.empty() && IsSameFile(output.path, outputs[other].path))
        return Fail(ErrorCode::kInvalidArgument, "{} {} and {} {} are one file: give each a name of its own",
                    outputs[other].option, Printable(outputs[other].path), output.option,
                    Printable(output.path));
  }
  return {};
}

}  // namespace altlas::app
