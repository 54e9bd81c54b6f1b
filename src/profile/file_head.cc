// SPDX-License-Identifier: Apache-2.0
#include "profile/file_head.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace altlas::profile {
namespace {

std::string_view KindOfFile(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

// Opened, and known to be a regular file with something in it.
Result<UniqueFd> OpenRegular(const std::filesystem::path& path, std::uint64_t& size) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR)
      return Fail(ErrorCode::kNotFound, "there is no file {}", path.string());
    return Fail(ErrorCode::kUnavailable, "{} cannot be opened: {}", path.string(), std::strerror(error));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return Fail(ErrorCode::kUnavailable, "{} cannot be examined: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, "{} is {}, not a capture file: name the file itself",
                path.string(), KindOfFile(status.st_mode));
  }
  if (status.st_size == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "{} is empty: the capture or its export was interrupted; make it again", path.string());
  }
  size = static_cast<std::uint64_t>(status.st_size);
  return fd;
}

}  // namespace

Result<std::unique_ptr<FileBytes>> FileBytes::Open(const std::filesystem::path& path) {
  std::uint64_t size = 0;
  ALTLAS_TRY(auto fd, OpenRegular(path, size));
  return std::unique_ptr<FileBytes>(new FileBytes(std::move(fd), size, path.string()));
}

Result<std::size_t> FileBytes::Read(std::span<char> into) {
  for (;;) {
    const ssize_t n = ::read(fd_.get(), into.data(), into.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(ErrorCode::kUnavailable, "reading {} failed: {}", path_, std::strerror(errno));
    done_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }
}

Result<FileHead> ReadFileHead(const std::filesystem::path& path, std::size_t bytes) {
  ALTLAS_TRY(const auto file, FileBytes::Open(path));
  FileHead head;
  head.size = file->size();
  head.bytes.resize(std::min<std::uint64_t>(bytes, head.size));
  std::size_t have = 0;
  while (have < head.bytes.size()) {
    ALTLAS_TRY(const auto n, file->Read(std::span<char>(head.bytes).subspan(have)));
    if (n == 0) break;
    have += n;
  }
  head.bytes.resize(have);
  return head;
}

}  // namespace altlas::profile
