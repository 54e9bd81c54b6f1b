// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>

#include "store/sqlite_db.h"

namespace altlas::store {

// One step from schema version N to N + 1, N being its place in the list. Applied in one transaction, never
// edited after a release: what a program changes later is a new step.
struct Migration {
  std::string name;
  std::string sql;
};

// All steps of this program; its schema version is their number.
std::span<const Migration> Migrations();

// Changes nothing. kUnsupported: the file is newer than `migrations`; kCorrupt: it is an SQLite file of
// something else, or none.
Status CheckSchema(Database& database, std::span<const Migration> migrations);

// Brings the file to the newest schema, each step in one transaction with the version number. Blocks.
// Errors as CheckSchema.
Status Migrate(Database& database, std::span<const Migration> migrations);

}  // namespace altlas::store
