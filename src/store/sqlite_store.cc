// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "store/process_lock.h"
#include "store/schema.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_writer.h"
#include "store/store.h"

namespace altlas::store {
namespace {

// What SQLite says of a damaged file names neither the file nor the way out.
template <typename T>
Result<T> WithCure(Result<T> result, const std::filesystem::path& path) {
  if (result.has_value() || result.error().code != ErrorCode::kCorrupt) return result;
  auto error = std::move(result).error();
  error.message += fmt::format(
      ". The database {} is damaged: put a copy of it back; or, to begin anew without its tasks and keys, "
      "move "
      "it away together with its -wal and -shm and high_water",
      path.string());
  return error;
}

class SqliteStore final : public Store, TaskStore, KeyStore, ProfileStore {
 public:
  SqliteStore(std::filesystem::path path, ProcessLock lock, std::unique_ptr<SqliteWriter> writer,
              std::unique_ptr<SqliteReader> reader)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        reader_(std::move(reader)) {}

  TaskStore& tasks() override { return *this; }
  TaskReader& reader() override { return *reader_; }
  KeyStore& keys() override { return *this; }
  ProfileStore& profiles() override { return *this; }
  StoreHealth health() const override { return writer_->health(); }

  void Accept(AcceptBatch batch, AcceptCallback done) override {
    writer_->Push(AcceptOp{{std::move(batch), std::move(done)}});
  }
  void RecordDispatch(DispatchRecord record) override { writer_->Push(DispatchOp{std::move(record), {}}); }
  void RequeueForRetry(RequeueRecord record, DoneCallback done) override {
    writer_->Push(RequeueOp{std::move(record), std::move(done)});
  }
  void RecordFinal(FinalRecord record, FinalCallback done) override {
    writer_->Push(FinalOp{{std::move(record), std::move(done)}});
  }
  void DeleteTask(TaskId id, DoneCallback done) override { writer_->Push(DeleteOp{{id}, std::move(done)}); }
  void AddKey(KeyRecord key, DoneCallback done) override {
    writer_->Push(AddKeyOp{std::move(key), std::move(done)});
  }
  void RevokeKey(Uuid id, WallMillis revoked_ms, DoneCallback done) override {
    writer_->Push(RevokeKeyOp{{id, revoked_ms}, std::move(done)});
  }
  void TouchKey(Uuid id, WallMillis last_used_ms) override {
    writer_->Push(TouchKeyOp{{id, last_used_ms}, {}});
  }
  void AddProfile(ProfileRow row, ProfileBounds bounds,
                  std::function<void(Result<std::int64_t>)> done) override {
    writer_->Push(AddProfileOp{{std::move(row), bounds}, std::move(done)});
  }
  Result<ProfilePage> ListProfiles(const ProfileFilter& filter) const override {
    return WithCure(reader_->ListProfiles(filter), path_);
  }
  Result<std::vector<KeyRecord>> LoadKeys() const override { return WithCure(reader_->LoadKeys(), path_); }

 private:
  // Destroyed from the last to the first: the reader's connection must go before the writer's, because the
  // last one to close checkpoints, and only the writer's may.
  const std::filesystem::path path_;
  ProcessLock lock_;
  std::unique_ptr<SqliteWriter> writer_;
  std::unique_ptr<SqliteReader> reader_;
};

// SQLite falls back to another mode without an error where a file system cannot share memory.
Status TurnOnWal(Database& database) {
  ALTLAS_TRY(auto mode, database.Prepare("PRAGMA journal_mode=WAL"));
  ALTLAS_TRY(const bool row, mode.Step());
  if (row && mode.Text(0) == "wal") return {};
  return Fail(ErrorCode::kUnsupported,
              "the file system cannot hold a write-ahead log (SQLite chose \"{}\"); put the state on a local "
              "disk with --state",
              row ? mode.Text(0) : "");
}

Result<Database> OpenDatabase(const std::filesystem::path& path) {
  ALTLAS_TRY(auto database, Database::Open(path, Database::Mode::kWrite));
  // Before anything is changed; the first look at the file.
  ALTLAS_TRY_VOID(WithCure(database.QueryInt("PRAGMA schema_version"), path));
  ALTLAS_TRY_VOID(CheckSchema(database, Migrations()));
  ALTLAS_TRY_VOID(TurnOnWal(database));
  ALTLAS_TRY_VOID(
      database.Exec("PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768;"
                    "PRAGMA journal_size_limit=8388608; PRAGMA trusted_schema=OFF;"));
  ALTLAS_TRY_VOID(Migrate(database, Migrations()));
  return database;
}

Result<WriterParts> OpenParts(const SqliteOptions& options, const std::filesystem::path& path) {
  ALTLAS_TRY_VOID(CheckDatabaseIsThere(path, options.folder / "high_water"));
  ALTLAS_TRY(auto database, OpenDatabase(path));
  auto owned = std::make_unique<Database>(std::move(database));
  ALTLAS_TRY(auto ledger, WithCure(Ledger::Create(*owned), path));
  ALTLAS_TRY(auto blobs, BlobStore::Open(options.folder / "blobs"));
  ALTLAS_TRY(auto high_water, HighWaterFile::Open(options.folder / "high_water"));
  if (high_water.loaded()) {
    ALTLAS_TRY_VOID(CheckForGap(ledger->accepted(), *high_water.loaded(), options.folder / "high_water"));
  } else if (ledger->accepted().count > 0) {
    ALTLAS_WARN("store", "the high-water file is missing or empty: lost accepts cannot be noticed this time");
  }
  return WriterParts{std::move(owned), std::move(ledger), std::move(blobs), std::move(high_water),
                     std::make_unique<FaultPoints>(options.fault)};
}

}  // namespace

Result<std::unique_ptr<Store>> OpenSqliteStore(SqliteOptions options, const Clock& clock, Executor executor) {
  const auto path = options.folder / "alt_las.db";
  ALTLAS_TRY(auto lock, ProcessLock::Take(options.folder / "store.lock"));
  auto opened = OpenParts(options, path).Context("opening the store " + path.string());
  ALTLAS_TRY(auto parts, std::move(opened));
  auto blobs = parts.blobs;
  auto writer =
      std::make_unique<SqliteWriter>(std::move(options), clock, std::move(executor), std::move(parts));
  ALTLAS_TRY(auto reader, SqliteReader::Create(path, std::move(blobs),
                                               [source = writer.get()] { return source->counts(); }));
  return std::make_unique<SqliteStore>(path, std::move(lock), std::move(writer), std::move(reader));
}

}  // namespace altlas::store
