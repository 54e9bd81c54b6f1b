// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <vector>

#include "base/log.h"

namespace altlas::store {
namespace {

constexpr std::int64_t kApplicationId = 0x414c4153;  // "ALAS"

// `seq` keeps rows in the order of their accept, so that a new one lands at the end of the tree whatever the
// id.
constexpr const char* kFirstSchema = R"sql(
CREATE TABLE task(
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  key_id BLOB,
  batch_id BLOB,
  model TEXT NOT NULL,
  type TEXT NOT NULL,
  priority_name TEXT NOT NULL,
  priority INTEGER NOT NULL,
  status INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker_losses INTEGER NOT NULL,
  device TEXT NOT NULL,
  strategy TEXT NOT NULL,
  estimated_memory_bytes INTEGER NOT NULL,
  budget_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER NOT NULL,
  error_code TEXT,
  error_text TEXT,
  error_field TEXT,
  request_blob TEXT,
  explain TEXT NOT NULL,
  request BLOB NOT NULL
) STRICT;
CREATE INDEX task_unfinished ON task(priority, id) WHERE status < 2;
CREATE INDEX task_finished ON task(finished_ms, seq) WHERE status >= 2;
CREATE INDEX task_request_blob ON task(request_blob) WHERE request_blob IS NOT NULL;
CREATE TABLE result(
  task_seq INTEGER PRIMARY KEY,
  execution_seconds REAL NOT NULL,
  blob TEXT,
  json BLOB NOT NULL
) STRICT;
CREATE INDEX result_blob ON result(blob) WHERE blob IS NOT NULL;
CREATE TABLE idempotency(
  key_id BLOB NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  task_ids BLOB NOT NULL,
  note BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY(key_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency(created_ms);
CREATE TABLE key(
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  requests_per_second REAL NOT NULL,
  burst INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE totals(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  accepted INTEGER NOT NULL,
  last_id BLOB,
  queued INTEGER NOT NULL,
  running INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  canceled INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES(1, 0, NULL, 0, 0, 0, 0, 0);
)sql";

// PRF-6: samples of the running server; `measures` as in profile_rows.h.
constexpr const char* kProfileSchema = R"sql(
CREATE TABLE profile(
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  device TEXT NOT NULL,
  model TEXT NOT NULL,
  seconds REAL NOT NULL,
  processor_seconds REAL NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  generated_tokens INTEGER NOT NULL,
  memory_peak_bytes INTEGER NOT NULL,
  anomaly INTEGER NOT NULL,
  why TEXT NOT NULL,
  measures BLOB NOT NULL,
  detail BLOB NOT NULL
) STRICT;
CREATE INDEX profile_anomaly ON profile(seq) WHERE anomaly = 1;
)sql";

Status CheckThatItIsOurs(Database& database, std::int64_t version) {
  ALTLAS_TRY(const auto application, database.QueryInt("PRAGMA application_id"));
  if (application == kApplicationId) return {};
  ALTLAS_TRY(const auto objects, database.QueryInt("SELECT count(*) FROM sqlite_master"));
  if (application == 0 && version == 0 && objects == 0) return {};
  return Fail(
      ErrorCode::kCorrupt,
      "this SQLite file is not a store of alt_las (application id {:#x}, {} objects); move it away, or give "
      "another state directory with --state",
      application, objects);
}

Status ApplyMigration(Database& database, const Migration& migration, std::int64_t to_version) {
  ALTLAS_TRY_VOID(database.Exec("BEGIN IMMEDIATE"));
  auto done = database.Exec(migration.sql);
  if (done.has_value()) {
    done = database.Exec(
        fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, to_version));
  }
  if (done.has_value()) done = database.Exec("COMMIT");
  if (!done.has_value() && database.InTransaction()) (void)database.Exec("ROLLBACK");
  return std::move(done).Context("schema step " + migration.name);
}

}  // namespace

std::span<const Migration> Migrations() {
  static const std::vector<Migration> all = {{"1-tasks-and-keys", kFirstSchema},
                                             {"2-profile", kProfileSchema}};
  return all;
}

Status CheckSchema(Database& database, std::span<const Migration> migrations) {
  ALTLAS_TRY(const auto version, database.QueryInt("PRAGMA user_version"));
  ALTLAS_TRY_VOID(CheckThatItIsOurs(database, version));
  const auto newest = static_cast<std::int64_t>(migrations.size());
  if (version <= newest) return {};
  return Fail(
      ErrorCode::kUnsupported,
      "the store has schema version {}, this alt_las knows up to {}: it was used by a newer alt_las; install "
      "that one again, or give another state directory with --state",
      version, newest);
}

Status Migrate(Database& database, std::span<const Migration> migrations) {
  ALTLAS_TRY_VOID(CheckSchema(database, migrations));
  ALTLAS_TRY(const auto version, database.QueryInt("PRAGMA user_version"));
  for (auto next = static_cast<std::size_t>(version); next < migrations.size(); ++next) {
    ALTLAS_TRY_VOID(ApplyMigration(database, migrations[next], static_cast<std::int64_t>(next) + 1));
    ALTLAS_INFO("store", "schema step applied", {"step", migrations[next].name}, {"version", next + 1});
  }
  return {};
}

}  // namespace altlas::store
