// SPDX-License-Identifier: Apache-2.0
#include "bench_table.h"

#include <gtest/gtest.h>

namespace altlas::app {
namespace {

profile::SummaryMetric Metric(std::string name, std::string unit, double value,
                              std::vector<double> samples = {}) {
  profile::SummaryMetric metric;
  metric.name = std::move(name);
  metric.unit = std::move(unit);
  metric.value = value;
  metric.samples = std::move(samples);
  return metric;
}

TEST(BenchTable, ValuesStandInTheirUnits) {
  EXPECT_EQ(FormatMetric(12.345, "ms"), "12.3 ms");
  EXPECT_EQ(FormatMetric(0.01234, "ms"), "0.0123 ms");
  EXPECT_EQ(FormatMetric(1234.5, "ms"), "1234 ms");
  EXPECT_EQ(FormatMetric(5.0 * (1 << 20), "B"), "5.0 MiB");
  EXPECT_EQ(FormatMetric(41.2e9, "B/s"), "41.2 GB/s");
  EXPECT_EQ(FormatMetric(180e9, "flop/s"), "180.0 Gflop/s");
  EXPECT_EQ(FormatMetric(7, "1/s"), "7.00 /s");
  EXPECT_EQ(FormatMetric(110e6, "1"), "110000000");
  EXPECT_EQ(FormatMetric(-12, "B/iteration"), "-12.0 B/iteration");
  EXPECT_EQ(FormatMetric(0, "%"), "0 %");
}

TEST(BenchTable, LoadingStandsByPhaseAndCache) {
  profile::Summary summary;
  summary.scenario = profile::SummaryScenario{"load", {{"model", "m"}}};
  summary.metrics = {Metric("cold_read", "ms", 20, {20, 22, 18}), Metric("cold_read_rate", "B/s", 1e9),
                     Metric("warm_read", "ms", 2), Metric("warm_convert", "ms", 5),
                     Metric("file_bytes", "B", 1024)};
  const auto text = FormatBench(summary);
  EXPECT_NE(text.find("load: model=m"), std::string::npos) << text;
  EXPECT_NE(text.find("read     20.0 ms ± 2.00 ms, n = 3  1.0 GB/s  2.00 ms  -"), std::string::npos) << text;
  EXPECT_NE(text.find("convert  -"), std::string::npos) << text;
  EXPECT_EQ(text.find("upload"), std::string::npos) << "a phase that nobody measured";
  EXPECT_EQ(text.find("cold_read"), std::string::npos) << "told once: " << text;
  EXPECT_NE(text.find("file_bytes  1.0 KiB"), std::string::npos) << text;
}

TEST(BenchTable, FindingsAreSentencesAndNothingActsOnTheTerminal) {
  profile::Summary summary;
  summary.scenario = profile::SummaryScenario{"memory", {{"model", "\x1b[2J"}}};
  summary.metrics = {Metric("memory_in_use", "B", 1, {1, 2})};
  profile::SummaryFinding finding;
  finding.severity = "warning";
  finding.sentence = "It grows.";
  finding.mend = "Look.";
  summary.findings.push_back(finding);
  summary.warnings.push_back({"warning", "odd", 0});
  const auto text = FormatBench(summary);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("WARNING: It grows.\n  Look.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("warning: odd\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("n = 2"), std::string::npos) << "a series over time is no spread";
  EXPECT_FALSE(FormatBench({}).empty());
}

}  // namespace
}  // namespace altlas::app
