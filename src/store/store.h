// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/executor.h"
#include "store/key_store.h"
#include "store/profile_store.h"
#include "store/task_store.h"

namespace altlas::store {

struct StoreHealth {
  bool accepting = true;    // false: accepts fail now
  std::string reason;       // a sentence where it is false
  std::size_t waiting = 0;  // operations that wait for the disk
};

// Everything that is kept, over one engine. Owns its parts: references from it live as long as it does. The
// executor may still run callbacks after its destruction. Implementations: SQLite, memory.
class Store {
 public:
  virtual ~Store() = default;
  virtual TaskStore& tasks() = 0;
  virtual TaskReader& reader() = 0;
  virtual KeyStore& keys() = 0;
  virtual ProfileStore& profiles() = 0;
  // Thread-safe, does not block.
  virtual StoreHealth health() const = 0;
};

// How long things are kept. Finished tasks beyond either limit go, oldest first, in small batches.
struct Retention {
  std::chrono::seconds finished_age = std::chrono::hours(24 * 7);  // 0: no limit
  std::int64_t finished_count = 1'000'000;                         // 0: no limit
  std::chrono::seconds idempotency_age = std::chrono::hours(24);   // outlives the tasks
  std::chrono::milliseconds interval = std::chrono::seconds(1);    // between two looks
  std::size_t batch = 256;                                         // rows removed in one transaction
};

// Called at named points (docs/formats/store.md lists them); an error makes the engine behave as if the disk
// had returned it: tests fill the disk with it. Called on the writer's thread.
using FaultHook = std::function<Status(std::string_view point)>;

struct SqliteOptions {
  std::filesystem::path folder;  // the state directory; must exist
  Retention retention = {};
  std::size_t group_rows = 256;                     // at most so many rows in one commit
  std::size_t blob_bytes = 64 * 1024;               // larger requests and results become files
  std::size_t waiting_bytes = 256 * 1024 * 1024;    // accepts beyond it are refused with kOverloaded
  std::uint64_t min_free_bytes = 64 * 1024 * 1024;  // accepts stop below it, so that finals still find room
  std::chrono::milliseconds retry = std::chrono::milliseconds(250);  // after the disk refused a write
  FaultHook fault = {};
};

// The durable engine: one SQLite file in WAL mode with synchronous=FULL, one writer thread that groups
// commits. Blocks until the file is recovered and migrated. `clock` must outlive the store. Errors:
// kConflict: another process owns the folder (its pid is named); kUnsupported: the file's schema is newer
// than this program; kCorrupt: the file is not ours, or accepted tasks are missing (the message names how
// many, and what to do); kUnavailable: the system refuses.
Result<std::unique_ptr<Store>> OpenSqliteStore(SqliteOptions options, const Clock& clock, Executor executor);

// Keeps everything in memory, nothing survives. Operations are applied inside the call, under a lock.
std::unique_ptr<Store> CreateMemoryStore(Retention retention, const Clock& clock, Executor executor);

}  // namespace altlas::store
