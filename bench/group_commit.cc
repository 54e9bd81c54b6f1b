// SPDX-License-Identifier: Apache-2.0
#include "group_commit.h"

#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace altlas::bench {

double GroupCommitRate(int rows, const std::string& text, double seconds) {
  std::string folder = (std::filesystem::temp_directory_path() / "alt_las_bench_XXXXXX").string();
  sqlite3* database = nullptr;
  sqlite3_stmt* insert = nullptr;
  const auto must = [&](int code) {
    if (code == SQLITE_OK || code == SQLITE_DONE) return;
    std::fprintf(stderr, "bench: SQLite: %s\n", sqlite3_errmsg(database));
    std::exit(1);
  };
  if (::mkdtemp(folder.data()) == nullptr) std::exit(1);
  must(sqlite3_open((folder + "/db").c_str(), &database));
  must(sqlite3_exec(database,
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE task(id BLOB PRIMARY "
                    "KEY, request TEXT)",
                    nullptr, nullptr, nullptr));
  must(sqlite3_prepare_v2(database, "INSERT INTO task VALUES(?1, ?2)", -1, &insert, nullptr));
  const auto begin = std::chrono::steady_clock::now();
  const auto passed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  std::uint64_t written = 0;
  while (passed() < seconds) {
    must(sqlite3_exec(database, "BEGIN", nullptr, nullptr, nullptr));
    for (int i = 0; i < rows; ++i) {
      const std::uint64_t id[2] = {__builtin_bswap64(++written), 0};
      sqlite3_bind_blob(insert, 1, id, sizeof(id), SQLITE_TRANSIENT);
      sqlite3_bind_text(insert, 2, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
      must(sqlite3_step(insert));
      sqlite3_reset(insert);
    }
    must(sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr));
  }
  const double rate = static_cast<double>(written) / passed();
  sqlite3_finalize(insert);
  sqlite3_close(database);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return rate;
}

}  // namespace altlas::bench
