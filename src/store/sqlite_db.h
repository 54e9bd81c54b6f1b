// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_id.h"

struct sqlite3;
struct sqlite3_stmt;

namespace altlas::store {

// A prepared statement. Owned by whoever prepared it; must go before its Database. Parameters count from 1,
// columns from 0. Bound text is borrowed until the statement is reset. Not thread-safe. Blocks on the disk.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  Statement& Bind(int parameter, std::int64_t value);
  Statement& Bind(int parameter, double value);
  Statement& BindText(int parameter, std::string_view text);
  Statement& BindBlob(int parameter, std::string_view bytes);
  Statement& BindNull(int parameter);
  // 16 bytes, the high word first, so that the order of the bytes is that of the ids; nil becomes NULL.
  Statement& BindId(int parameter, Uuid id);

  // True: a row is there. False: done, and reset.
  Result<bool> Step();
  // For statements without rows: steps to the end and resets.
  Status Run();
  void Reset();

  std::int64_t Int(int column) const;
  double Double(int column) const;
  // Copies; NULL reads as empty.
  std::string Text(int column) const;
  Uuid Id(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  // The bytes of bound ids, where SQLite reads them until Reset.
  using IdBytes = std::array<std::array<unsigned char, 16>, 4>;
  std::unique_ptr<IdBytes> ids_;
  std::size_t ids_bound_ = 0;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One connection to an SQLite file. Not thread-safe: one thread at a time. Errors: kStorageFull, kConflict (a
// constraint), kCorrupt, kUnavailable (I/O, locks, permissions), kInternal (our SQL is wrong).
class Database {
 public:
  enum class Mode { kWrite, kReadOnly };
  // kWrite makes the file (mode 0600) where it is missing. kReadOnly may not change it (query_only).
  static Result<Database> Open(const std::filesystem::path& path, Mode mode);

  Result<Statement> Prepare(std::string_view sql);
  // One or more statements without rows.
  Status Exec(const std::string& sql);
  // The first column of the only row.
  Result<std::int64_t> QueryInt(std::string_view sql);
  // False after an error that made SQLite roll the transaction back by itself.
  bool InTransaction() const;
  // Rows changed by the last statement.
  std::int64_t Changes() const;
  // Moves pages from the WAL into the file. `wait` also waits for readers and cuts the WAL to zero bytes.
  Status Checkpoint(bool wait);
  // Pages in the WAL after the last commit of this connection; 0 after a checkpoint.
  int wal_pages() const { return *wal_pages_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<int> wal_pages_;  // the hook writes here: its address must survive a move
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace altlas::store
