// SPDX-License-Identifier: Apache-2.0
#include "store/process_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/file.h"

namespace altlas::store {
namespace {

Error HeldByAnother(const std::filesystem::path& file) {
  constexpr std::size_t kLongestPid = 64;
  const auto text = ReadFile(file, kLongestPid);
  long pid = 0;
  if (text.has_value()) std::from_chars(text->data(), text->data() + text->size(), pid);
  const auto holder = pid > 0 ? fmt::format("the process {}", pid) : std::string("another process");
  return Fail(ErrorCode::kConflict,
              "the state directory {} is in use by {}; stop it first, or give another one with --state",
              file.parent_path().string(), holder);
}

}  // namespace

Result<ProcessLock> ProcessLock::Take(const std::filesystem::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return Fail(ErrorCode::kUnavailable, "cannot open the lock {}: {}", file.string(), std::strerror(errno));
  }
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno == EAGAIN || errno == EACCES) return HeldByAnother(file);
    return Fail(ErrorCode::kUnavailable, "cannot lock {}: {}", file.string(), std::strerror(errno));
  }
  // The pid is for people: a full disk must not keep the store from starting.
  const auto pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) == 0) (void)!::pwrite(fd.get(), pid.data(), pid.size(), 0);
  return ProcessLock(std::move(fd));
}

}  // namespace altlas::store
