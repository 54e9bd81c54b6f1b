// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "profile/analysis_fixture.h"
#include "profile/detail_sums.h"

namespace altlas::profile {
namespace {

KernelDetail Launch(std::string name, std::vector<DetailMetric> metrics) {
  KernelDetail detail;
  detail.name = std::move(name);
  detail.metrics = std::move(metrics);
  return detail;
}

std::optional<double> ValueAt(const DetailValues& values, DetailField field) {
  return values[static_cast<std::size_t>(field)];
}

Summary SummaryOfDetails(std::vector<KernelDetail> details) {
  TestCapture made;
  made.info.format = CaptureFormat::kNcuCsv;
  made.details = std::move(details);
  return SummaryOf({made});
}

TEST(KernelDetails, RatesFollowFromAmountsAndTheDuration) {
  // 1000 adds and 500 fused ones over 100 bytes in 1 us: 2000 operations, 20 a byte, 2 GFLOP/s.
  const auto values = DetailValuesOf(
      Launch("k", {{"gpu__time_duration.sum", "", "ns", 1000, ""},
                   {"smsp__sass_thread_inst_executed_op_fadd_pred_on.sum", "", "inst", 1000, ""},
                   {"smsp__sass_thread_inst_executed_op_ffma_pred_on.sum", "", "inst", 500, ""},
                   {"dram__bytes.sum", "", "B", 100, ""},
                   {"smsp__inst_executed.sum", "", "inst", 64, ""},
                   {"smsp__thread_inst_executed_per_inst_executed.ratio", "", "", 24, ""},
                   {"memory_l2_theoretical_sectors_global", "", "sector", 400, ""},
                   {"memory_l2_theoretical_sectors_global_ideal", "", "sector", 100, ""},
                   {"l1tex__t_bytes_pipe_lsu_mem_global_op_ld.sum", "", "B", 300, ""},
                   {"l1tex__t_bytes_pipe_lsu_mem_global_op_st.sum", "", "B", 200, ""},
                   {"l1tex__data_pipe_lsu_wavefronts_mem_shared.sum", "", "", 2, ""}}));
  EXPECT_EQ(ValueAt(values, DetailField::kFlop), 2000);
  EXPECT_EQ(ValueAt(values, DetailField::kIntensity), 20);
  EXPECT_EQ(ValueAt(values, DetailField::kFlopRate), 2e9);
  EXPECT_EQ(ValueAt(values, DetailField::kDramRate), 1e8);
  EXPECT_EQ(ValueAt(values, DetailField::kInstructionRate), 64e6);
  EXPECT_EQ(ValueAt(values, DetailField::kWarpEfficiency), 75);
  EXPECT_EQ(ValueAt(values, DetailField::kCoalescing), 25);
  EXPECT_EQ(ValueAt(values, DetailField::kGlobalRate), 5e8);
  EXPECT_EQ(ValueAt(values, DetailField::kSharedRate), 256e6);
  EXPECT_EQ(ValueAt(values, DetailField::kTextureRate), std::nullopt);
}

TEST(KernelDetails, MemoryThroughputInPercentAndInBytesAreTwoFigures) {
  auto detail = Launch("k", {{"Memory Throughput", "a", "%", 50, ""},
                             {"Memory Throughput", "b", "B/s", 1e12, ""},
                             {"DRAM Throughput", "a", "%", 40, ""},
                             {"SM Frequency", "a", "Hz", 1e9, ""},
                             {"# SMs", "a", "SM", 108, ""}});
  detail.compute_capability = 8.0;
  const auto values = DetailValuesOf(detail);
  EXPECT_EQ(ValueAt(values, DetailField::kMemoryThroughput), 50);
  EXPECT_EQ(ValueAt(values, DetailField::kDramRate), 1e12);
  EXPECT_EQ(ValueAt(values, DetailField::kPeakByteRate), 2.5e12);
  EXPECT_EQ(ValueAt(values, DetailField::kPeakFlopRate), 108 * 64 * 2 * 1e9);
}

TEST(KernelDetails, TheBoundFollowsTheRulesOfSpeedOfLight) {
  const auto bound = [](std::optional<double> sm, std::optional<double> memory, std::optional<double> waves) {
    DetailValues values;
    values[static_cast<std::size_t>(DetailField::kSmThroughput)] = sm;
    values[static_cast<std::size_t>(DetailField::kMemoryThroughput)] = memory;
    values[static_cast<std::size_t>(DetailField::kWaves)] = waves;
    return BoundOf(values);
  };
  EXPECT_EQ(bound(11.68, 53.13, 4.74), "latency");
  EXPECT_EQ(bound(11.68, 53.13, 0.5), "small grid");
  EXPECT_EQ(bound(11.68, 53.13, std::nullopt), "latency");
  EXPECT_EQ(bound(70, 65, 1), "balanced");
  EXPECT_EQ(bound(70, 60, 1), "compute");
  EXPECT_EQ(bound(60, 70, 1), "memory");
  EXPECT_EQ(bound(80, 10, 1), "high throughput");
  EXPECT_EQ(bound(std::nullopt, 10, 1), "");
}

TEST(KernelDetails, MeansWeighALaunchByItsDuration) {
  const auto launch = [](double duration, double sm) {
    return Launch("k<int>",
                  {{"Duration", "", "ns", duration, ""}, {"Compute (SM) Throughput", "", "%", sm, ""}});
  };
  const auto summary = SummaryOfDetails({launch(100, 10), launch(300, 50)});
  ASSERT_EQ(summary.kernel_details.size(), 1U);
  EXPECT_EQ(summary.kernel_details[0].count, 2U);
  EXPECT_EQ(summary.kernel_details[0].duration_ns, 200);
  EXPECT_EQ(summary.kernel_details[0].sm_throughput_percent, 40);
  EXPECT_EQ(FindValue(summary, "sm_efficiency_percent"), 40);
  EXPECT_EQ(FindValue(summary, "avg_kernel_time"), 200e-6);
  EXPECT_NE(FindFigure(summary, "avg_kernel_time")->text.find("locks clocks"), std::string::npos);
  EXPECT_EQ(FindFigure(summary, "kernel_count")->kind, ProvenanceKind::kAbsent);
  EXPECT_NE(FindFigure(summary, "coalescing_percent")->text.find("--set full"), std::string::npos);
}

TEST(KernelDetails, AWordInsteadOfANumberIsNoFigure) {
  const auto summary = SummaryOfDetails({Launch("k", {{"Duration", "", "ns", std::nullopt, "n/a"}})});
  EXPECT_EQ(FindFigure(summary, "avg_kernel_time")->kind, ProvenanceKind::kAbsent);
  EXPECT_TRUE(summary.findings.empty());
}

}  // namespace
}  // namespace altlas::profile
