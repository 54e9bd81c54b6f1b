// SPDX-License-Identifier: Apache-2.0
#include "store/disk_room.h"

#include <sys/statvfs.h>

namespace altlas::store {

Status CheckRoom(const std::filesystem::path& folder, std::uint64_t wanted, Database& database) {
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return {};
  auto free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  if (free_bytes >= wanted) return {};
  const auto inside =
      database.QueryInt("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size");
  if (inside.has_value()) free_bytes += static_cast<std::uint64_t>(*inside);
  if (free_bytes >= wanted) return {};
  return Fail(ErrorCode::kStorageFull, "{} bytes are free, {} are kept for the results of accepted tasks",
              free_bytes, wanted);
}

Error DiskTrouble(const Error& seen) {
  if (seen.code == ErrorCode::kStorageFull)
    return Fail(
        ErrorCode::kStorageFull,
        "the disk under the server's store is full; tasks are accepted again by themselves once there is "
        "room");
  const auto code = seen.code == ErrorCode::kInternal ? ErrorCode::kInternal : ErrorCode::kUnavailable;
  return Fail(code, "the server's store cannot be written; it tries again by itself");
}

}  // namespace altlas::store
