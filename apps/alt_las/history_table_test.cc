// SPDX-License-Identifier: Apache-2.0
#include "history_table.h"

#include <gtest/gtest.h>

namespace altlas::app {
namespace {

HistorySample Sample(std::string at, double seconds, bool anomaly = false) {
  HistorySample sample;
  sample.at = std::move(at);
  sample.device = "gpu_0";
  sample.model = "tiny";
  sample.requests = 2;
  sample.generated_tokens = 100;
  sample.anomaly = anomaly;
  sample.why = anomaly ? "decode/1 is slow" : "";
  sample.measures = {{"decode/1", seconds, 90, 0.0004, 0.00001, 60, anomaly}};
  return sample;
}

TEST(HistoryTable, APageIsReadWithItsCursor) {
  std::vector<HistorySample> samples;
  const auto next = ReadHistoryPage(
      R"({"samples":[{"id":7,"at":"2026-01-02T03:04:05.678Z","device":"gpu_0","model":"tiny","seconds":1,
          "processor_seconds":0.5,"requests":2,"prompt_tokens":3,"generated_tokens":4,"memory_peak":5,"anomaly":true,
          "why":"slow","measures":[{"measure":"decode/1","seconds":0.5,"count":9,"normal":null,"spread":null,
          "samples":0,"anomaly":false}],"detail":{}}],"next_before":7})",
      samples);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  EXPECT_EQ(*next, 7);
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].generated_tokens, 4);
  EXPECT_FALSE(samples[0].measures.at(0).normal.has_value());
  EXPECT_EQ(ReadHistoryPage(R"({"samples":[],"next_before":null})", samples).value(), 0);
}

TEST(HistoryTable, AnswersThatAreNoHistoryAreRefused) {
  std::vector<HistorySample> samples;
  for (const auto* text : {"", "[]", "{}", R"({"samples":7,"next_before":null})",
                           R"({"samples":[{}],"next_before":1})", R"({"samples":[],"next_before":"x"})"}) {
    const auto read = ReadHistoryPage(text, samples);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  }
}

TEST(HistoryTable, AgesHaveUnits) {
  EXPECT_EQ(ParseAge("90").value(), 90);
  EXPECT_EQ(ParseAge("90s").value(), 90);
  EXPECT_EQ(ParseAge("1.5h").value(), 5400);
  EXPECT_EQ(ParseAge("7d").value(), 604'800);
  for (const auto* wrong : {"", "h", "-1h", "0", "1w", "1h30m", "nan", "inf", "1e300d"})
    EXPECT_FALSE(ParseAge(wrong));
}

TEST(HistoryTable, ASparklineGoesFromTheLeastToTheGreatest) {
  EXPECT_EQ(Sparkline({1, 2, 8}, 10), "▁▂█");
  EXPECT_EQ(Sparkline({5, 5, 5}, 10), "▁▁▁");
  EXPECT_EQ(Sparkline({99, 1, 2}, 2), "▁█");
  EXPECT_EQ(Sparkline({}, 10), "");
}

TEST(HistoryTable, TheTrendHasItsAnomaliesMarkedBelowThem) {
  const auto text = FormatHistory({Sample("c", 0.0004), Sample("b", 0.0008, true), Sample("a", 0.0004)}, 2);
  EXPECT_EQ(text,
            "MODEL  DEVICE  MEASURE   SAMPLES  NORMAL    NOW       ANOMALIES  TREND\n"
            "tiny   gpu_0   decode/1  3        400.0 us  400.0 us  1          ▁█▁\n"
            "                                                                  ▲ \n"
            "\n"
            "   AT  MODEL  DEVICE  REQUESTS  TOKENS  MEASURE   TOOK      NORMAL    SPREAD\n"
            "   c   tiny   gpu_0   2         100     decode/1  400.0 us  400.0 us  10.0 us\n"
            "!  b   tiny   gpu_0   2         100     decode/1  800.0 us  400.0 us  10.0 us\n"
            "! b: decode/1 is slow\n");
  EXPECT_EQ(FormatHistory({}, 5), "no samples\n");
}

TEST(HistoryTable, NamesOfOthersDoNothingToTheTerminal) {
  auto sample = Sample("a", 0.0004, true);
  sample.model = "\x1b[2J";
  sample.why = "\x1b]0;x\x07";
  EXPECT_EQ(FormatHistory({sample}, 5).find('\x1b'), std::string::npos);
}

TEST(HistoryTable, CsvIsOldestFirstAndQuoted) {
  auto odd = Sample("b", 0.5);
  odd.model = "a,\"b\"";
  const auto text = FormatHistoryCsv({odd, Sample("a", 0.25)});
  EXPECT_NE(
      text.find("\na,gpu_0,tiny,0,2,0,100,0,decode/1,0.25,90,0.0004,1e-05,60,0\nb,gpu_0,\"a,\"\"b\"\"\",0,"),
      std::string::npos)
      << text;
}

}  // namespace
}  // namespace altlas::app
