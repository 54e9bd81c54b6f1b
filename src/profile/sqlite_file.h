// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace altlas::profile {

// One row on its way past. Columns count from 0, in the order they were asked for. A getter is false where
// the stored value has another type or does not fit: such a row is a bad record. NULL, and a column that the
// table does not have, leave `out` as it is.
class SqliteRow {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  template <std::integral T>
  bool Get(int column, T& out) const {
    std::int64_t value = 0;
    if (!Int(column, value)) return IsNull(column);
    if (!std::in_range<T>(value)) return false;
    out = static_cast<T>(value);
    return true;
  }
  // Ids and addresses: all 64 bits, whatever the sign that SQLite gives them.
  bool GetBits(int column, std::uint64_t& out) const {
    std::int64_t value = 0;
    if (!Int(column, value)) return IsNull(column);
    out = static_cast<std::uint64_t>(value);
    return true;
  }
  // A 32-bit id in which "none" may stand as -1 or as 4294967295, whichever T has.
  template <std::integral T>
  bool GetId(int column, T& out) const {
    std::int64_t value = 0;
    if (!Int(column, value)) return IsNull(column);
    if (value == -1 || value == 0xFFFFFFFF) {
      out = static_cast<T>(-1);
      return true;
    }
    return Get(column, out);
  }
  bool GetNumber(int column, double& out) const;
  // The text, until the next row; null where the value is no text.
  std::optional<std::string_view> Text(int column) const;
  std::optional<std::string_view> Blob(int column) const;
  bool IsNull(int column) const;
  int Type(int column) const;  // SQLITE_INTEGER, ...
  std::int64_t rowid() const;

 private:
  bool Int(int column, std::int64_t& out) const;
  sqlite3_stmt* statement_;
};

// An SQLite database from somebody else, opened read-only and immutable. Only its real tables are seen;
// views, virtual tables, triggers, indices, generated columns and extensions are never used. Not thread-safe.
// Blocks on the disk. Memory: a page cache of 16 MiB and one row of at most `max_value` bytes.
class SqliteFile {
 public:
  struct Counts {
    std::uint64_t rows = 0;
    std::uint64_t bad = 0;  // the visitor said so, or the row is larger than the limit
  };
  // Says whether the row was good.
  using Visitor = std::function<bool(const SqliteRow&)>;

  // kInvalidArgument: no SQLite file. kCorrupt: cut off, zeroed, or SQLite cannot read its schema.
  static Result<std::unique_ptr<SqliteFile>> Open(const std::filesystem::path& path, std::size_t max_value);

  // Asked every so often within long statements; false stops them with kCanceled.
  void SetKeepGoing(std::function<bool()> keep_going);

  bool HasTable(std::string_view table) const { return tables_.contains(table); }
  // True where something of that name exists that is not a real table.
  bool IsDisguised(std::string_view table) const { return disguised_.contains(table); }
  std::vector<std::string> Tables() const;
  struct Column {
    std::string name;
    std::string type;          // as declared
    bool primary_key = false;  // alone
  };
  Result<std::vector<Column>> Columns(std::string_view table);
  // About how many rows the table has: its largest rowid, never more than the file has room for.
  Result<std::uint64_t> AboutRows(std::string_view table);
  // Calls `visitor` for each row in the order of the rowids. Columns that the table lacks read as NULL.
  Result<Counts> Scan(std::string_view table, const std::vector<std::string>& columns,
                      const Visitor& visitor);
  // False for WITHOUT ROWID tables, and where columns have taken all of the rowid's names.
  Result<bool> HasRowid(std::string_view table);
  // Scan for any table, in SQLite's order; a row above the limit ends it with kCorrupt.
  Result<Counts> ScanUnordered(std::string_view table, const std::vector<std::string>& columns,
                               const Visitor& visitor);
  // The row of an INTEGER PRIMARY KEY; null where there is none or it is too large.
  Result<std::optional<std::string>> LookUpText(std::string_view table, std::string_view key,
                                                std::string_view value, std::int64_t id);
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;
  SqliteFile() = default;
  Status ReadSchema();
  Result<StatementPtr> Prepare(const std::string& sql);
  Result<std::string> RowidName(std::string_view table);
  Error Failed(std::string_view doing) const;

  std::string path_;
  std::uint64_t file_bytes_ = 0;
  std::function<bool()> keep_going_;
  std::unique_ptr<sqlite3, Close> connection_;
  std::map<std::string, bool, std::less<>> tables_;
  std::map<std::string, bool, std::less<>> disguised_;
  StatementPtr lookup_;
  std::string lookup_key_;
};

// `name` in double quotes for SQL.
std::string QuotedName(std::string_view name);

}  // namespace altlas::profile
