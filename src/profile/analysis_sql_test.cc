// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/file.h"
#include "profile/analysis.h"
#include "profile/nsys_writer.h"
#include "profile/open_capture.h"
#include "profile/sql_figures.h"

// Made-up captures in the schemas of Nsight Systems: what the analysis says,
// and what SQL says of the file.
namespace altlas::profile {
namespace {

Summary AnalyzedFile(const std::string &path) {
  Analysis analysis;
  analysis.Begin();
  auto info = ReadCapture(path, analysis);
  EXPECT_TRUE(info.has_value()) << info.error().message;
  if (info.has_value()) analysis.End(std::move(*info));
  return analysis.Summarize();
}

template <typename Item>
void TakeSum(SqlSums &sums, const std::string &name, const Item &item, std::uint64_t bytes = 0) {
  auto &sum = sums[name];
  sum.count += static_cast<std::int64_t>(item.timing.count);
  sum.total += item.timing.total_ns;
  sum.bytes += static_cast<std::int64_t>(bytes);
}

void CheckAgainstSql(const std::string &path, const Summary &summary) {
  SqlSums kernels;
  SqlSums api;
  SqlSums ranges;
  for (const auto &kernel : summary.kernels) TakeSum(kernels, kernel.full_name, kernel);
  for (const auto &call : summary.api) TakeSum(api, call.name, call);
  for (const auto &phase : summary.phases)
    if (phase.timing.count > 0) TakeSum(ranges, phase.name, phase);
  EXPECT_EQ(kernels, SqlKernels(path));
  EXPECT_EQ(api, SqlApi(path));
  EXPECT_EQ(ranges, SqlRanges(path));
  SqlSum copies;
  for (const auto &copy : summary.copies) {
    copies.count += static_cast<std::int64_t>(copy.timing.count);
    copies.total += copy.timing.total_ns;
    copies.bytes += static_cast<std::int64_t>(copy.bytes);
  }
  SqlSum expected;
  for (const auto &[kind, sum] : SqlCopies(path)) {
    expected.count += sum.count;
    expected.total += sum.total;
    expected.bytes += sum.bytes;
  }
  EXPECT_EQ(copies, expected);
  EXPECT_EQ(summary.copies.size(), SqlCopies(path).size());
}

TEST(AnalysisSql, SumsOfEverySchemaAreThoseOfSql) {
  for (const auto schema :
       {NsysWriter::Schema::kSchema29, NsysWriter::Schema::kSchema313, NsysWriter::Schema::kSchema316}) {
    const TemporaryFolder folder;
    const auto path = (folder.path() / "made.sqlite").string();
    MadeCapture what;
    what.kernels = 1500;
    what.seed = 7;
    what.schema = schema;
    ASSERT_TRUE(WriteMadeCapture(path, what).has_value());
    const auto summary = AnalyzedFile(path);
    EXPECT_EQ(FindValue(summary, "kernel_count"), 1500);
    ASSERT_FALSE(SqlKernels(path).empty());
    ASSERT_FALSE(SqlRanges(path).empty());
    CheckAgainstSql(path, summary);
    // Each kernel was launched within a step.
    std::uint64_t in_phases = 0;
    for (const auto &phase : summary.phases) in_phases += phase.kernel_count;
    EXPECT_GE(in_phases, 1500U);
    EXPECT_EQ(summary.launch->unmatched, 0U);
  }
}

TEST(AnalysisSql, BusyTimeAndLaunchDelaysAreThoseOfSql) {
  const TemporaryFolder folder;
  const auto path = (folder.path() / "made.sqlite").string();
  MadeCapture what;
  what.kernels = 3000;
  what.streams = 6;
  ASSERT_TRUE(WriteMadeCapture(path, what).has_value());
  const auto summary = AnalyzedFile(path);
  const auto busy = SumsOf(path,
                           "SELECT 'all', COUNT(*), SUM(MAX(0, end - MAX(start, before))), 0 "
                           "FROM (SELECT start, end, COALESCE(MAX(end) OVER "
                           "(ORDER BY start, end ROWS BETWEEN UNBOUNDED PRECEDING AND 1 "
                           "PRECEDING), start) AS before FROM "
                           "CUPTI_ACTIVITY_KIND_KERNEL)");
  ASSERT_EQ(summary.devices.size(), 1U);
  EXPECT_EQ(summary.devices[0].compute_ns, busy.at("all").total);
  const auto delays = SumsOf(path,
                             "SELECT 'all', COUNT(*), SUM(k.start - r.end), SUM(k.start "
                             "- r.start) FROM "
                             "CUPTI_ACTIVITY_KIND_KERNEL k JOIN "
                             "CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = "
                             "k.correlationId");
  EXPECT_EQ(static_cast<std::int64_t>(summary.launch->matched), delays.at("all").count);
  EXPECT_EQ(summary.launch->latency.total_ns, delays.at("all").bytes);
}

}  // namespace
}  // namespace altlas::profile
