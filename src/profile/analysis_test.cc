// SPDX-License-Identifier: Apache-2.0
#include "profile/analysis.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "profile/analysis_fixture.h"

namespace altlas::profile {
namespace {

constexpr auto kMax = std::numeric_limits<Ns>::max();
constexpr auto kMin = std::numeric_limits<Ns>::min();

const SummaryFinding* FindFinding(const Summary& summary, std::string_view id) {
  for (const auto& finding : summary.findings)
    if (finding.id == id) return &finding;
  return nullptr;
}

std::string Reason(const Summary& summary, std::string_view name) {
  const auto* figure = FindFigure(summary, name);
  if (figure == nullptr) return "not named";
  return figure->kind == ProvenanceKind::kAbsent ? figure->text : "there";
}

TEST(Analysis, WhatTheCaptureLacksIsAbsentWithAReasonAndNeverZero) {
  TestCapture made;
  made.kernels.push_back(TestKernel(0, 1'000'000, "a"));
  const auto summary = SummaryOf({made});
  EXPECT_EQ(FindValue(summary, "avg_kernel_time"), 1.0);
  EXPECT_EQ(FindValue(summary, "gpu_busy_percent"), 100);
  for (const auto* name :
       {"copy_count", "copy_bytes", "copy_time_ms", "api_calls", "sync_time_ms", "memset_time_ms",
        "allocation_peak_bytes", "operator_count", "copy_bytes_per_second", "launch_delay_median_us"})
    EXPECT_NE(Reason(summary, name).find("in this capture (nsys sqlite)"), std::string::npos)
        << name << ": " << Reason(summary, name);
  EXPECT_NE(Reason(summary, "sm_efficiency_percent").find("Nsight Compute"), std::string::npos);
  EXPECT_FALSE(summary.launch.has_value());
  EXPECT_FALSE(summary.overlap.has_value());
  // Captured and none: that is a zero.
  made.info.present.copies = true;
  EXPECT_EQ(FindValue(SummaryOf({made}), "copy_count"), 0);
}

// Products of these numbers would take minutes.
TEST(Analysis, ManyStreamsDevicesAndNamesTakeTimeInProportion) {
  TestCapture streams;
  TestCapture devices;
  for (int i = 0; i < 100'000; ++i)
    streams.kernels.push_back(TestKernel(10 * i, 10 * i + 5, "a", 0, 0, static_cast<std::uint32_t>(i)));
  std::vector<std::string> names;
  for (int i = 0; i < 30'000; ++i) names.push_back("kernel_" + std::to_string(i));
  for (int i = 0; i < 30'000; ++i) {
    devices.kernels.push_back(TestKernel(10 * i, 10 * i + 5, names[static_cast<std::size_t>(i)], 0, i));
    devices.allocations.push_back({.at = i, .bytes = 1, .device = i});
  }
  const auto of_streams = SummaryOf({streams});
  ASSERT_EQ(of_streams.streams.size(), 100'000U);
  EXPECT_DOUBLE_EQ(of_streams.streams[7].share, 1e-5);
  const auto of_devices = SummaryOf({devices});
  ASSERT_EQ(of_devices.kernels.size(), 30'000U);
  for (const auto& kernel : of_devices.kernels) {
    ASSERT_EQ(kernel.devices.size(), 1U);
    ASSERT_EQ("gpu_" + kernel.full_name.substr(7), kernel.devices[0].device);
  }
  ASSERT_EQ(of_devices.allocations.size(), 30'000U);
  EXPECT_EQ(of_devices.allocations[29'999].device, "gpu_29999");
}

TEST(Analysis, OperatorsThatWaitAreFound) {
  TestCapture made;
  made.operators.push_back(TestOperator(0, 2'000'000, "aten::mm"));
  made.operators.push_back(TestOperator(9'000'000, 10'000'000, "aten::mm"));
  const auto summary = SummaryOf({made});
  const auto* finding = FindFinding(summary, "operators-wait");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->sentence.find("3 ms of 10 ms: 30 %"), std::string::npos) << finding->sentence;
  made.operators.push_back(TestOperator(2'000'000, 4'000'000, "aten::add"));
  EXPECT_EQ(FindFinding(SummaryOf({made}), "operators-wait"), nullptr) << "half of the time is enough";
}

TEST(Analysis, SampledOperatorsSayNothingOfWaiting) {
  TestCapture made;
  made.operators.push_back(TestOperator(0, 200'000'000, "aten::mm"));
  made.info.duration = 20'000'000'000;
  ASSERT_NE(FindFinding(SummaryOf({made}), "operators-wait"), nullptr);
  made.info.operator_sampling = 0.01;
  const auto summary = SummaryOf({made});
  EXPECT_EQ(FindFinding(summary, "operators-wait"), nullptr);
  EXPECT_NE(FindFigure(summary, "operator_time_ms")->text.find("sampled"), std::string::npos);
  const auto* top = FindFinding(summary, "top-operator");
  ASSERT_NE(top, nullptr);
  EXPECT_NE(top->sentence.find("recorded operators' own time"), std::string::npos) << top->sentence;
  const auto again = ParseSummary(FormatSummary(summary));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->sources.at(0).operator_sampling, 0.01);
  EXPECT_EQ(again->sources[0].operator_ns, 200'000'000);
}

TEST(Analysis, EachRankIsHeldAgainstItsOwnTime) {
  TestCapture made;  // a third busy; together the three would be busy throughout
  made.operators.push_back(TestOperator(0, 3'000'000, "aten::mm"));
  made.info.duration = 9'000'000;
  std::vector<TestCapture> ranks(3, made);
  ranks[1].operators[0].end = 2'250'000;
  ranks[1].info.path = "second.alc";
  ranks[2].operators[0].end = 8'000'000;
  const auto summary = SummaryOf(ranks);
  const auto* finding = FindFinding(summary, "operators-wait");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->sentence.find("2.25 ms of 9 ms in second.alc (the least of 2 such captures): 25 %"),
            std::string::npos)
      << finding->sentence;
}

// One call of 100 us launches a graph of 50 kernels of 10 us each.
TEST(Analysis, ACallThatLaunchedManyKernelsTookItsTimeOnce) {
  TestCapture made;
  for (std::uint64_t graph = 1; graph <= 120; ++graph) {
    const auto at = static_cast<Ns>(graph) * 1'000'000;
    made.api.push_back(TestCall(at, at + 100'000, "cudaGraphLaunch", graph));
    for (Ns node = 0; node < 50; ++node)
      made.kernels.push_back(TestKernel(at + 10'000 * (node + 1), at + 10'000 * (node + 2), "node", graph));
  }
  auto summary = SummaryOf({made});
  EXPECT_EQ(summary.launch->matched, 6000U);
  EXPECT_EQ(summary.launch->call.count, 120U);
  EXPECT_EQ(summary.launch->call.total_ns, 120 * 100'000);
  EXPECT_EQ(summary.launch->latency.count, 6000U);
  EXPECT_EQ(summary.launch->shorter_than_call, 0U);
  EXPECT_EQ(FindFinding(summary, "short-kernels"), nullptr);
  for (auto& kernel : made.kernels) kernel.end = kernel.start + 1'000;
  summary = SummaryOf({made});
  EXPECT_EQ(summary.launch->shorter_than_call, 120U);
  const auto* finding = FindFinding(summary, "short-kernels");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->sentence.find("(120 of 120)"), std::string::npos) << finding->sentence;
}

TEST(Analysis, SumsOfBytesStopAtTheMostThereIs) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  TestCapture made;
  for (int i = 0; i < 3; ++i) {
    made.copies.push_back(
        TestCopy(i, i + 1, CopyKind::kHostToDevice, MemoryKind::kPinned, MemoryKind::kDevice, kMost - 1, 1));
    made.allocations.push_back({.at = i, .bytes = kMost - 1, .device = 0});
  }
  made.api = {TestCall(0, 1, "cudaMemcpy", 1)};
  const auto summary = SummaryOf({made});
  EXPECT_EQ(summary.copies.at(0).bytes, kMost);
  EXPECT_EQ(summary.allocations.at(0).allocated_bytes, kMost);
  EXPECT_EQ(summary.allocations[0].peak_bytes, kMost);
  EXPECT_EQ(FindValue(summary, "allocation_peak_bytes"), static_cast<double>(kMost));
}

// Launches times open ranges would take an hour.
TEST(Analysis, RangesThatAreNeverClosedTakeTimeInProportion) {
  constexpr int kRanges = 200'000;
  TestCapture made;
  for (int i = 0; i < kRanges; ++i) {
    const Ns at = 10 * i;
    made.ranges.push_back(TestRange(at, 10 * kRanges, i % 2 == 0 ? "step" : "forward"));
    made.api.push_back(TestCall(at + 1, at + 2, "cudaLaunchKernel", static_cast<std::uint64_t>(i) + 1));
    made.kernels.push_back(TestKernel(at + 3, at + 7, "a", static_cast<std::uint64_t>(i) + 1));
  }
  const auto summary = SummaryOf({made});
  ASSERT_EQ(summary.phases.size(), 2U);
  EXPECT_EQ(summary.phases[0].name, "step") << "the first and so the longest";
  EXPECT_EQ(summary.phases[0].kernel_count, static_cast<std::uint64_t>(kRanges));
  EXPECT_EQ(summary.phases[0].kernel_ns, 4 * kRanges);
  EXPECT_EQ(summary.phases[0].self_kernel_ns, 2 * kRanges);
  EXPECT_EQ(summary.phases[1].kernel_count, static_cast<std::uint64_t>(kRanges) - 1);
  EXPECT_EQ(summary.phases[1].self_kernel_ns, 2 * kRanges);
  ASSERT_EQ(summary.phases[1].kernels.size(), 1U);
  EXPECT_EQ(summary.phases[1].kernels[0].count, static_cast<std::uint64_t>(kRanges) - 1);
}

TEST(Analysis, RangesThatOverlapWithoutEndAreLeftOutAndSaid) {
  constexpr int kRanges = 10'000;
  TestCapture made;
  for (int i = 0; i < kRanges; ++i) made.ranges.push_back(TestRange(i, 2 * kRanges + i, "request"));
  made.api.push_back(TestCall(kRanges + 1, kRanges + 2, "cudaLaunchKernel", 1));
  made.kernels.push_back(TestKernel(kRanges + 5, kRanges + 9, "a", 1));
  const auto summary = SummaryOf({made});
  EXPECT_EQ(summary.phases.at(0).kernel_count, 1U);
  EXPECT_EQ(summary.phases.at(0).projected_ns, 4 * (1 + 4096))
      << "the first nests in none, 4,096 more are kept";
  ASSERT_FALSE(summary.warnings.empty());
  EXPECT_NE(summary.warnings.back().text.find("5903 ranges"), std::string::npos)
      << summary.warnings.back().text;
}

TEST(Analysis, AnEmptyCaptureHasAReasonForEveryFigure) {
  const auto summary = SummaryOf({TestCapture{}});
  ASSERT_FALSE(summary.head.empty());
  for (const auto& figure : summary.head) {
    EXPECT_EQ(figure.kind, ProvenanceKind::kAbsent) << figure.name;
    EXPECT_FALSE(figure.text.empty());
  }
  EXPECT_TRUE(summary.findings.empty());
  EXPECT_TRUE(Analysis().Summarize().kernels.empty());
}

TEST(Analysis, RecordsThatMakeNoSenseAreLeftOutAndCounted) {
  TestCapture made;
  made.kernels = {TestKernel(10, 20, "a"), TestKernel(20, 10, "a"), TestKernel(kMin, kMax, "a"),
                  TestKernel(0, kMax, "a")};
  made.api = {TestCall(5, 4, "cudaLaunchKernel", 1)};
  made.info.bad_records = 3;
  const auto summary = SummaryOf({made});
  EXPECT_EQ(FindValue(summary, "kernel_count"), 1);
  EXPECT_EQ(summary.sources[0].bad_records, 7U);
  ASSERT_EQ(summary.warnings.size(), 1U);
  EXPECT_NE(summary.warnings[0].text.find("7 records"), std::string::npos);
}

TEST(Analysis, TimesFarApartNeitherOverflowNorTurnNegative) {
  TestCapture made;
  constexpr Ns kFar = (Ns{1} << 62) - 1;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    made.kernels.push_back(TestKernel(-kFar, kFar, "a", i));
    made.api.push_back(TestCall(-kFar, kFar, "cudaLaunchKernel", i));
    made.ranges.push_back(TestRange(-kFar, kFar, "step"));
    made.operators.push_back(TestOperator(-kFar, kFar, "op"));
  }
  const auto summary = SummaryOf({made});
  EXPECT_EQ(summary.kernels[0].timing.total_ns, kMax);
  EXPECT_GE(summary.devices[0].busy_ns, 0);
}

TEST(Analysis, SeveralSourcesKeepTheirDevicesApartAndJoinTheirKernels) {
  TestCapture first;
  first.info.rank = 1;
  first.kernels = {TestKernel(0, 100, "a"), TestKernel(0, 50, "b", 0, 1)};
  TestCapture second;
  second.info.rank = 0;
  second.kernels = {TestKernel(1000, 1300, "a")};
  const auto ranks = SummaryOf({first, second});
  ASSERT_EQ(ranks.devices.size(), 3U);
  EXPECT_EQ(ranks.devices[0].id, "rank_1/gpu_0");
  EXPECT_EQ(ranks.devices[1].id, "rank_1/gpu_1");
  EXPECT_EQ(ranks.devices[2].id, "rank_0/gpu_0");
  ASSERT_EQ(ranks.kernels.size(), 2U);
  EXPECT_EQ(ranks.kernels[0].timing.total_ns, 400);
  EXPECT_EQ(ranks.kernels[0].timing.median_ns, 200);
  ASSERT_EQ(ranks.kernels[0].devices.size(), 2U);
  EXPECT_EQ(ranks.kernels[0].devices[1].total_ns, 300);
  // Each has its own axis: the time between them is nobody's idle time.
  EXPECT_EQ(FindValue(ranks, "gpu_busy_percent"), 100);
  second.info.rank = 1;
  EXPECT_EQ(SummaryOf({first, second}).devices[2].id, "part_2/gpu_0");
}

TEST(Analysis, EqualCorrelationsOfTwoProcessesAreTwoLaunches) {
  constexpr std::uint64_t kProcess = std::uint64_t{1} << 24U;
  TestCapture made;
  made.kernels = {TestKernel(100, 200, "a", 5), TestKernel(300, 400, "a", 5)};
  made.kernels[0].process = 1;
  made.kernels[1].process = 2;
  made.api = {TestCall(250, 260, "cudaLaunchKernel", 5, 2 * kProcess + 1),
              TestCall(50, 60, "cudaLaunchKernel", 5, kProcess + 1)};
  const auto summary = SummaryOf({made});
  EXPECT_EQ(summary.launch->matched, 2U);
  EXPECT_EQ(summary.launch->latency.max_ns, 50);
  // A tool that leaves the process of the kernels out has one process.
  made.kernels.resize(1);
  made.kernels[0].process = 0;
  made.api.resize(1);
  EXPECT_EQ(SummaryOf({made}).launch->matched, 1U);
}

TEST(Analysis, AGraphIsSaidToBeOne) {
  TestCapture made;
  made.kernels = {TestKernel(0, 100, "graph 7"), TestKernel(100, 150, "a")};
  made.kernels[0].is_graph = true;
  const auto summary = SummaryOf({made});
  EXPECT_TRUE(summary.kernels[0].is_graph);
  EXPECT_FALSE(summary.kernels[1].is_graph);
  ASSERT_NE(FindFinding(summary, "graphs-as-one"), nullptr);
  EXPECT_NE(summary.warnings.at(0).text.find("1 of 2"), std::string::npos);
}

TEST(Analysis, ACallThatMadeSeveralCopiesTookItsTimeOnce) {
  TestCapture made;
  const auto copy = [](Ns start, std::uint64_t correlation) {
    return TestCopy(start, start + 100, CopyKind::kHostToDevice, MemoryKind::kPageable, MemoryKind::kDevice,
                    1000, correlation);
  };
  made.copies = {copy(100, 1), copy(200, 1), copy(500, 0)};
  made.api = {TestCall(0, 400, "cudaMemcpy", 1)};
  const auto summary = SummaryOf({made});
  ASSERT_EQ(summary.copies.size(), 1U);
  EXPECT_EQ(summary.copies[0].bytes, 3000U);
  EXPECT_EQ(summary.copies[0].engine_bytes_per_second, 3000 * 1e9 / 300);
  EXPECT_EQ(summary.copies[0].api_count, 1U);
  EXPECT_EQ(summary.copies[0].api_ns, 400);
  EXPECT_EQ(summary.copies[0].api_bytes_per_second, 2000 * 1e9 / 400);
  EXPECT_EQ(FindValue(summary, "pageable_copy_percent"), 100);
}

TEST(Analysis, MemoryThatTheCaptureDoesNotNameIsNotCalledPinned) {
  TestCapture made;
  made.copies = {TestCopy(0, 100, CopyKind::kHostToDevice, MemoryKind::kUnknown, MemoryKind::kDevice, 1000)};
  EXPECT_NE(Reason(SummaryOf({made}), "pageable_copy_percent").find("does not tell"), std::string::npos);
}

TEST(Analysis, AGapOfTwoKernelsInARowHasNobodyToBlame) {
  TestCapture made;
  made.kernels = {TestKernel(0, 100, "a"), TestKernel(130, 200, "b"), TestKernel(231, 300, "c")};
  const auto summary = SummaryOf({made});
  ASSERT_EQ(summary.gaps->causes.size(), 2U);
  EXPECT_EQ(summary.gaps->causes[0].cause, "unknown");
  EXPECT_EQ(summary.gaps->causes[0].total_ns, 31);
  EXPECT_EQ(summary.gaps->causes[1].cause, "between");
  EXPECT_EQ(summary.gaps->causes[1].total_ns, 30);
  ASSERT_EQ(summary.gaps->longest.size(), 2U);
  EXPECT_EQ(summary.gaps->longest[0].before, "b");
  EXPECT_EQ(summary.gaps->longest[0].after, "c");
}

TEST(Analysis, OnlyTheLongestGapsAreListedLongestFirst) {
  TestCapture made;
  Ns at = 0;
  for (Ns i = 1; i <= 50; ++i) {
    made.kernels.push_back(TestKernel(at, at + 10, "a"));
    at += 10 + 100 * ((i * 37) % 50);
  }
  const auto gaps = *SummaryOf({made}).gaps;
  ASSERT_EQ(gaps.longest.size(), 20U);
  EXPECT_EQ(gaps.longest.front().duration_ns, gaps.max_ns);
  for (std::size_t i = 1; i < gaps.longest.size(); ++i)
    EXPECT_GE(gaps.longest[i - 1].duration_ns, gaps.longest[i].duration_ns);
  EXPECT_GE(gaps.longest.back().duration_ns, 2900);
}

TEST(Analysis, AllocationsFollowTheAddressAndNeverFallBelowNothing) {
  TestCapture made;
  const auto event = [](Ns at, bool is_free, std::uint64_t bytes, std::uint64_t address, int device) {
    AllocationEvent made_event;
    made_event.at = at;
    made_event.is_free = is_free;
    made_event.bytes = bytes;
    made_event.address = address;
    made_event.kind = MemoryKind::kDevice;
    made_event.device = device;
    return made_event;
  };
  // Not in the order of time; a free without bytes; a free of what was allocated before the capture.
  made.allocations = {event(3, true, 0, 0x10, 0),   event(1, false, 100, 0x10, 0),
                      event(0, true, 500, 0x99, 0), event(2, false, 50, 0x20, 0),
                      event(4, false, 70, 0x10, 0), event(1, false, 7, 0x10, 1)};
  const auto summary = SummaryOf({made});
  ASSERT_EQ(summary.allocations.size(), 2U);
  const auto& first = summary.allocations[0];
  EXPECT_EQ(first.device, "gpu_0");
  EXPECT_EQ(first.allocations, 3U);
  EXPECT_EQ(first.frees, 2U);
  EXPECT_EQ(first.peak_bytes, 150U);
  EXPECT_EQ(first.end_bytes, 120U);
  EXPECT_EQ(first.largest_bytes, 100U);
  EXPECT_EQ(FindValue(summary, "allocation_peak_bytes"), 150);
}

TEST(Analysis, MarksAreCountedAndTakeNoTime) {
  TestCapture made;
  made.ranges = {TestRange(0, 100, "step"), TestRange(50, 50, "step"), TestRange(0, 10, "step", 1, "other")};
  made.ranges[1].is_mark = true;
  const auto summary = SummaryOf({made});
  ASSERT_EQ(summary.phases.size(), 2U);
  EXPECT_EQ(summary.phases[0].timing.count, 1U);
  EXPECT_EQ(summary.phases[0].marks, 1U);
  EXPECT_EQ(summary.phases[1].domain, "other");
}

TEST(Analysis, LibrariesAreShownAndNotCountedTwice) {
  TestCapture made;
  made.api = {TestCall(0, 100, "cublasSgemm_v2"), TestCall(10, 30, "cudaLaunchKernel"),
              TestCall(40, 50, "cuLaunchKernel"), TestCall(60, 90, "cudaStreamSynchronize")};
  const auto summary = SummaryOf({made});
  EXPECT_EQ(summary.api.size(), 4U);
  EXPECT_EQ(FindValue(summary, "api_calls"), 3);
  EXPECT_EQ(FindValue(summary, "api_time_ms"), 60e-6);
  EXPECT_EQ(FindValue(summary, "sync_time_ms"), 30e-6);
}

TEST(Analysis, CountersKeepTheirExtremesAndEnds) {
  TestCapture made;
  made.counters = {{20, "rss_bytes", 5, kNoDevice},
                   {10, "rss_bytes", 9, kNoDevice},
                   {30, "rss_bytes", 1, kNoDevice},
                   {15, "rss_bytes", std::numeric_limits<double>::quiet_NaN(), kNoDevice}};
  const auto summary = SummaryOf({made});
  ASSERT_EQ(summary.counters.size(), 1U);
  EXPECT_EQ(summary.counters[0].count, 3U);
  EXPECT_EQ(summary.counters[0].first, 9);
  EXPECT_EQ(summary.counters[0].last, 1);
  EXPECT_EQ(summary.counters[0].mean, 5);
  EXPECT_EQ(summary.sources[0].bad_records, 1U);
}

// A loop as the memory guide describes it: pageable copies one after the other with the computing.
TestCapture PageableLoop(MemoryKind host) {
  TestCapture made;
  Ns at = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    made.api.push_back(TestCall(at, at + 400'000, "cudaMemcpy", 3 * i + 1));
    made.copies.push_back(TestCopy(at + 100'000, at + 390'000, CopyKind::kHostToDevice, host,
                                   MemoryKind::kDevice, 4'000'000, 3 * i + 1));
    made.api.push_back(TestCall(at + 400'000, at + 410'000, "cudaLaunchKernel", 3 * i + 2));
    made.kernels.push_back(TestKernel(at + 412'000, at + 900'000, "train", 3 * i + 2));
    at += 1'000'000;
  }
  made.info.present.kernels = made.info.present.copies = made.info.present.api = true;
  return made;
}

TEST(Findings, PageableCopiesAreToldWithTheirMeasurementAndPinnedOnesAreNot) {
  const auto pageable = SummaryOf({PageableLoop(MemoryKind::kPageable)});
  const auto* finding = FindFinding(pageable, "pageable-copies");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->severity, "warning");
  EXPECT_NE(finding->sentence.find(
                "100 % of the bytes between host and device (200 MB in 50 copies, 14.5 ms on the engine)"),
            std::string::npos)
      << finding->sentence;
  EXPECT_NE(finding->sentence.find("13.8 GB/s on the engine, 10 GB/s as the callers saw it"),
            std::string::npos)
      << finding->sentence;
  EXPECT_NE(FindFinding(pageable, "no-overlap"), nullptr);
  EXPECT_NE(FindFinding(pageable, "idle-copy"), nullptr);
  const auto pinned = SummaryOf({PageableLoop(MemoryKind::kPinned)});
  EXPECT_EQ(FindFinding(pinned, "pageable-copies"), nullptr);
  EXPECT_NE(FindFinding(pinned, "no-overlap"), nullptr);
}

TEST(Findings, WaitingAfterEveryKernelIsTold) {
  TestCapture made;
  Ns at = 0;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    made.api.push_back(TestCall(at, at + 5'000, "cudaLaunchKernel", i));
    made.kernels.push_back(TestKernel(at + 6'000, at + 90'000, "k", i));
    made.api.push_back(TestCall(at + 5'000, at + 91'000, "cudaDeviceSynchronize"));
    at += 100'000;
  }
  const auto summary = SummaryOf({made});
  const auto* finding = FindFinding(summary, "many-syncs");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->sentence.find("cudaDeviceSynchronize is called 200 times for 200 kernels"),
            std::string::npos);
}

TEST(Findings, DataLoadingBeforeLaunchesIsToldAndNeverWithoutTheRange) {
  TestCapture made;
  Ns at = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    made.ranges.push_back(TestRange(at, at + 500'000, "enumerate(DataLoader)#next"));
    made.api.push_back(TestCall(at + 500'000, at + 505'000, "cudaLaunchKernel", i));
    made.kernels.push_back(TestKernel(at + 506'000, at + 1'000'000, "k", i));
    at += 1'000'000;
  }
  EXPECT_NE(FindFinding(SummaryOf({made}), "idle-data"), nullptr);
  EXPECT_EQ(FindFinding(SummaryOf({made}), "idle-host"), nullptr);
  made.ranges.clear();
  EXPECT_EQ(FindFinding(SummaryOf({made}), "idle-data"), nullptr);
  EXPECT_NE(FindFinding(SummaryOf({made}), "idle-host"), nullptr);
}

TEST(Findings, ABusyDeviceHasNothingToMend) {
  constexpr std::array kNames = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};
  TestCapture made;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    const auto at = static_cast<Ns>(i) * 1'000'000;
    made.api.push_back(TestCall(at - 1'000'000, at - 995'000, "cudaLaunchKernel", i));
    made.kernels.push_back(TestKernel(at, at + 999'999, kNames[i - 1], i));
  }
  const auto summary = SummaryOf({made});
  for (const auto& finding : summary.findings) ADD_FAILURE() << finding.sentence;
}

TEST(Findings, ACommandToCopyHoldsNothingOfANameThatAShellWouldRun) {
  TestCapture made;
  made.kernels = {TestKernel(0, 100, "evil'; rm -rf $HOME #")};
  const auto summary = SummaryOf({made});
  const auto* finding = FindFinding(summary, "top-kernel");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->command, "alt_las profile run --tool ncu --kernel 'evil' -- CMD");
}

}  // namespace
}  // namespace altlas::profile
