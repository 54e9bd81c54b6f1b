// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>

#include "store/sqlite_db.h"

namespace altlas::store {

// kStorageFull where less than `wanted` bytes are free on the disk under `folder`, counting pages inside the
// database that are free to be used again. A system that does not tell is no reason to refuse: the write
// will.
Status CheckRoom(const std::filesystem::path& folder, std::uint64_t wanted, Database& database);

// The error that callers see while the disk refuses, from the one that the engine saw. Clients read it, so it
// names no place of this machine; the log does.
Error DiskTrouble(const Error& seen);

}  // namespace altlas::store
