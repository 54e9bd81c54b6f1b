// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "profile/analysis.h"
#include "profile/open_capture.h"
#include "profile/sql_figures.h"

// Real captures: the folder that ALTLAS_SAMPLES names, when it is set.
namespace altlas::profile {
namespace {

std::optional<std::string> SamplePath(const char* name) {
  const char* folder = std::getenv("ALTLAS_SAMPLES");
  if (folder == nullptr) return std::nullopt;
  const auto path = std::filesystem::path(folder) / name;
  return std::filesystem::exists(path) ? std::optional(path.string()) : std::nullopt;
}

Result<Summary> Analyzed(const std::string& path) {
  Analysis analysis;
  analysis.Begin();
  ALTLAS_TRY(auto info, ReadCapture(path, analysis));
  analysis.End(std::move(info));
  return analysis.Summarize();
}

#define ALTLAS_SAMPLE_OR_SKIP(variable, name) \
  const auto variable = SamplePath(name);     \
  if (!variable.has_value()) GTEST_SKIP() << "ALTLAS_SAMPLES names no folder with " name

TEST(Samples, SaxpyFiguresAreThoseOfItsSourceAndOfSql) {
  ALTLAS_SAMPLE_OR_SKIP(path, "nsys_saxpy.sqlite");
  const auto summary = Analyzed(*path);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(FindValue(*summary, "kernel_count"), 5);
  EXPECT_EQ(FindValue(*summary, "kernel_time_ms"), 88.573480);
  EXPECT_NEAR(FindValue(*summary, "avg_kernel_time").value(), 88.573480 / 5, 1e-9);
  SqlSums kernels;
  for (const auto& kernel : summary->kernels)
    kernels[kernel.full_name] = {static_cast<std::int64_t>(kernel.timing.count), kernel.timing.total_ns, 0};
  EXPECT_EQ(kernels, SqlKernels(*path));
  std::int64_t down = 0;
  for (const auto& copy : summary->copies) {
    if (copy.kind == "host to device") {
      EXPECT_EQ(copy.timing.count, 10U);
      EXPECT_EQ(copy.bytes, 2'621'440'000U);
      EXPECT_EQ(copy.timing.total_ns, 186'001'123);
      EXPECT_EQ(copy.source_memory, "pageable");
    } else {
      ++down;
      EXPECT_EQ(copy.timing.count, 5U);
      EXPECT_EQ(copy.bytes, 1'310'720'000U);
      EXPECT_EQ(copy.timing.total_ns, 98'698'477);
    }
  }
  EXPECT_EQ(down, 1);
  SqlSums api;
  for (const auto& call : summary->api)
    api[call.name] = {static_cast<std::int64_t>(call.timing.count), call.timing.total_ns, 0};
  EXPECT_EQ(api, SqlApi(*path));
  SqlSums ranges;
  for (const auto& phase : summary->phases)
    if (phase.timing.count > 0) {
      auto& sum = ranges[phase.name];
      sum.count += static_cast<std::int64_t>(phase.timing.count);
      sum.total += phase.timing.total_ns;
    }
  EXPECT_EQ(ranges, SqlRanges(*path));
  std::int64_t range_count = 0;
  for (const auto& [name, sum] : ranges) range_count += sum.count;
  EXPECT_EQ(range_count, 22);
}

TEST(Samples, VectorAddIsBoundByLatencyAsNsightComputeSays) {
  ALTLAS_SAMPLE_OR_SKIP(path, "ncu_details_vector_add.csv");
  const auto summary = Analyzed(*path);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  ASSERT_EQ(summary->kernel_details.size(), 1U);
  const auto& kernel = summary->kernel_details[0];
  EXPECT_EQ(kernel.name, "vector_add");
  EXPECT_EQ(kernel.sm_throughput_percent, 11.68);
  EXPECT_EQ(kernel.memory_throughput_percent, 53.13);
  EXPECT_EQ(kernel.achieved_occupancy_percent, 74.48);
  EXPECT_EQ(kernel.duration_ns, 10'208);
  EXPECT_EQ(kernel.bound, "latency");
  EXPECT_EQ(FindValue(*summary, "avg_kernel_time"), 0.010208);
  EXPECT_EQ(FindValue(*summary, "sm_efficiency_percent"), 11.68);
}

TEST(Samples, AlexnetHasTheRecordsThatWereCountedInIt) {
  ALTLAS_SAMPLE_OR_SKIP(path, "kineto_alexnet_a100.json.gz");
  const auto summary = Analyzed(*path);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(FindValue(*summary, "kernel_count"), 79);
  EXPECT_NEAR(FindValue(*summary, "kernel_time_ms").value(), 10.692, 0.001);
  EXPECT_EQ(FindValue(*summary, "copy_count"), 16);
  std::uint64_t operators = 0;
  for (const auto& item : summary->operators) operators += item.timing.count;
  EXPECT_EQ(operators, 359U);
  EXPECT_EQ(summary->launch->unmatched, 0U);
}

}  // namespace
}  // namespace altlas::profile
