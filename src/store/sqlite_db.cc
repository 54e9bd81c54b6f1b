// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_db.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace altlas::store {
namespace {

constexpr int kBusyMillis = 100;

ErrorCode CodeOf(sqlite3* connection, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kStorageFull;
    case SQLITE_IOERR: {
      // SQLite reports only ENOSPC as SQLITE_FULL; a quota or a limit on the file's size is the same to us.
      const int system = sqlite3_system_errno(connection);
      const bool full = system == ENOSPC || system == EDQUOT || system == EFBIG;
      return full ? ErrorCode::kStorageFull : ErrorCode::kUnavailable;
    }
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConflict;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

Error MakeError(sqlite3* connection, int code) {
  return Fail(CodeOf(connection, code), "SQLite: {} (code {})", sqlite3_errmsg(connection),
              sqlite3_extended_errcode(connection));
}

std::array<unsigned char, 16> BytesOf(Uuid id) {
  std::array<unsigned char, 16> bytes{};
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(id.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(id.low >> (56 - 8 * i));
  }
  return bytes;
}

Status CreatePrivately(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.valid()) return {};
  return Fail(ErrorCode::kUnavailable, "cannot open {}: {}", path.string(), std::strerror(errno));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Statement& Statement::Bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}
Statement& Statement::Bind(int parameter, double value) {
  sqlite3_bind_double(statement_.get(), parameter, value);
  return *this;
}
Statement& Statement::BindText(int parameter, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(statement_.get(), parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
Statement& Statement::BindBlob(int parameter, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  sqlite3_bind_blob64(statement_.get(), parameter, data, bytes.size(), SQLITE_STATIC);
  return *this;
}
Statement& Statement::BindNull(int parameter) {
  sqlite3_bind_null(statement_.get(), parameter);
  return *this;
}
Statement& Statement::BindId(int parameter, Uuid id) {
  if (id.is_nil()) return BindNull(parameter);
  if (ids_ == nullptr) ids_ = std::make_unique<IdBytes>();
  if (ids_bound_ == ids_->size()) {
    const auto bytes = BytesOf(id);
    sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    return *this;
  }
  auto& bytes = (*ids_)[ids_bound_++];
  bytes = BytesOf(id);
  sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  auto error = MakeError(sqlite3_db_handle(statement_.get()), code);
  Reset();
  return error;
}

Status Statement::Run() {
  while (true) {
    ALTLAS_TRY(const bool row, Step());
    if (!row) return {};
  }
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  ids_bound_ = 0;
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::Double(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string Statement::Text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

Uuid Statement::Id(int column) const {
  const auto* data = static_cast<const unsigned char*>(sqlite3_column_blob(statement_.get(), column));
  Uuid id;
  if (data == nullptr || sqlite3_column_bytes(statement_.get(), column) != 16) return id;
  for (int i = 0; i < 8; ++i) {
    id.high = id.high << 8 | data[i];
    id.low = id.low << 8 | data[8 + i];
  }
  return id;
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::Open(const std::filesystem::path& path, Mode mode) {
  if (mode == Mode::kWrite) ALTLAS_TRY_VOID(CreatePrivately(path));
  Database database;
  database.wal_pages_ = std::make_unique<int>(0);
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  database.connection_.reset(raw);
  if (raw == nullptr) return Fail(ErrorCode::kUnavailable, "no memory to open {}", path.string());
  if (code != SQLITE_OK) return MakeError(raw, code).Context("opening " + path.string());
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMillis);
  if (mode == Mode::kReadOnly) ALTLAS_TRY_VOID(database.Exec("PRAGMA query_only=ON"));
  // Takes the place of SQLite's own hook, which would checkpoint by itself (`PRAGMA wal_autocheckpoint` would
  // take it back).
  sqlite3_wal_hook(
      raw,
      [](void* pages, sqlite3*, const char*, int now) {
        *static_cast<int*>(pages) = now;
        return SQLITE_OK;
      },
      database.wal_pages_.get());
  return database;
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return MakeError(connection_.get(), code).Context(sql);
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

Status Database::Exec(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return MakeError(connection_.get(), code);
  return {};
}

Result<std::int64_t> Database::QueryInt(std::string_view sql) {
  ALTLAS_TRY(auto statement, Prepare(sql));
  ALTLAS_TRY(const bool row, statement.Step());
  if (!row) return Fail(ErrorCode::kInternal, "no row from: {}", sql);
  return statement.Int(0);
}

bool Database::InTransaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }
std::int64_t Database::Changes() const { return sqlite3_changes64(connection_.get()); }

Status Database::Checkpoint(bool wait) {
  const int mode = wait ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, mode, nullptr, nullptr);
  if (code != SQLITE_OK) return MakeError(connection_.get(), code);
  *wal_pages_ = 0;  // the next commit tells how long it is then
  return {};
}

}  // namespace altlas::store
