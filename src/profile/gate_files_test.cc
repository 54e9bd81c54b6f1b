// SPDX-License-Identifier: Apache-2.0
#include "profile/gate_files.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "profile/gate_report.h"

namespace altlas::profile {
namespace {

constexpr const char* kSummary = R"x({
  "schema": "altlas.profile_summary", "schema_version": 1, "future": [1],
  "avg_kernel_time": 17.714696, "total_time_ms": 1200.5, "gpu_busy_percent": 62.5,
  "sources": [{"format": "nsys sqlite", "schema": "3.13.2", "tool": "Nsight Systems 2024.5.1", "dropped_records": 3}],
  "environment": {"driver": "535.1", "host": "unmoved"},
  "devices": [{"name": "NVIDIA A100"}],
  "kernels": [{"name": "gemm", "full_name": "void gemm<float>(int)", "median_ns": 250000, "total_ns": 5000000,
               "share": 0.5}, {"name": "bad", "full_name": "", "median_ns": 1}, 7],
  "operators": [{"name": "aten::mm", "median_ns": 1000, "self_ns": 2000000, "share": 0.1}],
  "phases": [{"name": "step", "median_ns": 9000000}, {"name": "step", "domain": "NCCL", "median_ns": 1000000}],
  "metrics": [{"name": "latency", "unit": "s", "value": 0.5, "better": "lower"},
              {"name": "throughput", "unit": "tokens/s", "value": 40, "better": "higher"},
              {"name": "guess", "unit": "ms", "value": 1, "better": "lower", "is_estimate": true},
              {"name": "fact", "unit": "1", "value": 1, "better": ""}]})x";

Baseline SomeBaseline() {
  std::vector<GateRun> runs(3);
  for (std::size_t i = 0; i < runs.size(); ++i)
    runs[i].figures["wall"].value = 100.0 + static_cast<double>(i);
  runs[1].figures["kernel:\"<x>\n"] = {0.25, "ms", false, 0.5, 4.0};
  runs[2].state.throttled = "thermal";
  runs[0].state.foreign_cpu = 0.25;
  runs[0].state.clock_mhz = 1410;
  runs[1].state.dropped_records = 9;
  Baseline baseline;
  baseline.environment = {{"cpu_model", "Some CPU"}, {"cores", "4"}};
  baseline.sessions = {Gather(runs), Gather(runs)};
  baseline.sessions[0].recorded_at = "2026-01-02T03:04:05Z";
  baseline.sessions[0].how = "command: ./bench";
  return baseline;
}

TEST(GateFiles, ABaselineReadsBackAsItWasWritten) {
  const auto text = FormatBaseline(SomeBaseline());
  const auto read = ParseBaseline(text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(FormatBaseline(*read), text);
  const auto& kernel = read->sessions[1].metrics.at("kernel:\"<x>\n");
  EXPECT_TRUE(std::isnan(kernel.values[0]));
  EXPECT_EQ(kernel.values[1], 0.25);
  EXPECT_EQ(read->sessions[0].runs[0].foreign_cpu, 0.25);
  EXPECT_EQ(read->sessions[0].runs[1].dropped_records, 9u);
}

TEST(GateFiles, ABaselineCutShortAnywhereIsRefusedAndNeverReadInPart) {
  const auto text = FormatBaseline(SomeBaseline());
  for (std::size_t length = 0; length + 2 < text.size(); ++length)
    EXPECT_FALSE(ParseBaseline(text.substr(0, length)).has_value()) << length;
}

TEST(GateFiles, AChangedByteNeverCrashesTheReaders) {
  const auto text = FormatBaseline(SomeBaseline());
  EXPECT_TRUE(rc::check([&](std::uint64_t seed, std::uint8_t byte) {
    auto changed = text;
    changed[seed % changed.size()] = static_cast<char>(byte);
    (void)ParseBaseline(changed);
    std::string summary = kSummary;
    summary[seed % summary.size()] = static_cast<char>(byte);
    (void)ParseRun(summary);
  }));
}

TEST(GateFiles, WrongBaselinesAreRefusedWithTheirFault) {
  const auto expect = [](std::string_view text, std::string_view part) {
    const auto read = ParseBaseline(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().message;
  };
  expect("", "not JSON");
  expect(std::string_view("{}\0{}", 5), "not JSON");
  expect("[1]", "no object");
  expect("{}", "\"schema\" is missing");
  expect(R"({"schema": "altlas.profile_summary", "schema_version": 1})", "altlas.baseline");
  expect(R"({"schema": "altlas.baseline", "schema_version": 2})", "up to 1");
  expect(R"({"schema": "altlas.baseline", "schema_version": 1, "sessions": []})", "no sessions");
  expect(R"({"schema": "altlas.baseline", "schema_version": 1, "sessions": [{"runs": [{}]}]})",
         "no \"metrics\"");
  expect(R"({"schema": "altlas.baseline", "schema_version": 1,
             "sessions": [{"runs": [{}], "metrics": {"wall": {"values": [1, 2]}}}]})",
         "2 values and the session 1 runs");
  expect(R"({"schema": "altlas.baseline", "schema_version": 1,
             "sessions": [{"runs": [{}], "metrics": {"wall": {"values": ["x"]}}}]})",
         "no number");
  EXPECT_FALSE(ParseBaseline(std::string(200'000, '[')).has_value());
  // The gate holds all pairs of runs.
  std::string runs = "{}";
  while (runs.size() < 3 * 10'001) runs += ",{}";
  const auto session = R"({"runs": [)" + runs + R"(], "metrics": {}})";
  expect(
      R"({"schema": "altlas.baseline", "schema_version": 1, "sessions": [)" + session + "," + session + "]}",
      "more than 20000 runs");
}

TEST(GateFiles, ASummaryBecomesOneRunInMilliseconds) {
  const auto file = ParseRun(kSummary);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  const auto& figures = file->run.figures;
  EXPECT_DOUBLE_EQ(figures.at("avg_kernel_time").value, 17.714696);
  EXPECT_DOUBLE_EQ(figures.at("kernel:void gemm<float>(int)").value, 0.25);
  EXPECT_DOUBLE_EQ(figures.at("kernel:void gemm<float>(int)").run_ms.value(), 5);
  EXPECT_DOUBLE_EQ(figures.at("operator:aten::mm").share.value(), 0.1);
  EXPECT_DOUBLE_EQ(figures.at("phase:step").value, 9);
  EXPECT_DOUBLE_EQ(figures.at("phase:NCCL:step").value, 1);
  EXPECT_DOUBLE_EQ(figures.at("bench:latency").value, 500);
  EXPECT_EQ(figures.at("bench:latency").unit, "ms");
  EXPECT_TRUE(figures.at("bench:throughput").higher_is_better);
  EXPECT_TRUE(figures.at("gpu_busy_percent").higher_is_better);
  EXPECT_FALSE(figures.contains("bench:guess"));
  EXPECT_FALSE(figures.contains("bench:fact"));
  EXPECT_EQ(file->run.state.dropped_records, 3u);
  EXPECT_EQ(file->environment.at("schema"), "nsys sqlite 3.13.2");
  EXPECT_EQ(file->environment.at("capture_devices"), "NVIDIA A100");
  // What the machine says of itself has a name of its own.
  EXPECT_EQ(file->environment.at("capture_driver"), "535.1");
  EXPECT_FALSE(file->environment.contains("driver"));
}

TEST(GateFiles, TheDocumentsOwnSummaryIsReadAndOthersAreNot) {
  EXPECT_DOUBLE_EQ(ParseRun(R"({"avg_kernel_time": 250})")->run.figures.at("avg_kernel_time").value, 250);
  EXPECT_FALSE(ParseRun(R"({"avg_kernel_time": "250"})").has_value());
  EXPECT_FALSE(ParseRun(R"({"avg_kernel_time": 1e999})").has_value());
  EXPECT_FALSE(ParseRun(R"({"schema": "altlas.profile_summary", "schema_version": 1})").has_value());
  EXPECT_EQ(ParseRun(R"({"schema": "altlas.profile_summary", "schema_version": 9})").error().code,
            ErrorCode::kUnsupported);
}

TEST(GateFiles, WhatNoRunCanHaveIsRefusedByFieldValueAndLimit) {
  const auto expect = [](const Error& error, std::string_view part) {
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
  };
  expect(ParseRun(R"({"avg_kernel_time": -5})").error(), "\"avg_kernel_time\" is -5");
  expect(ParseRun(R"({"avg_kernel_time": 0})").error(), "over 0 ms");
  expect(ParseRun(R"({"avg_kernel_time": -0.0})").error(), "over 0 ms");
  expect(ParseRun(R"({"avg_kernel_time": 1e308})").error(), "at most 1e+18");
  expect(ParseRun(R"({"avg_kernel_time": 1, "total_time_ms": -1})").error(), "\"total_time_ms\" is -1");
  expect(ParseRun(R"({"avg_kernel_time": 1, "kernels": [{"full_name": "k", "median_ns": -3}]})").error(),
         "\"kernel:k median_ns\" is -3");
  expect(ParseRun(R"({"avg_kernel_time": 300, "avg_kernel_time": 1})").error(),
         "\"avg_kernel_time\" stands twice");
  EXPECT_TRUE(ParseRun(R"({"avg_kernel_time": 1, "copy_bytes": 0, "x": {"copy_bytes": 1}})").has_value());
  const auto baseline = [](std::string_view unit, std::string_view value) {
    return ParseBaseline(fmt::format(
        R"({{"schema": "altlas.baseline", "schema_version": 1,
             "sessions": [{{"runs": [{{}}], "metrics": {{"wall": {{"unit": "{}", "values": [{}]}}}}}}]}})",
        unit, value));
  };
  EXPECT_TRUE(baseline("ms", "1").has_value());
  expect(baseline("parsec", "1").error(), "in \"parsec\" and has to be in \"ms\"");
  expect(baseline("s", "1").error(), "has to be in \"ms\"");
  expect(baseline("ms", "-1").error(), "\"wall\" is -1");
}

TEST(GateFiles, OneUnitOnBothSides) {
  std::vector<GateRun> base(8);
  std::vector<GateRun> head(8);
  for (auto& run : base) run.figures["bench:rate"] = {5, "tokens/s", true, std::nullopt, std::nullopt};
  for (auto& run : head) run.figures["bench:rate"] = {5, "requests/s", true, std::nullopt, std::nullopt};
  const auto selection = SelectMetrics({}, Gather(base), Gather(head));
  ASSERT_FALSE(selection.has_value());
  EXPECT_NE(selection.error().message.find("in \"tokens/s\" in the baseline"), std::string::npos);
}

constexpr const char* kCutShort = R"({"schema": "altlas.profile_summary", "schema_version": 1,
  "avg_kernel_time": 1, "warnings": [{"severity": "info", "text": "fine"},
  {"severity": "error", "text": "the file ends early"}]})";

TEST(GateFiles, ACaptureThatIsNotWholeIsNeverAPass) {
  const auto file = ParseRun(kCutShort);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->run.state.incomplete, "the file ends early");
  const auto one = JudgeDocument("avg_kernel_time", 200, Gather({file->run}));
  EXPECT_EQ(one->outcome, Outcome::kInconclusive);
  EXPECT_NE(one->sentence.find("the file ends early"), std::string::npos);
  const auto several = JudgeLimit({}, "avg_kernel_time", 200, {}, Gather(std::vector(8, file->run)));
  EXPECT_EQ(several->outcome, Outcome::kInconclusive);
  EXPECT_NE(several->sentence.find("the file ends early"), std::string::npos) << several->sentence;
  Baseline baseline;
  baseline.sessions = {Gather({file->run})};
  EXPECT_EQ(ParseBaseline(FormatBaseline(baseline))->sessions[0].runs[0].incomplete, "the file ends early");
}

TEST(GateFiles, EnvironmentsDifferInHardFactsOnly) {
  const Environment base = {
      {"cpu_model", "A"}, {"command", "x"}, {"nvidia driver", "1"}, {"clocks", "1 GHz"}, {"schema", "3"}};
  EXPECT_TRUE(CompareEnvironments(base, {{"cpu_model", "A"}, {"command", "y"}, {"cores", "8"}}).empty());
  EXPECT_EQ(CompareEnvironments(base, {{"cpu_model", "B"}}).at(0).code, "environment-differs");
  EXPECT_EQ(CompareEnvironments(base, {{"nvidia driver", "2"}}).at(0).code, "environment-differs");
  EXPECT_EQ(CompareEnvironments({{"capture_kernel", "5.10"}}, {{"capture_kernel", "6.1"}}).at(0).code,
            "environment-differs");
  EXPECT_EQ(CompareEnvironments(base, {{"clocks", "2 GHz"}}).at(0).code, "clocks-differ");
  EXPECT_EQ(CompareEnvironments(base, {{"schema", "4"}}).at(0).code, "schema-differs");
}

TEST(GateThreshold, IsAShareOrATimeAndNothingElse) {
  EXPECT_DOUBLE_EQ(ParseThreshold("5%")->value, 0.05);
  EXPECT_TRUE(ParseThreshold("0.5%")->is_relative);
  EXPECT_DOUBLE_EQ(ParseThreshold("200ms")->value, 200);
  EXPECT_FALSE(ParseThreshold("200ms")->is_relative);
  EXPECT_DOUBLE_EQ(ParseThreshold("1.5s")->value, 1500);
  EXPECT_DOUBLE_EQ(ParseThreshold("20us")->value, 0.02);
  EXPECT_DOUBLE_EQ(ParseThreshold("100ns")->value, 0.0001);
  for (const char* wrong :
       {"",    "5",        "%",   "ms",   "-5%",    "0%",    "0ms",   "1001%",  "5 %",  " 5%",
        "5%%", "5percent", "5Ms", "nan%", "inf ms", "infms", "1e9ms", "0x10ms", "1,5s", "5%\n"}) {
    const auto refused = ParseThreshold(wrong);
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_NE(refused.error().message.find("such as 5%"), std::string::npos) << refused.error().message;
  }
}

Session KernelTimes(std::vector<double> values) {
  std::vector<GateRun> runs(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) runs[i].figures["avg_kernel_time"].value = values[i];
  return Gather(runs);
}

TEST(GateLimit, TheDocumentsRuleIsOneComparison) {
  EXPECT_EQ(JudgeDocument("avg_kernel_time", 200, KernelTimes({17.7}))->outcome, Outcome::kPass);
  EXPECT_EQ(JudgeDocument("avg_kernel_time", 200, KernelTimes({200}))->outcome,
            Outcome::kPass);  // over, not at
  EXPECT_EQ(JudgeDocument("avg_kernel_time", 200, KernelTimes({200.001}))->outcome, Outcome::kFail);
  EXPECT_FALSE(JudgeDocument("avg_kernel_time", 200, KernelTimes({1, 2})).has_value());
  const auto large = JudgeDocument("avg_kernel_time", 2e6, KernelTimes({17.71471}));
  EXPECT_EQ(large->sentence, "avg_kernel_time: 17.7147 ms is within the limit of 2000000 ms");
  EXPECT_FALSE(JudgeDocument("wall", 200, KernelTimes({1})).has_value());
}

TEST(GateLimit, SeveralRunsSettleOnWhichSideTheMedianLies) {
  const std::vector<double> below = {190, 191, 192, 193, 194, 195, 196, 197};
  const auto judge = [](std::vector<double> values) {
    return JudgeLimit({}, "avg_kernel_time", 200, {}, KernelTimes(std::move(values)));
  };
  EXPECT_EQ(judge(below)->outcome, Outcome::kPass);
  auto above = below;
  for (double& value : above) value += 20;
  EXPECT_EQ(judge(above)->outcome, Outcome::kFail);
  EXPECT_EQ(judge({180, 185, 190, 195, 205, 210, 215, 220})->outcome, Outcome::kInconclusive);
  // A bound on either side is missed with 2.5 % (PASS: six of six below, 1/64) and 1 % (FAIL: seven, 1/128).
  EXPECT_EQ(judge({190, 191, 192, 193, 194})->outcome, Outcome::kInconclusive);
  EXPECT_EQ(judge({190, 191, 192, 193, 194, 195})->outcome, Outcome::kPass);
  EXPECT_EQ(judge({210, 211, 212, 213, 214, 215})->outcome, Outcome::kInconclusive);
  EXPECT_EQ(judge({210, 211, 212, 213, 214, 215, 216})->outcome, Outcome::kFail);
  const auto few = judge({250});
  EXPECT_EQ(few->outcome, Outcome::kInconclusive);
  EXPECT_EQ(few->reasons.at(0).code, "too-few-runs");
}

TEST(GateLimit, KernelsOfTheRunsAreComparedWithNothing) {
  std::vector<GateRun> runs(8);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].figures["avg_kernel_time"].value = 100 + static_cast<double>(i);
    runs[i].figures["kernel:gemm"] = {100, "ms", false, 0.9, 1000.0};
  }
  const auto report = JudgeLimit({}, "avg_kernel_time", 200, {}, Gather(runs));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, Outcome::kPass) << report->sentence;
}

TEST(GateReport, HostileNamesStayInTheirPlaces) {
  GateReport report;
  report.outcome = Outcome::kFail;
  report.sentence = "kernel:<b>|`x`\n\x01\xEF\xBF\xBE & \"y\": worse";
  MetricVerdict verdict;
  verdict.name = report.sentence + std::string(200, 'z');
  verdict.outcome = MetricOutcome::kFailed;
  verdict.why = "]]> </testsuite>";
  verdict.bounds = {};
  report.metrics = {verdict};
  report.reasons = {{"noise-too-large", "a | b", "c", false}};
  const auto json = nlohmann::json::parse(FormatGateJson(report, {"statistics", "b.json", "cmd"}));
  EXPECT_EQ(json["outcome"], "FAIL");
  EXPECT_EQ(json["exit_code"], 1);
  EXPECT_EQ(json["metrics"][0]["name"], verdict.name);
  EXPECT_TRUE(json["metrics"][0]["shift_high_percent"].is_null());
  const auto junit = FormatGateJunit(report, {"statistics", "", ""});
  EXPECT_EQ(junit.find("<b>"), std::string::npos);
  EXPECT_EQ(junit.find('\x01'), std::string::npos);
  EXPECT_EQ(junit.find("\xEF\xBF\xBE"), std::string::npos);
  EXPECT_EQ(junit.find("]]> </testsuite>"), std::string::npos);
  EXPECT_NE(junit.find("failures=\"2\""), std::string::npos) << junit;
  const auto markdown = FormatGateMarkdown(report, {"statistics", "b.json", ""});
  for (std::size_t at = 0, end = 0; at < markdown.size(); at = end + 1) {
    end = markdown.find('\n', at);
    const auto line = markdown.substr(at, end - at);
    if (line.empty() || line[0] != '|') continue;
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i)
      bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
    EXPECT_EQ(bars, 9u) << line;
  }
}

}  // namespace
}  // namespace altlas::profile
