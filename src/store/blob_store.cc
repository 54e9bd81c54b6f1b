// SPDX-License-Identifier: Apache-2.0
#include "store/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "base/sha256.h"
#include "base/unique_fd.h"

namespace altlas::store {
namespace {

constexpr std::string_view kUnfinished = ".tmp";
constexpr std::size_t kLargestBlob = std::size_t{1} << 30;

Error SystemError(std::string_view what, const std::filesystem::path& path) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return Fail(full ? ErrorCode::kStorageFull : ErrorCode::kUnavailable, "cannot {} {}: {}", what,
              path.string(), std::strerror(code));
}

Status WriteAndSync(const std::filesystem::path& path, std::string_view bytes) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError("create", path);
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fsync(fd.get()) != 0) return SystemError("sync", path);
  return {};
}

}  // namespace

Result<BlobStore> BlobStore::Open(const std::filesystem::path& folder) {
  ALTLAS_TRY_VOID(MakeFolder(folder, 0700));
  BlobStore blobs(folder);
  for (const auto& name : blobs.List()) {
    if (name.ends_with(kUnfinished)) blobs.Remove(name);
  }
  return blobs;
}

Result<std::string> BlobStore::Put(std::string_view bytes) const {
  auto name = Sha256Hex(bytes);
  const auto path = folder_ / name;
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) == bytes.size() && !ignored) return name;
  auto unfinished = path;
  unfinished += kUnfinished;
  auto done = WriteAndSync(unfinished, bytes);
  if (done.has_value() && ::rename(unfinished.c_str(), path.c_str()) != 0) {
    done = SystemError("rename to", path);
  }
  if (!done.has_value()) {
    ::unlink(unfinished.c_str());
    return std::move(done).error();
  }
  return name;
}

Status BlobStore::SyncFolder() const {
  UniqueFd dir(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid() || ::fsync(dir.get()) != 0) return SystemError("sync", folder_);
  return {};
}

Result<std::string> BlobStore::Get(const std::string& name) const {
  ALTLAS_TRY(auto bytes, ReadFile(folder_ / name, kLargestBlob));
  if (Sha256Hex(bytes) == name) return bytes;
  return Fail(ErrorCode::kCorrupt, "the file {} does not have the bytes that it was written with",
              (folder_ / name).string());
}

void BlobStore::Remove(const std::string& name) const { ::unlink((folder_ / name).c_str()); }

std::vector<std::string> BlobStore::List() const {
  std::vector<std::string> names;
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(folder_, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

}  // namespace altlas::store
