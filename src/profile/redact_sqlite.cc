// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <set>
#include <unordered_set>

#include "profile/nsys_reader.h"
#include "profile/redact.h"
#include "profile/redact_formats.h"
#include "profile/secret_pairs.h"
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
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) {
    return c.name.size() == name.size() &&
           sqlite3_strnicmp(c.name.data(), name.data(), static_cast<int>(name.size())) == 0;
  });
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

class SqliteCopy {
 public:
  SqliteCopy(SqliteFile& from, const Progress& progress, PrivateWords& words, RedactReport& report)
      : from_(from), progress_(progress), words_(words), report_(report) {}

  Status Run(const std::filesystem::path& out) {
    for (const auto& table : from_.Tables()) {
      ALTLAS_TRY(const auto has_rowid, from_.HasRowid(table));
      if (!has_rowid) continue;
      ALTLAS_TRY(const auto rows, from_.AboutRows(table));
      all_ += 2 * rows;
    }
    ALTLAS_TRY_VOID(FindOutputs());
    ALTLAS_TRY_VOID(FindStrictNames());
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

  // Texts that name kernels and calls: figures are counted by them.
  Status FindStrictNames() {
    for (const auto& table : from_.Tables()) {
      if (!IsOfCalls(table)) continue;
      for (const auto* column : {"demangledName", "shortName", "mangledName", "nameId"}) {
        const auto visitor = [&](const SqliteRow& row) {
          Tick();
          std::int64_t id = 0;
          if (!row.IsNull(0) && row.Get(0, id)) strict_.insert(id);
          return true;
        };
        ALTLAS_TRY(const auto columns, from_.Columns(table));
        if (IndexOf(columns, column) < 0) continue;
        ALTLAS_TRY([[maybe_unused]] const auto counts, ScanTable(table, {column}, visitor));
        ALTLAS_TRY_VOID(Stopped());
      }
    }
    return {};
  }
  static bool IsOfCalls(std::string_view table) {
    for (const std::string_view start : {"CUPTI_ACTIVITY_KIND_", "CUDNN_", "CUBLAS_", "OSRT_API", "CUDA_"}) {
      if (table.starts_with(start)) return true;
    }
    return false;
  }
  Result<SqliteFile::Counts> ScanTable(const std::string& table, const std::vector<std::string>& columns,
                                       const SqliteFile::Visitor& visitor) {
    ALTLAS_TRY(const auto has_rowid, from_.HasRowid(table));
    return has_rowid ? from_.Scan(table, columns, visitor) : from_.ScanUnordered(table, columns, visitor);
  }

  struct Table {
    std::vector<SqliteFile::Column> columns;
    std::vector<std::string> names;
    std::vector<bool> named;   // by column: its name says secret or personal
    std::vector<bool> values;  // by column: the value of a pair
    std::vector<int> keys;     // columns that name the values of pairs
    int content = -1;          // program output
    int id = -1;               // of StringIds
    int text = -1;             // names that are counted: of StringIds, NVTX_EVENTS
    bool strict = false;       // of the format
  };
  Result<Table> Describe(const std::string& table) {
    Table t;
    ALTLAS_TRY(t.columns, from_.Columns(table));
    for (const auto& column : t.columns) {
      t.names.push_back(column.name);
      t.named.push_back(!IsWeakName(column.name) && GoesWhole(column.name, "x1y2z3"));
      t.values.push_back(IsPairValue(column.name));
      if (IsPairName(column.name)) t.keys.push_back(static_cast<int>(t.names.size()) - 1);
    }
    t.strict = table.starts_with("ENUM_");
    if (table == "ANALYSIS_FILE") t.content = IndexOf(t.columns, "content");
    if (table == "NVTX_EVENTS") t.text = IndexOf(t.columns, "text");
    if (table != "StringIds") return t;
    t.id = IndexOf(t.columns, "id");
    t.text = IndexOf(t.columns, "value");
    return t;
  }

  bool IsOutput(const Table& t, const SqliteRow& row, int column) const {
    if (column == t.content) return true;
    std::int64_t id = 0;
    return t.id >= 0 && column == t.text && row.Get(t.id, id) && outputs_.contains(id);
  }
  bool IsStrict(const Table& t, const SqliteRow& row, int column) const {
    if (t.strict) return true;
    std::int64_t id = 0;
    if (t.id >= 0 && column == t.text) return row.Get(t.id, id) && strict_.contains(id);
    const bool has_pairs = std::find(t.values.begin(), t.values.end(), true) != t.values.end();
    return has_pairs && std::find(t.keys.begin(), t.keys.end(), column) != t.keys.end();
  }
  // The name that says that all of this value goes; empty where none does.
  std::string NameOf(const Table& t, const SqliteRow& row, int column, std::string_view value) const {
    const auto at = static_cast<std::size_t>(column);
    if (t.named[at] && GoesWhole(t.names[at], value)) return t.names[at];
    if (!t.values[at]) return {};
    for (const int key : t.keys) {
      if (key == column) continue;
      const auto name = row.Text(key);
      if (name && GoesWhole(*name, value)) return std::string(*name);
    }
    return {};
  }

  Status Learn(const std::string& table) {
    ALTLAS_TRY(const auto t, Describe(table));
    const auto visitor = [&](const SqliteRow& row) {
      Tick();
      for (int i = 0; i < static_cast<int>(t.columns.size()); ++i) LearnOne(t, row, i);
      return true;
    };
    ALTLAS_TRY([[maybe_unused]] const auto counts, ScanTable(table, t.names, visitor));
    return Stopped();
  }

  void LearnOne(const Table& t, const SqliteRow& row, int i) {
    const std::string number = Number(t, row, i);
    const auto text = row.Type(i) == SQLITE_BLOB ? row.Blob(i) : row.Text(i);
    if (IsOutput(t, row, i) || (!text && number.empty())) return;
    const std::string_view value = text ? *text : std::string_view(number);
    const auto name = NameOf(t, row, i, value);
    if (!name.empty()) {
      words_.LearnValue(name, value);
    } else if (text) {
      words_.LearnText(*text);
    }
  }
  // An integer that may be a secret: the value of a pair.
  static std::string Number(const Table& t, const SqliteRow& row, int i) {
    std::int64_t number = 0;
    if (row.Type(i) != SQLITE_INTEGER || !t.values[static_cast<std::size_t>(i)]) return {};
    (void)row.Get(i, number);
    return std::to_string(number);
  }

  Status Copy(const std::string& table) {
    ALTLAS_TRY(const auto t, Describe(table));
    std::string columns;
    std::string marks;
    DistinctNames columns_in_copy;
    for (const auto& column : t.columns) {
      const std::string type = PlainType(column.type);
      const bool rowid = column.primary_key && type == "INTEGER";
      columns += (columns.empty() ? "" : ", ") +
                 QuotedName(columns_in_copy.Apart(column.name, words_.RedactKey(column.name))) + " " + type +
                 (rowid ? " PRIMARY KEY" : "");
      marks += marks.empty() ? "?" : ",?";
    }
    const std::string name = QuotedName(tables_in_copy_.Apart(table, words_.RedactKey(table)));
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
    ALTLAS_TRY(const auto counts, ScanTable(table, t.names, visitor));
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
      const auto number = Number(t, row, i);
      if (!number.empty() && !NameOf(t, row, i, number).empty()) {
        ++report_.texts_changed;
        sqlite3_bind_text64(insert, at, kRedacted.data(), kRedacted.size(), SQLITE_STATIC, SQLITE_UTF8);
      } else {
        sqlite3_bind_int64(insert, at, value);
      }
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
      if (NameOf(t, row, i, blob).empty() && words_.Redact(blob) == blob) {
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
    std::string out(kRedacted);
    if (NameOf(t, row, i, text).empty())
      out = IsStrict(t, row, i) ? words_.RedactKey(text) : words_.Redact(text);
    if (i == t.text) out = names_.Apart(text, std::move(out));
    if (out != text) ++report_.texts_changed;
    return out;
  }

  void Tick() {
    if (++done_ % 4096 == 0 && progress_) stopped_ = stopped_ || !progress_(std::min(done_, all_), all_);
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
  std::unordered_set<std::int64_t> strict_;  // ids of names of kernels and calls
  DistinctNames names_;
  DistinctNames tables_in_copy_;
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
