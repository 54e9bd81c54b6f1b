// SPDX-License-Identifier: Apache-2.0
#include "periodic/report.h"

#include <gtest/gtest.h>

#include <limits>

namespace altlas::periodic {
namespace {

using Phase = wire::ProfileReport::Phase;

wire::ProfileReport ReportOf(std::vector<Phase> phases) {
  wire::ProfileReport report;
  report.id = 1;
  report.seconds = 2;
  report.processor_seconds = 1.5;
  report.memory_peak_bytes = 4096;
  report.operator_sampling = 0.1;
  report.models = {{"tiny", 3, 40, 500, std::move(phases)}};
  report.operators = {{"altlas::attend", 7, 0.25}};
  return report;
}

TEST(Report, FiguresAreOfAStepOrATokenAndOfOneSize) {
  const auto rows = ReadReport(ReportOf({{"queue", 0, 0, 100, 0, 1, 0.1, 0.2, 0},
                                         {"decode", 1, 1, 8, 8, 0.004, 0.0005, 0.0006, 0.0005},
                                         {"decode", 4, 4, 100, 400, 0.1, 0.001, 0.002, 0.00025},
                                         {"decode", 16, 17, 7, 115, 1, 0.1, 0.1, 0.01},  // too few steps
                                         {"prefill", 32, 35, 10, 330, 0.1, 0.01, 0.02, 0.0003},
                                         {"prefill", 0, 0, 50, 0, 1, 0.02, 0.02, 0},  // sizes not known
                                         {"detokenise", 1, 1, 500, 500, 0.01, 1e-6, 2e-6, 1e-6}}),
                               "gpu_0", 1234);
  ASSERT_EQ(rows.size(), 1u);
  const auto& row = rows[0];
  EXPECT_EQ(row.at_ms, 1234);
  EXPECT_EQ(row.device, "gpu_0");
  EXPECT_EQ(row.model, "tiny");
  EXPECT_EQ(row.seconds, 2);
  EXPECT_EQ(row.processor_seconds, 1.5);
  EXPECT_EQ(row.requests, 3);
  EXPECT_EQ(row.prompt_tokens, 40);
  EXPECT_EQ(row.generated_tokens, 500);
  EXPECT_EQ(row.memory_peak_bytes, 4096);
  const std::vector<store::ProfileMeasure> expected = {{"decode/1", 0.0005, 8, 0, 0, 0, false},
                                                       {"decode/4", 0.001, 100, 0, 0, 0, false},
                                                       {"prefill/32-35", 0.0003, 10, 0, 0, 0, false}};
  EXPECT_EQ(row.measures, expected);
  EXPECT_NE(row.detail.find(R"("phase":"queue","size_from":0,"size_to":0,"count":100)"), std::string::npos);
  EXPECT_NE(row.detail.find(R"({"operator":"altlas::attend","count":7,"sum_seconds":0.25})"),
            std::string::npos);
}

TEST(Report, WhatComputedNothingLeavesNoRow) {
  EXPECT_TRUE(ReadReport({}, "gpu_0", 1).empty());
  EXPECT_TRUE(ReadReport(ReportOf({}), "gpu_0", 1).empty());
}

// A worker that says nonsense gets rows that the store takes.
TEST(Report, NonsenseOfAWorkerIsBounded) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  auto report = ReportOf({{"decode", 1, 1, kMost, kMost, 1, 0, 0, 0},  // no time at all
                          {"decode", 2, 2, kMost, 1, 1e308, 1e308, 1, 0},
                          {"decode", 2, 2, 100, 1, 1, 1, 1, 0},    // a second time
                          {"decode", 9, 3, 100, 1, 1, 1, 1, 0}});  // upside down
  report.models[0].requests = report.memory_peak_bytes = kMost;
  const auto rows = ReadReport(report, "gpu_0", 1);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].requests, std::numeric_limits<std::int64_t>::max());
  ASSERT_EQ(rows[0].measures.size(), 2u);
  EXPECT_EQ(rows[0].measures[0].name, "decode/2");
  EXPECT_EQ(rows[0].measures[0].count, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(rows[0].measures[1].name, "decode/9");
}

}  // namespace
}  // namespace altlas::periodic
