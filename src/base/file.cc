// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file_writing.h"
#include "base/unique_fd.h"

namespace altlas {
namespace file_writing {

Error SystemError(std::string_view what, const std::filesystem::path& path) {
  const int code = errno;
  const auto kind = code == ENOENT   ? ErrorCode::kNotFound
                    : code == ENOSPC ? ErrorCode::kStorageFull
                                     : ErrorCode::kUnavailable;
  return Fail(kind, "{} {}: {}", what, path.string(), std::strerror(code));
}

Status WriteAll(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return SystemError("cannot write", path);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace file_writing

namespace {

using file_writing::SystemError;
using file_writing::WriteAll;

Error NoRegularFile(std::string_view what, const std::filesystem::path& path) {
  return Fail(ErrorCode::kInvalidArgument, "{} is {}, a regular file is needed", path.string(), what);
}

}  // namespace

Result<std::string> ReadFile(const std::filesystem::path& path, std::size_t limit_bytes) {
  // Opening a pipe without a writer would wait for one.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() && errno == ENXIO) return NoRegularFile("a socket or a device", path);
  if (!fd.valid()) return SystemError("cannot open", path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError("cannot stat", path);
  if (S_ISDIR(info.st_mode)) return NoRegularFile("a folder", path);
  if (!S_ISREG(info.st_mode)) return NoRegularFile("a pipe or a device", path);
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("cannot read", path);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > limit_bytes)
      return Fail(ErrorCode::kTooLarge, "{} is larger than the limit of {} bytes", path.string(),
                  limit_bytes);
  }
}

Status WriteFileAtomically(const std::filesystem::path& path, std::string_view text, unsigned mode) {
  auto temporary = path;
  temporary += ".tmp";
  {
    UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd.valid()) return SystemError("cannot create", temporary);
    ::fchmod(fd.get(), mode);
    ALTLAS_TRY_VOID(WriteAll(fd.get(), text, temporary));
    if (::fsync(fd.get()) != 0) return SystemError("cannot sync", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemError("cannot rename to", path);
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  UniqueFd dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid() || ::fsync(dir.get()) != 0) return SystemError("cannot sync", folder);
  return {};
}

Status MakeFolder(const std::filesystem::path& path, unsigned mode) {
  std::error_code error;
  const bool existed = std::filesystem::is_directory(path, error);
  if (existed) return {};
  std::filesystem::create_directories(path, error);
  if (error)
    return Fail(ErrorCode::kUnavailable, "cannot make the folder {}: {}", path.string(), error.message());
  if (::chmod(path.c_str(), mode) != 0) return SystemError("cannot set the mode of", path);
  return {};
}

TemporaryFolder::TemporaryFolder() {
  auto pattern = (std::filesystem::temp_directory_path() / "alt_las_XXXXXX").string();
  ALTLAS_CHECK(::mkdtemp(pattern.data()) != nullptr, "cannot make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace altlas
