// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sqlite3.h>

#include <map>
#include <string>
#include <utility>

// What plain SQL says of an export of Nsight Systems, to hold the analysis against. For tests.
namespace altlas::profile {

struct SqlSum {
  std::int64_t count = 0;
  std::int64_t total = 0;
  std::int64_t bytes = 0;
  bool operator==(const SqlSum&) const = default;
};
using SqlSums = std::map<std::string, SqlSum>;

// Rows of (name, count, total, bytes); empty where the query fails, as it does for a table that is not there.
inline SqlSums SumsOf(const std::string& path, const std::string& query) {
  SqlSums sums;
  sqlite3* connection = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
      sqlite3_prepare_v2(connection, query.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* name = sqlite3_column_text(statement, 0);
      auto& sum = sums[name == nullptr ? "" : reinterpret_cast<const char*>(name)];
      sum.count += sqlite3_column_int64(statement, 1);
      sum.total += sqlite3_column_int64(statement, 2);
      sum.bytes += sqlite3_column_int64(statement, 3);
    }
  }
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return sums;
}

inline SqlSums SqlKernels(const std::string& path) {
  return SumsOf(path,
                "SELECT s.value, COUNT(*), SUM(end - start), 0 FROM CUPTI_ACTIVITY_KIND_KERNEL "
                "JOIN StringIds s ON s.id = demangledName GROUP BY s.value");
}
// By "kind source target", in numbers.
inline SqlSums SqlCopies(const std::string& path) {
  return SumsOf(path,
                "SELECT copyKind || ' ' || srcKind || ' ' || dstKind, COUNT(*), SUM(end - start), SUM(bytes) "
                "FROM CUPTI_ACTIVITY_KIND_MEMCPY GROUP BY 1");
}
// Names without the version that the toolkit appends ("_v3020").
inline SqlSums SqlApi(const std::string& path) {
  SqlSums stripped;
  for (const auto& [name, sum] :
       SumsOf(path,
              "SELECT s.value, COUNT(*), SUM(end - start), 0 FROM CUPTI_ACTIVITY_KIND_RUNTIME "
              "JOIN StringIds s ON s.id = nameId GROUP BY s.value")) {
    auto end = name.size();
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
    const bool has_version = end < name.size() && end >= 2 && name.compare(end - 2, 2, "_v") == 0;
    auto& into = stripped[has_version ? name.substr(0, end - 2) : name];
    into.count += sum.count;
    into.total += sum.total;
  }
  return stripped;
}
inline SqlSums SqlRanges(const std::string& path) {
  return SumsOf(path,
                "SELECT COALESCE(n.text, s.value), COUNT(*), SUM(n.end - n.start), 0 FROM NVTX_EVENTS n "
                "LEFT JOIN StringIds s ON s.id = n.textId WHERE n.eventType IN (59, 60) AND n.end IS NOT "
                "NULL GROUP BY 1");
}

}  // namespace altlas::profile
