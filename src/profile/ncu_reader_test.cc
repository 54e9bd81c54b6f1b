// SPDX-License-Identifier: Apache-2.0
#include "profile/ncu_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "profile/capture_recorder.h"
#include "profile/csv_lines.h"
#include "profile/detail_units.h"

namespace altlas::profile {
namespace {

const std::string kDetailsHeader =
    R"("ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC",)"
    R"("Section Name","Metric Name","Metric Unit","Metric Value","Rule Name","Rule Type","Rule Description",)"
    R"("Estimated Speedup Type","Estimated Speedup")"
    "\n";

std::string Row(int id, const std::string& rest) {
  return fmt::format(
      R"x("{}","77","python3","host","void k<int, 4>(float *, ""x"")","1","7","(256, 2, 1)","(4096, 1, 3)","1","8.6",{})x"
      "\n",
      id, rest);
}

TEST(NcuReader, DetailsPageBecomesOneValueALaunchWithBaseUnitsAndRules) {
  const std::string text =
      "==PROF== Connected to process 77 (/usr/bin/python3)\nloading... \"42\" done\n==PROF== Profiling: "
      "0%\n" +
      kDetailsHeader + Row(0, R"("GPU Speed Of Light Throughput","Duration","usecond","1,208.5",)") +
      Row(0, R"("GPU Speed Of Light Throughput","Memory Throughput","%","53.13",)") +
      "the program prints here too\n" +
      Row(0, R"("Memory Workload Analysis","Memory Throughput","Gbyte/second","1.5",)") +
      Row(0, R"("Launch Statistics","Function Cache Configuration","","CachePreferNone",)") +
      Row(0, R"("SpeedOfLight","","","","SOLBottleneck","OPT","low, see ""other""
line two","global","12.5")") +
      Row(1, R"("GPU Speed Of Light Throughput","Duration","ms","2",)") + "==WARNING== something odd\n";
  CaptureRecorder seen;
  const auto info = ReadNcuCsvText(text, seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  ASSERT_EQ(seen.details.size(), 2U);
  const auto& k = seen.details[0];
  EXPECT_EQ(k.name, "void k<int, 4>(float *, \"x\")");
  EXPECT_EQ(k.process, 77U);
  EXPECT_EQ(k.stream, 7U);
  EXPECT_EQ(k.device, 1);
  EXPECT_EQ(k.block, (std::array<std::uint32_t, 3>{256, 2, 1}));
  EXPECT_EQ(k.grid, (std::array<std::uint32_t, 3>{4096, 1, 3}));
  EXPECT_DOUBLE_EQ(k.compute_capability.value_or(0), 8.6);
  EXPECT_DOUBLE_EQ(k.Find("Duration")->value.value_or(0), 1'208'500);
  EXPECT_EQ(k.Find("Duration")->unit, "ns");
  EXPECT_DOUBLE_EQ(k.Find("Memory Throughput", "%")->value.value_or(0), 53.13);
  EXPECT_DOUBLE_EQ(k.Find("Memory Throughput", "B/s")->value.value_or(0), 1.5e9);
  EXPECT_FALSE(k.Find("Function Cache Configuration")->value.has_value());
  EXPECT_EQ(k.Find("Function Cache Configuration")->text, "CachePreferNone");
  EXPECT_EQ(k.Find("nothing"), nullptr);
  ASSERT_EQ(k.rules.size(), 1U);
  EXPECT_EQ(k.rules[0].section, "SpeedOfLight");
  EXPECT_EQ(k.rules[0].text, "low, see \"other\" line two");
  EXPECT_DOUBLE_EQ(k.rules[0].speedup_percent.value_or(0), 12.5);
  EXPECT_DOUBLE_EQ(seen.details[1].Find("Duration")->value.value_or(0), 2'000'000);
  EXPECT_EQ(info->bad_records, 0U);
  EXPECT_TRUE(info->present.details);
  ASSERT_EQ(info->notes.size(), 1U);
  EXPECT_EQ(info->notes[0].text, "something odd");
}

TEST(NcuReader, RawPageTakesUnitsFromItsSecondLineAndPassesNvtxColumnsOver) {
  const std::string text =
      "\"ID\",\"Process ID\",\"Process Name\",\"Host Name\",\"Kernel Name\",\"Context\",\"Stream\",\"Block "
      "Size\",\"Grid Size\","
      "\"Device\",\"CC\",\"Id:Domain:Start/Stop_Range:PL_Type:PL_Value:CLR_Type:Color:Msg_Type:Msg\","
      "\"gpu__time_duration.sum\",\"dram__bytes.sum\",\"sm__throughput.avg.pct_of_peak_sustained_elapsed\"\n"
      "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"block\",\"grid\",\"\",\"\",\"\",\"us\",\"Mbyte\",\"%\"\r\n"
      "\"0\",\"1\",\"p\",\"h\",\"k\",\"1\",\"7\",\"(32, 1, 1)\",\"(1, 1, 1)\",\"0\",\"9.0\",\"<default "
      "domain>\",\"10.5\",\"2\",\"n/a\"\r\n"
      "\"1\",\"1\",\"p\",\"h\",\"k\",\"1\",\"7\",\"(32, 1, 1)\",\"(1, 1, "
      "1)\",\"0\",\"9.0\",\"\",\"11\",\"4\"\r\n";
  CaptureRecorder seen;
  const auto info = ReadNcuCsvText(text, seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  ASSERT_EQ(seen.details.size(), 2U);
  EXPECT_EQ(seen.details[0].metrics.size(), 3U);
  EXPECT_DOUBLE_EQ(seen.details[0].Find("gpu__time_duration.sum")->value.value_or(0), 10'500);
  EXPECT_DOUBLE_EQ(seen.details[0].Find("dram__bytes.sum")->value.value_or(0), 2e6);
  EXPECT_FALSE(seen.details[0].Find("sm__throughput.avg.pct_of_peak_sustained_elapsed")->value.has_value());
  EXPECT_EQ(seen.details[1].metrics.size(), 2U);  // a short row
  EXPECT_EQ(info->bad_records, 0U);
}

TEST(NcuReader, RunsWithChosenMetricsLackTheRuleColumns) {
  CaptureRecorder seen;
  const auto info = ReadNcuCsvText(
      "ID,Process ID,Kernel Name,Kernel Time,Context,Stream,Section Name,Metric Name,Metric Unit,Metric "
      "Value\n"
      "3,1,\"k(int, int)\",\"2020-Jan-01\",1,7,Command line profiler "
      "metrics,smsp__inst_executed.sum,inst,\"65,536\"\n",
      seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  ASSERT_EQ(seen.details.size(), 1U);
  EXPECT_EQ(seen.details[0].id, 3U);
  EXPECT_EQ(seen.details[0].grid[0], 0U);
  EXPECT_DOUBLE_EQ(seen.details[0].Find("smsp__inst_executed.sum")->value.value_or(0), 65536);
}

TEST(NcuReader, OldAndNewSpellingsOfUnitsMeanTheSame) {
  const auto is = [](std::string_view printed, std::string_view unit, double factor) {
    const auto base = ToBaseUnit(printed);
    EXPECT_EQ(base.unit, unit) << printed;
    EXPECT_DOUBLE_EQ(base.factor, factor) << printed;
  };
  is("usecond", "ns", 1e3);
  is("us", "ns", 1e3);
  is("second", "ns", 1e9);
  is("cycle/second", "Hz", 1);
  is("cycle/nsecond", "Hz", 1e9);
  is("cycle/usecond", "Hz", 1e6);
  is("Ghz", "Hz", 1e9);
  is("hz", "Hz", 1);
  is("Gbyte/second", "B/s", 1e9);
  is("GB/s", "B/s", 1e9);
  is("byte/second", "B/s", 1);
  is("Kbyte/block", "B/block", 1e3);
  is("KiB", "B", 1024);
  is("register/thread", "register/thread", 1);
  is("inst/cycle", "inst/cycle", 1);
  is("%", "%", 1);
  is("", "", 1);
  is("furlong", "furlong", 1);
}

TEST(NcuReader, NumbersAreReadWithThousandsAndNothingElseIsANumber) {
  EXPECT_DOUBLE_EQ(ParseDetailNumber("1,208,777,429.47").value_or(0), 1208777429.47);
  EXPECT_DOUBLE_EQ(ParseDetailNumber("-0.5").value_or(0), -0.5);
  EXPECT_DOUBLE_EQ(ParseDetailNumber(" 7 ").value_or(0), 7);
  for (const auto* text :
       {"", "n/a", "nan", "inf", "12,34", "1,2345", ",123", "1.5,000", "0x10", "7 seven"}) {
    EXPECT_FALSE(ParseDetailNumber(text).has_value()) << text;
  }
  EXPECT_TRUE(HasDecimalComma("53,13"));
  EXPECT_TRUE(HasDecimalComma("1.208,5"));
  EXPECT_FALSE(HasDecimalComma("1,208"));
  EXPECT_FALSE(HasDecimalComma("a, b"));
}

TEST(NcuReader, WhatCannotBeReadIsSaidNeverGuessed) {
  CaptureRecorder seen;
  const auto code = [&](const std::string& text) {
    const auto read = ReadNcuCsvText(text, seen);
    return read.has_value() ? std::string("none") : std::string(ErrorCodeName(read.error().code));
  };
  EXPECT_EQ(code(""), "invalid_argument");
  EXPECT_EQ(code("a,b\n1,2\n"), "invalid_argument");
  const auto failed = ReadNcuCsvText("==ERROR== ERR_NVGPUCTRPERM - no permission\n", seen);
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().message.find("ERR_NVGPUCTRPERM"), std::string::npos);
  EXPECT_EQ(code(kDetailsHeader + Row(0, R"("S","Duration","us","53,13",)")), "unsupported");
  EXPECT_EQ(code("\"Process ID\",\"Kernel Name\",\"Invocations\",\"Metric Name\",\"Minimum\",\"Maximum\"\n"),
            "unsupported");
  EXPECT_EQ(code(kDetailsHeader + "\"0\",\"" + std::string(kNcuMaxLineBytes, 'x')), "too_large");
  EXPECT_TRUE(seen.details.empty());
}

TEST(NcuReader, TornRowsAreCounted) {
  CaptureRecorder seen;
  const auto info = ReadNcuCsvText(
      kDetailsHeader + Row(0, R"("S","Duration","us","5",)") +
          "\"99999999999999999999999\",\"1\"\n\"2\",\"x\"\n\"3\",\"1\",\"p\",\"h\",\"never closed",
      seen);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(seen.details.size(), 1U);
  EXPECT_EQ(info->bad_records, 3U);
}

TEST(NcuReader, LinesComeOutWholeHoweverTheyAreRead) {
  const std::string text = "one\r\ntwo\n\nthree";
  for (std::size_t step = 1; step <= text.size() + 1; ++step) {
    std::size_t at = 0;
    LineReader lines(
        [&](std::span<char> into) -> Result<std::size_t> {
          const std::size_t n = std::min({step, into.size(), text.size() - at});
          std::copy_n(text.data() + at, n, into.data());
          at += n;
          return n;
        },
        100);
    std::vector<std::string> got;
    std::string line;
    while (*lines.Next(line)) got.push_back(line);
    EXPECT_EQ(got, (std::vector<std::string>{"one", "two", "", "three"})) << step;
  }
}

TEST(NcuReader, TheSampleOfAVectorAddHasItsFigures) {
  const char* samples = std::getenv("ALTLAS_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "ALTLAS_SAMPLES names no folder of captures";
  CaptureRecorder seen;
  const auto info = ReadNcuCsv(std::filesystem::path(samples) / "ncu_details_vector_add.csv", seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  ASSERT_EQ(seen.details.size(), 1U);
  const auto& k = seen.details[0];
  EXPECT_EQ(k.name, "vector_add(const float *, const float *, float *, int)");
  EXPECT_DOUBLE_EQ(k.Find("Compute (SM) Throughput")->value.value_or(0), 11.68);
  EXPECT_DOUBLE_EQ(k.Find("Memory Throughput")->value.value_or(0), 53.13);
  EXPECT_DOUBLE_EQ(k.Find("Achieved Occupancy")->value.value_or(0), 74.48);
  EXPECT_DOUBLE_EQ(k.Find("DRAM Frequency", "Hz")->value.value_or(0), 1208777429.47);
  EXPECT_DOUBLE_EQ(k.Find("Duration", "ns")->value.value_or(0), 10208);
  EXPECT_EQ(k.rules.size(), 3U);
  EXPECT_EQ(info->bad_records, 0U);
}

TEST(NcuReader, ValuesThatAreNoNumberAreCountedAndSaid) {
  const std::string head =
      "\"ID\",\"Kernel Name\",\"Section Name\",\"Metric Name\",\"Metric Unit\",\"Metric Value\"\n";
  for (const std::string value : {"nan", "-inf", "10'208", "10,208e400"}) {
    CaptureRecorder seen;
    const auto info =
        ReadNcuCsvText(head + "\"0\",\"k\",\"S\",\"Duration\",\"ns\",\"" + value + "\"\n", seen);
    ASSERT_TRUE(info.has_value()) << value;
    EXPECT_EQ(info->bad_records, 1U) << value;
    ASSERT_EQ(info->notes.size(), 1U) << value;
    EXPECT_EQ(info->notes[0].severity, CaptureNote::Severity::kWarning);
  }
  for (const std::string value : {"12.4.1", "sm_90", "(1, 2)", "2024-11-22"}) {
    CaptureRecorder seen;
    const auto info = ReadNcuCsvText(head + "\"0\",\"k\",\"S\",\"Version\",\"\",\"" + value + "\"\n", seen);
    ASSERT_TRUE(info.has_value()) << value;
    EXPECT_EQ(info->bad_records, 0U) << value;
  }
}

TEST(NcuReader, FieldsBetweenSemicolonsAreCalledWhatTheyAre) {
  CaptureRecorder seen;
  const auto info = ReadNcuCsvText("\"ID\";\"Kernel Name\";\"Metric Name\"\n\"0\";\"k\";\"x\"\n", seen);
  ASSERT_FALSE(info.has_value());
  EXPECT_NE(info.error().message.find("semicolons"), std::string::npos);
}

TEST(NcuReader, AFieldOfManyLinesIsSplitOnce) {
  // Splitting the record again for each of its lines took hours.
  CaptureRecorder seen;
  const std::string text = "\"ID\",\"Kernel Name\",\"Metric Name\",\"Metric Value\"\n\"0\",\"k" +
                           std::string(1'000'000, '\n') + "\",\"Duration\",\"7\"\n";
  ASSERT_TRUE(ReadNcuCsvText(text, seen).has_value());
  ASSERT_EQ(seen.details.size(), 1U);
  EXPECT_EQ(seen.details[0].Find("Duration")->value.value_or(0), 7);
}

}  // namespace
}  // namespace altlas::profile
