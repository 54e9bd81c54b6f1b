// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <set>

#include "profile/nsys_reader.h"
#include "profile/redact.h"
#include "profile/redact_formats.h"
#include "profile/sqlite_file.h"

namespace altlas::profile {
namespace {

struct CloseCopy {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
struct FinalizeCopy {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using CopyStatement = std::unique_ptr<sqlite3_stmt, FinalizeCopy>;

// Declared types are given on only where they are one of these words: anything else is somebody's text.
std::string PlainType(std::string_view type) {
  for (const std::string_view known : {"INTEGER", "TEXT", "REAL", "BLOB", "NUMERIC"}) {
    if (type.size() == known.size() &&
        sqlite3_strnicmp(type.data(), known.data(), static_cast<int>(known.size())) == 0) {
      return std::string(known);
    }
  }
  return {};
}

int IndexOf(const std::vector<SqliteFile::Column>& columns, std::string_view name) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

class SqliteCopy {
 public:
  SqliteCopy(SqliteFile& from, const Progress& progress, PrivateWords& words, RedactReport& report)
      : from_(from), progress_(progress), words_(words), report_(report) {}

  Status Run(const std::filesystem::path& out) {
    for (const auto& table : from_.Tables()) {
      ALTLAS_TRY(const auto rows, from_.AboutRows(table));
      all_ += 2 * rows;
    }
    ALTLAS_TRY_VOID(FindOutputs());
    for (const auto& table : from_.Tables()) ALTLAS_TRY_VOID(Learn(table));
    sqlite3* connection = nullptr;
    const int code = sqlite3_open(out.c_str(), &connection);
    to_.reset(connection);
    if (code != SQLITE_OK) return Fail(ErrorCode::kUnavailable, "{} cannot be made", out.string());
    ALTLAS_TRY_VOID(Exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN"));
    for (const auto& table : from_.Tables()) ALTLAS_TRY_VOID(Copy(table));
    return Exec("COMMIT");
  }

 private:
  // Captured output stands in ANALYSIS_FILE, or in StringIds where ProcessStreams points.
  Status FindOutputs() {
    if (!from_.HasTable("ProcessStreams")) return {};
    ALTLAS_TRY([[maybe_unused]] const auto counts,
               from_.Scan("ProcessStreams", {"contentId"}, [&](const SqliteRow& row) {
                 std::int64_t id = 0;
                 if (!row.IsNull(0) && row.Get(0, id)) outputs_.insert(id);
                 return true;
               }));
    return {};
  }

  struct Table {
    std::vector<SqliteFile::Column> columns;
    std::vector<std::string> names;
    int key = -1;  // of (name, value) pairs
    int value = -1;
    int content = -1;  // program output
    int id = -1;       // of StringIds
  };
  Result<Table> Describe(const std::string& table) {
    Table t;
    ALTLAS_TRY(t.columns, from_.Columns(table));
    for (const auto& column : t.columns) t.names.push_back(column.name);
    t.key = IndexOf(t.columns, "name");
    t.value = IndexOf(t.columns, "value");
    if (table == "ANALYSIS_FILE") t.content = IndexOf(t.columns, "content");
    if (table == "StringIds") t.id = IndexOf(t.columns, "id");
    return t;
  }

  bool IsOutput(const Table& t, const SqliteRow& row, int column) const {
    if (column == t.content) return true;
    std::int64_t id = 0;
    return t.id >= 0 && column == t.value && row.Get(t.id, id) && outputs_.contains(id);
  }
  std::optional<std::string_view> NameOf(const Table& t, const SqliteRow& row, int column) const {
    return t.key >= 0 && column == t.value ? row.Text(t.key) : std::nullopt;
  }

  Status Learn(const std::string& table) {
    ALTLAS_TRY(const auto t, Describe(table));
    const auto visitor = [&](const SqliteRow& row) {
      Tick();
      for (int i = 0; i < static_cast<int>(t.columns.size()); ++i) {
        const auto text = row.Text(i);
        if (!text || IsOutput(t, row, i)) continue;
        const auto name = NameOf(t, row, i);
        if (name) {
          words_.LearnValue(*name, *text);
        } else {
          words_.LearnText(*text);
        }
      }
      return true;
    };
    ALTLAS_TRY([[maybe_unused]] const auto counts, from_.Scan(table, t.names, visitor));
    return Stopped();
  }

  Status Copy(const std::string& table) {
    ALTLAS_TRY(const auto t, Describe(table));
    std::string columns;
    std::string marks;
    for (const auto& column : t.columns) {
      const std::string type = PlainType(column.type);
      const bool rowid = column.primary_key && type == "INTEGER";
      columns += (columns.empty() ? "" : ", ") + QuotedName(words_.RedactKey(column.name)) + " " + type +
                 (rowid ? " PRIMARY KEY" : "");
      marks += marks.empty() ? "?" : ",?";
    }
    const std::string name = QuotedName(words_.RedactKey(table));
    ALTLAS_TRY_VOID(Exec("CREATE TABLE " + name + " (" + columns + ")"));
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(to_.get(), ("INSERT INTO " + name + " VALUES (" + marks + ")").c_str(), -1,
                           &statement, nullptr) != SQLITE_OK) {
      return Failed();
    }
    const CopyStatement insert(statement);
    Status written;
    const auto visitor = [&](const SqliteRow& row) {
      Tick();
      for (int i = 0; i < static_cast<int>(t.columns.size()); ++i) BindCopy(t, row, i, statement);
      if (written.has_value() && sqlite3_step(statement) != SQLITE_DONE) written = Failed().Context(table);
      sqlite3_reset(statement);
      return true;
    };
    ALTLAS_TRY(const auto counts, from_.Scan(table, t.names, visitor));
    report_.rows_left_out += counts.bad;
    if (!written.has_value()) return written;
    return Stopped();
  }

  void BindCopy(const Table& t, const SqliteRow& row, int i, sqlite3_stmt* insert) {
    const int at = i + 1;
    const int type = row.Type(i);
    if (type == SQLITE_INTEGER) {
      std::int64_t value = 0;
      (void)row.Get(i, value);
      sqlite3_bind_int64(insert, at, value);
    } else if (type == SQLITE_FLOAT) {
      double value = 0;
      (void)row.GetNumber(i, value);
      sqlite3_bind_double(insert, at, value);
    } else if (type == SQLITE_TEXT) {
      const std::string text = RedactedText(t, row, i);
      sqlite3_bind_text64(insert, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } else if (type == SQLITE_BLOB) {
      const std::string_view blob = row.Blob(i).value_or("");
      // What it means is not known: with anything in it that must go, all of it goes, its length stays.
      if (words_.Redact(blob) == blob) {
        sqlite3_bind_blob64(insert, at, blob.data(), blob.size(), SQLITE_TRANSIENT);
      } else {
        ++report_.texts_changed;
        sqlite3_bind_zeroblob64(insert, at, blob.size());
      }
    } else {
      sqlite3_bind_null(insert, at);
    }
  }

  std::string RedactedText(const Table& t, const SqliteRow& row, int i) {
    const std::string_view text = row.Text(i).value_or("");
    if (IsOutput(t, row, i)) {
      if (text.empty()) return {};
      ++report_.outputs_dropped;
      return std::string(kRedactedOutput);
    }
    const auto name = NameOf(t, row, i);
    std::string out = name ? words_.Redact(*name, text) : words_.Redact(text);
    if (out != text) ++report_.texts_changed;
    return out;
  }

  void Tick() {
    if (++done_ % 65536 == 0 && progress_) stopped_ = stopped_ || !progress_(std::min(done_, all_), all_);
  }
  Status Stopped() const {
    if (stopped_) return Fail(ErrorCode::kCanceled, "redacting was stopped");
    return {};
  }
  Status Exec(const std::string& sql) {
    if (sqlite3_exec(to_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return Failed();
    return {};
  }
  Error Failed() const {
    return Fail(sqlite3_errcode(to_.get()) == SQLITE_FULL ? ErrorCode::kStorageFull : ErrorCode::kUnavailable,
                "writing the copy failed: {}", sqlite3_errmsg(to_.get()));
  }

  SqliteFile& from_;
  const Progress& progress_;
  PrivateWords& words_;
  RedactReport& report_;
  std::unique_ptr<sqlite3, CloseCopy> to_;
  std::set<std::int64_t> outputs_;
  std::uint64_t done_ = 0;
  std::uint64_t all_ = 0;
  bool stopped_ = false;
};

}  // namespace

Status RedactSqlite(const std::filesystem::path& in, const std::filesystem::path& out,
                    const Progress& progress, PrivateWords& words, RedactReport& report) {
  ALTLAS_TRY(const auto from, SqliteFile::Open(in, kNsysMaxValueBytes));
  return SqliteCopy(*from, progress, words, report).Run(out);
}

}  // namespace altlas::profile
