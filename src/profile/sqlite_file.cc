// SPDX-License-Identifier: Apache-2.0
#include "profile/sqlite_file.h"

#include <algorithm>

#include "profile/file_head.h"
#include "profile/nsys_reader.h"

namespace altlas::profile {
namespace {

constexpr int kOpsBetweenQuestions = 100'000;
constexpr std::size_t kMaxSchemaObjects = 20'000;

std::string UriOf(const std::filesystem::path& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '_' || c == '-';
    if (plain) {
      uri.push_back(c);
    } else {
      uri.append({'%', kHex[u >> 4], kHex[u & 15]});
    }
  }
  return uri + "?mode=ro&immutable=1";
}

std::uint32_t BigEndian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// The header says how many pages there are (SQLite's file format, 1.3), so that a file that was cut off is
// told before anything of it is believed.
Status CheckWhole(const std::string& path, const FileHead& head) {
  if (head.bytes.find_first_not_of('\0') == std::string::npos) {
    return Fail(ErrorCode::kCorrupt, "{} begins with zeros: its export was interrupted; export it again",
                path);
  }
  if (!LooksLikeSqlite(head.bytes))
    return Fail(ErrorCode::kInvalidArgument, "{} is no SQLite database", path);
  if (head.bytes.size() < 100) {
    return Fail(ErrorCode::kCorrupt, "{} ends after {} bytes, within SQLite's header: export it again", path,
                head.size);
  }
  const std::uint64_t page =
      std::max<std::uint32_t>(BigEndian(head.bytes, 16, 2), 1) == 1 ? 65536 : BigEndian(head.bytes, 16, 2);
  const std::uint64_t all = page * BigEndian(head.bytes, 28, 4);
  const bool counted = BigEndian(head.bytes, 24, 4) == BigEndian(head.bytes, 92, 4);
  if (counted && head.size < all) {
    return Fail(ErrorCode::kCorrupt, "{} ends after {} of {} bytes: it was cut off; export or copy it again",
                path, head.size, all);
  }
  return {};
}

void Confine(sqlite3* connection, std::size_t max_value) {
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, static_cast<int>(max_value));
  sqlite3_limit(connection, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
  sqlite3_limit(connection, SQLITE_LIMIT_EXPR_DEPTH, 100);
  sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(connection, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
  sqlite3_limit(connection, SQLITE_LIMIT_WORKER_THREADS, 0);
  sqlite3_exec(
      connection,
      "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-16384; PRAGMA query_only=ON",
      nullptr, nullptr, nullptr);
}

int AskWhetherToGoOn(void* keep_going) {
  return (*static_cast<std::function<bool()>*>(keep_going))() ? 0 : 1;
}

std::string_view ColumnText(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text == nullptr
             ? std::string_view()
             : std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
}

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sqlite3_strnicmp(a.data(), b.data(), static_cast<int>(a.size())) == 0;
}

}  // namespace

bool LooksLikeSqlite(std::string_view head) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  return head.starts_with(kMagic);
}

std::string QuotedName(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out.push_back(c);
    out.push_back(c);
  }
  return out + "\"";
}

int SqliteRow::Type(int column) const { return sqlite3_column_type(statement_, column + 1); }
bool SqliteRow::IsNull(int column) const { return Type(column) == SQLITE_NULL; }
std::int64_t SqliteRow::rowid() const { return sqlite3_column_int64(statement_, 0); }

bool SqliteRow::Int(int column, std::int64_t& out) const {
  if (Type(column) != SQLITE_INTEGER) return false;
  out = sqlite3_column_int64(statement_, column + 1);
  return true;
}

bool SqliteRow::GetNumber(int column, double& out) const {
  const int type = Type(column);
  if (type == SQLITE_NULL) return true;
  if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return false;
  out = sqlite3_column_double(statement_, column + 1);
  return true;
}

std::optional<std::string_view> SqliteRow::Text(int column) const {
  if (Type(column) != SQLITE_TEXT) return std::nullopt;
  return ColumnText(statement_, column + 1);
}

std::optional<std::string_view> SqliteRow::Blob(int column) const {
  if (Type(column) != SQLITE_BLOB) return std::nullopt;
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column + 1));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column + 1));
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

void SqliteFile::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
void SqliteFile::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Error SqliteFile::Failed(std::string_view doing) const {
  const int code = sqlite3_errcode(connection_.get());
  const char* why = sqlite3_errmsg(connection_.get());
  switch (code) {
    case SQLITE_INTERRUPT:
      return Fail(ErrorCode::kCanceled, "reading {} was stopped", path_);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fail(ErrorCode::kCorrupt, "{} is damaged ({}: {}): export or copy it again", path_, doing, why);
    case SQLITE_TOOBIG:
      return Fail(ErrorCode::kCorrupt, "{}: {} holds a value above the limit: {}", path_, doing, why);
    case SQLITE_ERROR:
      return Fail(ErrorCode::kCorrupt, "{} cannot be read as a capture ({}: {})", path_, doing, why);
    default:
      return Fail(ErrorCode::kUnavailable, "reading {} failed ({}: {})", path_, doing, why);
  }
}

Result<std::unique_ptr<SqliteFile>> SqliteFile::Open(const std::filesystem::path& path,
                                                     std::size_t max_value) {
  ALTLAS_TRY(const auto head, ReadFileHead(path, 100));
  ALTLAS_TRY_VOID(CheckWhole(path.string(), head));
  std::unique_ptr<SqliteFile> file(new SqliteFile);
  file->path_ = path.string();
  file->file_bytes_ = head.size;
  sqlite3* connection = nullptr;
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(UriOf(path).c_str(), &connection, flags, nullptr);
  file->connection_.reset(connection);
  if (connection == nullptr) return Fail(ErrorCode::kUnavailable, "no memory to open {}", path.string());
  if (code != SQLITE_OK) return file->Failed("opening");
  Confine(connection, max_value);
  ALTLAS_TRY_VOID(file->ReadSchema());
  return file;
}

void SqliteFile::SetKeepGoing(std::function<bool()> keep_going) {
  keep_going_ = std::move(keep_going);
  sqlite3_progress_handler(connection_.get(), keep_going_ ? kOpsBetweenQuestions : 0,
                           keep_going_ ? &AskWhetherToGoOn : nullptr, &keep_going_);
}

Result<SqliteFile::StatementPtr> SqliteFile::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(connection_.get(), sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  StatementPtr owned(statement);
  if (code != SQLITE_OK) return Failed("its schema");
  return owned;
}

Status SqliteFile::ReadSchema() {
  ALTLAS_TRY(const auto statement, Prepare("SELECT type, name, rootpage FROM sqlite_master"));
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    if (tables_.size() + disguised_.size() > kMaxSchemaObjects) {
      return Fail(ErrorCode::kTooLarge, "{} has more than {} tables: no capture has so many", path_,
                  kMaxSchemaObjects);
    }
    const auto type = ColumnText(statement.get(), 0);
    const std::string name(ColumnText(statement.get(), 1));
    if (name.starts_with("sqlite_")) continue;
    const bool real = type == "table" && sqlite3_column_int64(statement.get(), 2) > 0;
    if (real) tables_[name] = true;
    if (!real && (type == "table" || type == "view")) disguised_[name] = true;
  }
  if (code != SQLITE_DONE) return Failed("its schema");
  return {};
}

std::vector<std::string> SqliteFile::Tables() const {
  std::vector<std::string> names;
  for (const auto& [name, real] : tables_) names.push_back(name);
  return names;
}

Result<std::vector<SqliteFile::Column>> SqliteFile::Columns(std::string_view table) {
  std::vector<Column> columns;
  ALTLAS_TRY(const auto statement, Prepare("SELECT name, type, pk FROM pragma_table_info(?1)"));
  sqlite3_bind_text(statement.get(), 1, table.data(), static_cast<int>(table.size()), SQLITE_STATIC);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    columns.push_back({std::string(ColumnText(statement.get(), 0)),
                       std::string(ColumnText(statement.get(), 1)),
                       sqlite3_column_int64(statement.get(), 2) > 0});
  }
  if (code != SQLITE_DONE) return Failed(table);
  // A key of several columns is none that a single id finds.
  const auto keys =
      std::count_if(columns.begin(), columns.end(), [](const Column& c) { return c.primary_key; });
  for (auto& column : columns) column.primary_key = column.primary_key && keys == 1;
  return columns;
}

// One of the rowid's names that no column has taken.
Result<std::string> SqliteFile::RowidName(std::string_view table) {
  ALTLAS_TRY(const auto columns, Columns(table));
  for (const std::string_view name : {"rowid", "_rowid_", "oid"}) {
    const bool taken =
        std::any_of(columns.begin(), columns.end(), [&](const Column& c) { return SameName(c.name, name); });
    if (!taken) return std::string(name);
  }
  return Fail(ErrorCode::kCorrupt, "{}: the table {} hides its rowid: no capture does", path_, table);
}

Result<std::uint64_t> SqliteFile::AboutRows(std::string_view table) {
  ALTLAS_TRY(const auto rowid, RowidName(table));
  ALTLAS_TRY(const auto statement, Prepare("SELECT max(" + rowid + ") FROM " + QuotedName(table)));
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return Failed(table);
  const std::int64_t rows = std::max<std::int64_t>(sqlite3_column_int64(statement.get(), 0), 0);
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(rows), file_bytes_ / 4);
}

Result<SqliteFile::Counts> SqliteFile::Scan(std::string_view table, const std::vector<std::string>& columns,
                                            const Visitor& visitor) {
  ALTLAS_TRY(const auto rowid, RowidName(table));
  ALTLAS_TRY(const auto there, Columns(table));
  std::string list = rowid;
  for (const auto& column : columns) {
    const auto found =
        std::find_if(there.begin(), there.end(), [&](const Column& c) { return SameName(c.name, column); });
    list += found == there.end() ? ", NULL" : ", " + QuotedName(found->name);
  }
  const std::string from = " FROM " + QuotedName(table) + " NOT INDEXED WHERE " + rowid + " >= ?1";
  ALTLAS_TRY(const auto rows, Prepare("SELECT " + list + from));
  ALTLAS_TRY(const auto next_rowid, Prepare("SELECT min(" + rowid + ")" + from));
  Counts counts;
  std::int64_t next = std::numeric_limits<std::int64_t>::min();
  for (;;) {
    sqlite3_reset(rows.get());
    sqlite3_bind_int64(rows.get(), 1, next);
    const SqliteRow row(rows.get());
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(rows.get())) == SQLITE_ROW) {
      // In a damaged file pages may point in circles; rowids that do not ascend give that away.
      if (row.rowid() < next) {
        return Fail(ErrorCode::kCorrupt, "{} is damaged: the rows of {} are out of order; export it again",
                    path_, table);
      }
      ++counts.rows;
      if (!visitor(row)) ++counts.bad;
      if (row.rowid() == std::numeric_limits<std::int64_t>::max()) return counts;
      next = row.rowid() + 1;
    }
    if (code == SQLITE_DONE) return counts;
    if (code != SQLITE_TOOBIG) return Failed(table);
    // The row that is too large is the next one: count it and go on behind it.
    sqlite3_reset(next_rowid.get());
    sqlite3_bind_int64(next_rowid.get(), 1, next);
    if (sqlite3_step(next_rowid.get()) != SQLITE_ROW) return Failed(table);
    const std::int64_t large = sqlite3_column_int64(next_rowid.get(), 0);
    ++counts.rows;
    ++counts.bad;
    if (large < next || large == std::numeric_limits<std::int64_t>::max()) return counts;
    next = large + 1;
  }
}

Result<bool> SqliteFile::HasRowid(std::string_view table) {
  const auto name = RowidName(table);
  if (!name.has_value()) return false;
  ALTLAS_TRY(const auto statement,
             Prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1"));
  sqlite3_bind_text(statement.get(), 1, table.data(), static_cast<int>(table.size()), SQLITE_STATIC);
  return sqlite3_step(statement.get()) != SQLITE_ROW || sqlite3_column_int64(statement.get(), 0) == 0;
}

Result<SqliteFile::Counts> SqliteFile::ScanUnordered(std::string_view table,
                                                     const std::vector<std::string>& columns,
                                                     const Visitor& visitor) {
  std::string list = "NULL";
  for (const auto& column : columns) list += ", " + QuotedName(column);
  ALTLAS_TRY(const auto rows, Prepare("SELECT " + list + " FROM " + QuotedName(table) + " NOT INDEXED"));
  const SqliteRow row(rows.get());
  Counts counts;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(rows.get())) == SQLITE_ROW) {
    // Pages of a damaged file may point in circles.
    if (++counts.rows > file_bytes_) return Fail(ErrorCode::kCorrupt, "{} is damaged at {}", path_, table);
    if (!visitor(row)) ++counts.bad;
  }
  if (code != SQLITE_DONE) return Failed(table);
  return counts;
}

Result<std::optional<std::string>> SqliteFile::LookUpText(std::string_view table, std::string_view key,
                                                          std::string_view value, std::int64_t id) {
  const std::string sql = "SELECT " + QuotedName(value) + " FROM " + QuotedName(table) +
                          " NOT INDEXED WHERE " + QuotedName(key) + " = ?1";
  if (lookup_key_ != sql) {
    ALTLAS_TRY(lookup_, Prepare(sql));
    lookup_key_ = sql;
  }
  sqlite3_reset(lookup_.get());
  sqlite3_bind_int64(lookup_.get(), 1, id);
  const int code = sqlite3_step(lookup_.get());
  std::optional<std::string> text;
  if (code == SQLITE_ROW && sqlite3_column_type(lookup_.get(), 0) == SQLITE_TEXT) {
    text = std::string(ColumnText(lookup_.get(), 0));
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE && code != SQLITE_TOOBIG) return Failed(table);
  sqlite3_reset(lookup_.get());
  return text;
}

}  // namespace altlas::profile
