// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/file_writing.h"
#include "base/unique_fd.h"

namespace altlas {
namespace {

using file_writing::SystemError;
using file_writing::WriteAll;

Status WriteInPlace(const std::filesystem::path& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("cannot open", path);
  return WriteAll(fd.get(), text, path);
}

// With the mode that a new file gets, or that of the file it replaces.
Status WriteNew(int fd, std::string_view text, const std::filesystem::path& path, mode_t mode) {
  ALTLAS_TRY_VOID(WriteAll(fd, text, path));
  if (::fchmod(fd, mode) != 0) return SystemError("cannot set the mode of", path);
  return ::fsync(fd) == 0 ? Status{} : SystemError("cannot sync", path);
}

Status Replace(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  auto name = path.string() + ".XXXXXX";
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) return SystemError("cannot create a file beside", path);
  auto status = WriteNew(fd.get(), text, path, mode);
  if (status.has_value() && ::rename(name.c_str(), path.c_str()) != 0)
    status = SystemError("cannot rename to", path);
  if (!status.has_value()) ::unlink(name.c_str());
  return status;
}

// What umask leaves of the mode that programs give to new files. Linux tells it without setting it.
mode_t ModeOfNewFiles() {
  constexpr mode_t kPlain = 0666;
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return 0644;
  char line[256];
  unsigned mask = 022;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::strncmp(line, "Umask:", 6) == 0)
      mask = static_cast<unsigned>(std::strtoul(line + 6, nullptr, 8));
  }
  std::fclose(file);
  return kPlain & ~static_cast<mode_t>(mask);
}

}  // namespace

Result<std::filesystem::path> ResolveOutput(const std::filesystem::path& path) {
  constexpr int kMostLinks = 40;  // as the kernel follows
  auto target = path;
  std::error_code error;
  for (int links = 0; std::filesystem::is_symlink(target, error); ++links) {
    if (links == kMostLinks)
      return Fail(ErrorCode::kInvalidArgument, "cannot write {}: {}", path.string(), std::strerror(ELOOP));
    const auto next = std::filesystem::read_symlink(target, error);
    if (error)
      return Fail(ErrorCode::kUnavailable, "cannot read the link {}: {}", path.string(), error.message());
    // An absolute one replaces the whole.
    target = target.parent_path() / next;
  }
  return target;
}

Status WriteOutputFile(const std::filesystem::path& path, std::string_view text) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    ALTLAS_TRY(const auto made, ResolveOutput(path));
    return Replace(made, text, ModeOfNewFiles());
  }
  if (S_ISDIR(info.st_mode))
    return Fail(ErrorCode::kInvalidArgument, "cannot write {}: {}", path.string(), std::strerror(EISDIR));
  if (!S_ISREG(info.st_mode)) return WriteInPlace(path, text);
  ALTLAS_TRY(const auto target, ResolveOutput(path));
  return Replace(target, text, info.st_mode & 0777);
}

}  // namespace altlas
