// SPDX-License-Identifier: Apache-2.0
#include "profile/summary_diff.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>

#include "profile/analysis_fixture.h"

namespace altlas::profile {
namespace {

const std::vector<std::string> kDiffNames = {"a", "b", "c"};

Summary AnyRun() {
  TestCapture made;
  const auto count = *rc::gen::inRange(1, 10);
  for (int i = 1; i <= count; ++i) {
    const auto start = *rc::gen::inRange<Ns>(0, 1'000'000);
    const auto& name = kDiffNames[*rc::gen::inRange<std::size_t>(0, kDiffNames.size())];
    made.kernels.push_back(
        TestKernel(start, start + *rc::gen::inRange<Ns>(0, 200'000), name, i, *rc::gen::inRange(0, 2)));
    const auto call = *rc::gen::inRange<Ns>(0, 1'000'000);
    made.api.push_back(TestCall(call, call + 10, "cudaLaunchKernel", i));
    made.ranges.push_back(TestRange(call, call + *rc::gen::inRange<Ns>(0, 100), "step"));
    if (*rc::gen::arbitrary<bool>())
      made.copies.push_back(TestCopy(start, start + 50'000, CopyKind::kHostToDevice, MemoryKind::kPinned,
                                     MemoryKind::kDevice, 1));
  }
  return SummaryOf({made});
}

std::vector<Summary> AnySide() {
  std::vector<Summary> runs;
  const auto count = *rc::gen::inRange(1, 4);
  for (int i = 0; i < count; ++i) runs.push_back(AnyRun());
  return runs;
}

TEST(SummaryDiff, TermsAddUpToTheDifferenceAndRowsToTheirChange) {
  EXPECT_TRUE(rc::check([] {
    const auto before = AnySide();
    const auto after = AnySide();
    const auto diff = DiffSummaries(before, after).value();
    double sum = 0;
    for (const auto& term : diff.terms) sum += term.delta_ns;
    RC_ASSERT(std::abs(sum - diff.whole_ns.delta()) < 1e-3);
    // The whole, from the sources themselves.
    const auto mean = [](const std::vector<Summary>& runs) {
      double total = 0;
      for (const auto& run : runs)
        for (const auto& device : run.devices)
          if (device.kernel_count > 0) total += static_cast<double>(run.sources[0].duration_ns);
      return total / static_cast<double>(runs.size());
    };
    RC_ASSERT(std::abs(diff.whole_ns.delta() - (mean(after) - mean(before))) < 1e-3);
    for (const auto& row : diff.kernels)
      RC_ASSERT(std::abs(row.by_count_ns + row.by_time_ns - row.total_ns.delta()) < 1e-3);
    RC_ASSERT(diff.whole_ns.noise.has_value() == (before.size() + after.size() > 2));
  }));
}

TEST(SummaryDiff, SwappedSidesGiveTheOppositeDifference) {
  EXPECT_TRUE(rc::check([] {
    const auto before = AnySide();
    const auto after = AnySide();
    const auto there = DiffSummaries(before, after).value();
    const auto back = DiffSummaries(after, before).value();
    RC_ASSERT(std::abs(there.whole_ns.delta() + back.whole_ns.delta()) < 1e-3);
    RC_ASSERT(there.kernels.size() == back.kernels.size());
    RC_ASSERT(there.whole_ns.noise == back.whole_ns.noise);
  }));
}

Summary RunOf(std::vector<std::pair<std::string, Ns>> kernels) {
  TestCapture made;
  Ns at = 0;
  for (const auto& [name, length] : kernels) {
    made.kernels.push_back(TestKernel(at, at + length, name));
    at += length;
  }
  return SummaryOf({made});
}

TEST(SummaryDiff, ACaptureThatEndsEarlyIsSaidOfItsSide) {
  auto cut = RunOf({{"same", 100}});
  cut.warnings.push_back({"warning", "clocks were not locked", 0});
  cut.warnings.push_back({"error", "the file ends early", 0});
  const auto diff = DiffSummaries({RunOf({{"same", 100}, {"same", 100}})}, {cut}).value();
  EXPECT_EQ(std::count(diff.warnings.begin(), diff.warnings.end(), "after: the file ends early"), 1);
  for (const auto& warning : diff.warnings) EXPECT_EQ(warning.find("clocks"), std::string::npos);
}

TEST(SummaryDiff, AKernelThatCameAndOneThatWentAndOneThatGrewAreTold) {
  const auto diff = DiffSummaries({RunOf({{"same", 100}, {"same", 100}, {"gone", 50}})},
                                  {RunOf({{"same", 130}, {"same", 130}, {"same", 130}, {"new", 70}})})
                        .value();
  ASSERT_EQ(diff.kernels.size(), 3U);
  EXPECT_EQ(diff.kernels[0].name, "same");
  EXPECT_EQ(diff.kernels[0].by_count_ns, 100);
  EXPECT_EQ(diff.kernels[0].by_time_ns, 90);
  EXPECT_EQ(diff.kernels[1].name, "new");
  EXPECT_EQ(diff.kernels[1].state, "added");
  EXPECT_EQ(diff.kernels[2].state, "removed");
  EXPECT_EQ(diff.whole, "device time");
  EXPECT_EQ(diff.whole_ns.delta(), 210);
  EXPECT_FALSE(diff.whole_ns.IsBeyondNoise().has_value());
  ASSERT_FALSE(diff.warnings.empty());
  EXPECT_NE(diff.warnings.back().find("noise is not known"), std::string::npos);
}

TEST(SummaryDiff, TheNoiseIsWelchsInterval) {
  // Sides 10, 12, 14 and 20, 21, 25: means 12 and 22, variances 4 and 7, t = 3.182 at 3.74 degrees, so 3.
  const auto diff = DiffSummaries({RunOf({{"k", 10}}), RunOf({{"k", 12}}), RunOf({{"k", 14}})},
                                  {RunOf({{"k", 20}}), RunOf({{"k", 21}}), RunOf({{"k", 25}})})
                        .value();
  EXPECT_EQ(diff.whole_ns.delta(), 10);
  EXPECT_NEAR(*diff.whole_ns.noise, 3.182 * std::sqrt(4.0 / 3 + 7.0 / 3), 1e-9);
  EXPECT_EQ(diff.whole_ns.IsBeyondNoise(), true);
  // One run after: it scatters as the others do.
  const auto one =
      DiffSummaries({RunOf({{"k", 10}}), RunOf({{"k", 12}}), RunOf({{"k", 14}})}, {RunOf({{"k", 18}})})
          .value();
  EXPECT_NEAR(*one.whole_ns.noise, 4.303 * std::sqrt(4.0 * (1.0 / 3 + 1)), 1e-9);
  EXPECT_EQ(one.whole_ns.IsBeyondNoise(), false);
}

TEST(SummaryDiff, OperatorsOfACpuAddUpTooAndDifferentMachinesAreToldApart) {
  const auto run = [](Ns length, const char* tool) {
    TestCapture made;
    made.operators = {TestOperator(0, length, "aten::mm"), TestOperator(10, 20, "aten::copy_"),
                      TestOperator(length + 50, length + 60, "aten::add")};
    made.info.tool = tool;
    return SummaryOf({made});
  };
  const auto diff = DiffSummaries({run(100, "A")}, {run(160, "B")}).value();
  EXPECT_EQ(diff.whole, "time");
  EXPECT_EQ(diff.whole_ns.delta(), 60);
  double sum = 0;
  for (const auto& term : diff.terms) sum += term.delta_ns;
  EXPECT_EQ(sum, 60);
  EXPECT_NE(diff.warnings.at(0).find("tools differ: A before, B after"), std::string::npos);
}

TEST(SummaryDiff, MetricsOfScenariosAreCompared) {
  Summary run;
  run.scenario = SummaryScenario{"infer", {{"batch", "8"}}};
  run.metrics = {{"latency_p50", "ms", 10, "lower", false, {}}};
  auto slower = run;
  slower.metrics[0].value = 12;
  const auto diff = DiffSummaries({run, run}, {slower, slower}).value();
  ASSERT_EQ(diff.metrics.size(), 1U);
  EXPECT_EQ(diff.metrics[0].value.delta(), 2);
  EXPECT_EQ(diff.metrics[0].value.IsBeyondNoise(), true);
  EXPECT_EQ(diff.terms.size(), 0U);
}

TEST(SummaryDiff, WhatDoesNotCompareIsRefused) {
  EXPECT_EQ(DiffSummaries({}, {RunOf({{"k", 1}})}).error().code, ErrorCode::kInvalidArgument);
  Summary counters;
  counters.kernel_details.emplace_back();
  const auto mixed = DiffSummaries({counters}, {RunOf({{"k", 1}})});
  EXPECT_NE(mixed.error().message.find("Nsight Compute"), std::string::npos);
  EXPECT_EQ(DiffSummaries({Summary{}}, {Summary{}}).error().code, ErrorCode::kInvalidArgument);
}

TEST(SummaryDiff, QuantilesAreThoseOfTheTables) {
  EXPECT_EQ(StudentT95(1), 12.706);
  EXPECT_EQ(StudentT95(0.5), 12.706);
  EXPECT_EQ(StudentT95(4.9), 2.776);
  EXPECT_EQ(StudentT95(30.5), 2.042);
  EXPECT_EQ(StudentT95(1e9), 1.980);
  EXPECT_EQ(StudentT95(std::nan("")), 12.706);
}

}  // namespace
}  // namespace altlas::profile
