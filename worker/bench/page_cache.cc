// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace altlas::bench {
namespace {

constexpr std::size_t kReadBytes = std::size_t{4} << 20;

struct OpenFile {
  UniqueFd fd;
  std::uint64_t size = 0;
};

Error SystemError(const char* what, const std::filesystem::path& file) {
  return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "cannot {} {}: {}", what,
              file.string(), std::strerror(errno));
}

Result<OpenFile> OpenToRead(const std::filesystem::path& file) {
  OpenFile open{UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
  if (!open.fd.valid()) return SystemError("open", file);
  struct stat info = {};
  if (::fstat(open.fd.get(), &info) != 0) return SystemError("look at", file);
  if (!S_ISREG(info.st_mode))
    return Fail(ErrorCode::kInvalidArgument, "{} is not a regular file", file.string());
  open.size = static_cast<std::uint64_t>(info.st_size);
  return open;
}

class Mapping {
 public:
  static Result<Mapping> Of(const OpenFile& open, const std::filesystem::path& file) {
    Mapping mapping;
    mapping.size_ = open.size;
    if (open.size == 0) return mapping;
    void* at = ::mmap(nullptr, open.size, PROT_READ, MAP_PRIVATE, open.fd.get(), 0);
    if (at == MAP_FAILED) return SystemError("map", file);
    mapping.at_ = at;
    return mapping;
  }
  Mapping(Mapping&& other) noexcept : at_(std::exchange(other.at_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (at_ != nullptr) ::munmap(at_, size_);
  }
  void* at() const { return at_; }
  std::uint64_t size() const { return size_; }

 private:
  Mapping() = default;
  void* at_ = nullptr;
  std::uint64_t size_ = 0;
};

std::uint64_t PageBytes() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

Result<Residency> ResidencyOf(const std::filesystem::path& file) {
  ALTLAS_TRY(const auto open, OpenToRead(file));
  ALTLAS_TRY(const auto mapping, Mapping::Of(open, file));
  Residency residency;
  residency.pages = (open.size + PageBytes() - 1) / PageBytes();
  std::vector<unsigned char> present(residency.pages);
  if (residency.pages > 0 && ::mincore(mapping.at(), mapping.size(), present.data()) != 0)
    return SystemError("ask for the memory of", file);
  for (const auto one : present) residency.resident += one & 1U;
  return residency;
}

Status DropFromMemory(const std::filesystem::path& file) {
  ALTLAS_TRY(const auto open, OpenToRead(file));
  // Pages that are still to be written are not dropped.
  if (::fsync(open.fd.get()) != 0 && errno != EINVAL && errno != EROFS) return SystemError("sync", file);
  if (const int error = ::posix_fadvise(open.fd.get(), 0, 0, POSIX_FADV_DONTNEED); error != 0) {
    errno = error;
    return SystemError("drop the pages of", file);
  }
  return {};
}

Result<std::uint64_t> ReadThrough(const std::filesystem::path& file) {
  ALTLAS_TRY(const auto open, OpenToRead(file));
  std::vector<char> buffer(kReadBytes);
  std::uint64_t done = 0;
  while (true) {
    const auto got = ::read(open.fd.get(), buffer.data(), buffer.size());
    if (got == 0) return done;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", file);
    done += static_cast<std::uint64_t>(got);
  }
}

Result<std::uint64_t> MapThrough(const std::filesystem::path& file) {
  ALTLAS_TRY(const auto open, OpenToRead(file));
  ALTLAS_TRY(const auto mapping, Mapping::Of(open, file));
  const auto* bytes = static_cast<const volatile unsigned char*>(mapping.at());
  for (std::uint64_t at = 0; at < mapping.size(); at += PageBytes()) static_cast<void>(bytes[at]);
  return mapping.size();
}

}  // namespace altlas::bench
