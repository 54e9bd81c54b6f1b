// SPDX-License-Identifier: Apache-2.0
// What analyzing a capture costs, beside SQL that asks the same of the same file: a made-up export of Nsight
// Systems is written, then read and analyzed whole, then asked by SQLite itself, one question after the
// other, as `nsys stats` does. Both read the same warm file.
// usage: profile_bench [KERNELS [FOLDER]]
#include <sqlite3.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "profile/analysis.h"
#include "profile/nsys_writer.h"
#include "profile/open_capture.h"

namespace altlas::bench {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double PeakMegabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct Question {
  const char* name;
  const char* sql;
};
// Sums with medians need the rows in order; launches need a join by correlation; phases a join by time.
constexpr std::array<Question, 5> kQuestions = {{
    {"kernels by name: count, sum, mean, median, least, most",
     "WITH k AS (SELECT demangledName AS name, end - start AS d, ROW_NUMBER() OVER (PARTITION BY "
     "demangledName ORDER "
     "BY end - start) AS r, COUNT(*) OVER (PARTITION BY demangledName) AS n FROM CUPTI_ACTIVITY_KIND_KERNEL) "
     "SELECT s.value, COUNT(*), SUM(d), AVG(d), AVG(CASE WHEN r IN ((n + 1) / 2, n / 2 + 1) THEN d END), "
     "MIN(d), MAX(d) "
     "FROM k JOIN StringIds s ON s.id = name GROUP BY name"},
    {"copies by kind: count, bytes, sum",
     "SELECT copyKind, srcKind, dstKind, COUNT(*), SUM(bytes), SUM(end - start) FROM "
     "CUPTI_ACTIVITY_KIND_MEMCPY GROUP BY "
     "1, 2, 3"},
    {"calls by name: count, sum, mean, least, most",
     "SELECT s.value, COUNT(*), SUM(end - start), AVG(end - start), MIN(end - start), MAX(end - start) FROM "
     "CUPTI_ACTIVITY_KIND_RUNTIME JOIN StringIds s ON s.id = nameId GROUP BY nameId"},
    {"launch delays: join of kernels and calls",
     "SELECT COUNT(*), AVG(k.start - r.end), MIN(k.start - r.end), MAX(k.start - r.end) FROM "
     "CUPTI_ACTIVITY_KIND_KERNEL "
     "k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = k.correlationId"},
    {"busy time: union of kernels by a running maximum",
     "SELECT SUM(MAX(0, end - MAX(start, before))) FROM (SELECT start, end, COALESCE(MAX(end) OVER (ORDER BY "
     "start, end "
     "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), start) AS before FROM CUPTI_ACTIVITY_KIND_KERNEL)"},
}};

// Steps through all rows of the answer; false, with the reason on standard error, where it has none.
bool Ask(sqlite3* connection, const Question& question) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection, question.sql, -1, &statement, nullptr) != SQLITE_OK) {
    std::fprintf(stderr, "%s: %s\n", question.name, sqlite3_errmsg(connection));
    return false;
  }
  std::size_t rows = 0;
  while (sqlite3_step(statement) == SQLITE_ROW) ++rows;
  return sqlite3_finalize(statement) == SQLITE_OK && rows > 0;
}

bool AskAll(const std::string& path) {
  sqlite3* connection = nullptr;
  if (sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK) return false;
  double all = 0;
  bool answered = true;
  for (const auto& question : kQuestions) {
    const auto start = std::chrono::steady_clock::now();
    answered = Ask(connection, question) && answered;
    const auto seconds = SecondsSince(start);
    all += seconds;
    std::printf("  %-60s %8.2f s\n", question.name, seconds);
  }
  std::printf("%-62s %8.2f s\n", "SQL, the five questions", all);
  sqlite3_close(connection);
  return answered;
}

bool Analyze(const std::string& path, std::uint64_t kernels) {
  const auto bytes = static_cast<double>(std::filesystem::file_size(path));
  auto start = std::chrono::steady_clock::now();
  profile::CaptureSink nobody;
  if (!profile::ReadCapture(path, nobody).has_value()) return false;
  const auto reading = SecondsSince(start);
  start = std::chrono::steady_clock::now();
  profile::Analysis analysis;
  analysis.Begin();
  auto info = profile::ReadCapture(path, analysis);
  if (!info.has_value()) return false;
  analysis.End(std::move(*info));
  const auto taken = SecondsSince(start);
  const auto summary = analysis.Summarize();
  const auto whole = SecondsSince(start);
  std::printf("%-62s %8.2f s, %.0f MB/s\n", "reading alone", reading, bytes / 1e6 / reading);
  std::printf("%-62s %8.2f s\n", "reading into the analysis", taken);
  std::printf("%-62s %8.2f s, %.0f MB/s (%.2f GB a minute), peak %.0f MB\n", "the whole analysis", whole,
              bytes / 1e6 / whole, bytes / 1e9 / whole * 60, PeakMegabytes());
  return profile::FindValue(summary, "kernel_count") == static_cast<double>(kernels);
}

int Run(std::uint64_t kernels, const std::filesystem::path& folder) {
  const auto path = (folder / "made.sqlite").string();
  profile::MadeCapture what;
  what.kernels = kernels;
  const auto start = std::chrono::steady_clock::now();
  if (const auto made = profile::WriteMadeCapture(path, what); !made.has_value()) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    return 1;
  }
  std::printf("%llu kernels, %.0f MB, written in %.1f s\n", static_cast<unsigned long long>(kernels),
              static_cast<double>(std::filesystem::file_size(path)) / 1e6, SecondsSince(start));
  const bool right = Analyze(path, kernels) && AskAll(path);
  if (!right) std::fprintf(stderr, "profile_bench: the figures are not those of the capture\n");
  return right ? 0 : 1;
}

}  // namespace
}  // namespace altlas::bench

int main(int argc, char** argv) {
  const std::uint64_t kernels = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  const altlas::TemporaryFolder temporary;
  return altlas::bench::Run(kernels, argc > 2 ? std::filesystem::path(argv[2]) : temporary.path());
}
