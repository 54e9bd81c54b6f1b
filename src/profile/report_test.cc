// SPDX-License-Identifier: Apache-2.0
#include "profile/report.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <regex>

#include "base/sha256.h"
#include "profile/report_page.h"

namespace altlas::profile {
namespace {

constexpr std::string_view kHostile = "</script><img src=x onerror=alert(1)>";

std::size_t CountOf(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string Between(const std::string& text, std::string_view from, std::string_view to) {
  const auto start = text.find(from) + from.size();
  return text.substr(start, text.find(to, start) - start);
}

std::string Inflate(const std::string& packed) {
  std::string plain(64'000'000, '\0');
  uLongf size = plain.size();
  EXPECT_EQ(::uncompress(reinterpret_cast<Bytef*>(plain.data()), &size,
                         reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
            Z_OK);
  plain.resize(size);
  return plain;
}

std::string FromBase64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(kDigits.find(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count));
    }
  }
  return out;
}

// The JSON inside a page.
std::string JsonOf(const std::string& page) {
  const auto plain = Inflate(FromBase64(Between(page, "id=\"data\">", "</script>")));
  std::size_t length = 0;
  for (int at = 3; at >= 0; --at)
    length = length << 8 | static_cast<unsigned char>(plain[static_cast<std::size_t>(at)]);
  return plain.substr(4, length);
}

void AddKernel(TimelineBuilder& timeline, Ns start, Ns length, std::string_view name,
               std::uint32_t stream = 7) {
  KernelEvent kernel;
  kernel.start = start;
  kernel.end = start + length;
  kernel.name = name;
  kernel.stream = stream;
  timeline.OnKernel(kernel);
}

TEST(ReportPage, Base64IsThatOfTheRfc) {
  for (const auto& [plain, coded] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                     {"f", "Zg=="},
                                                                                     {"fo", "Zm8="},
                                                                                     {"foo", "Zm9v"},
                                                                                     {"foob", "Zm9vYg=="},
                                                                                     {"fooba", "Zm9vYmE="},
                                                                                     {"foobar", "Zm9vYmFy"}})
    EXPECT_EQ(ToBase64(plain), coded);
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(FromBase64(ToBase64(all)), all);
}

TEST(ReportPage, DataIsPackedAsDocumented) {
  const auto plain = Inflate(PackData("{\"a\":1}", std::string("\0\x01\xFF", 3)));
  EXPECT_EQ(plain, std::string("\x07\0\0\0{\"a\":1}\0\x01\xFF", 14));
}

TEST(ReportPage, OnlyItsOwnScriptAndStyleMayRun) {
  const auto page = ComposePage("title", PackData("{}", ""));
  const auto hash = [](const std::string& text) {
    const auto digest = Sha256(text);
    return "sha256-" + ToBase64({reinterpret_cast<const char*>(digest.data()), digest.size()});
  };
  const auto policy = Between(page, "http-equiv=\"Content-Security-Policy\" content=\"", "\">");
  const auto after_data = page.substr(page.find("id=\"data\">"));
  EXPECT_NE(policy.find("script-src &#39;" + hash(Between(after_data, "<script>", "</script>")) + "&#39;"),
            std::string::npos);
  EXPECT_NE(policy.find("style-src &#39;" + hash(Between(page, "<style>", "</style>")) + "&#39;"),
            std::string::npos);
  EXPECT_EQ(policy.find("default-src &#39;none&#39;"), 0U);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
}

TEST(ReportPage, NothingIsLoadedAndNoHandlerIsInline) {
  const auto page = ComposePage("title", PackData("{}", ""));
  EXPECT_FALSE(std::regex_search(std::string(kReportPage), std::regex("\\son\\w+\\s*=|\\ssrc=|style=\"")));
  for (const auto* word :
       {"fetch(", "XMLHttpRequest", "import(", "innerHTML", "insertAdjacentHTML", "document.write", "eval("})
    EXPECT_EQ(kReportScript.find(word), std::string_view::npos) << word;
  // The one address is the name of SVG's elements.
  EXPECT_EQ(CountOf(page, "http://"), 1U);
  EXPECT_EQ(CountOf(page, "https://"), 0U);
  EXPECT_EQ(kReportStyle.find("url("), std::string_view::npos);
  for (const auto* word : {"</script", "<!--", "<script"})
    EXPECT_EQ(kReportScript.find(word), std::string_view::npos);
}

TEST(Report, HostileNamesStayText) {
  ReportInput input;
  input.title = kHostile;
  input.summary.kernels.emplace_back().full_name = kHostile;
  input.summary.findings.emplace_back().sentence = kHostile;
  input.summary.environment[std::string(kHostile)] = kHostile;
  input.captures.emplace_back().label = kHostile;
  input.notes.emplace_back("\xFF\xC0" + std::string(kHostile) + std::string("\0", 1));
  input.series.emplace_back().name = kHostile;
  TimelineBuilder timeline;
  AddKernel(timeline, 0, 10, kHostile);
  const auto page = MakeReport(input, timeline);
  EXPECT_EQ(CountOf(page, "<img"), 0U);
  EXPECT_EQ(CountOf(page, "<script"), CountOf(ComposePage("", PackData("{}", "")), "<script"));
  EXPECT_EQ(CountOf(page, "</script"), 2U);
  EXPECT_NE(page.find("<title>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;</title>"), std::string::npos);
  EXPECT_EQ(CountOf(JsonOf(page), kHostile), 9U);
}

TEST(Report, AMillionEventsFitIntoFiveMegabytes) {
  TimelineBuilder timeline;
  std::mt19937_64 random(1);
  std::vector<std::string> names;
  for (int at = 0; at < 300; ++at)
    names.push_back("void at::native::kernel" + std::to_string(at) + "<float, " + std::to_string(random()) +
                    ">(int, float*)");
  Ns now = 0;
  for (int at = 0; at < 500'000; ++at) {
    const auto length = static_cast<Ns>(500 + random() % (1ULL << (8 + random() % 12)));
    AddKernel(timeline, now, length, names[random() % names.size()],
              static_cast<std::uint32_t>(random() % 3));
    timeline.OnApi({.start = now - 6000,
                    .end = now - 6000 + static_cast<Ns>(random() % 9000),
                    .name = "cudaLaunchKernel",
                    .thread = random() % 4});
    now += static_cast<Ns>(random() % (1ULL << (4 + random() % 14)));
  }
  ReportInput input;
  input.title = "a million";
  const auto page = MakeReport(input, timeline);
  RecordProperty("bytes", static_cast<int>(page.size()));
  EXPECT_LE(page.size(), 5'000'000U);
  EXPECT_GT(page.size(), 500'000U);  // details are in it
  EXPECT_NE(JsonOf(page).find("\"events\":1000000"), std::string::npos);
}

TEST(Report, WhatWouldBeTooLongIsCutAndSaysSo) {
  ReportInput input;
  input.title = "long";
  std::mt19937_64 random(1);
  for (int at = 0; at < 3'000; ++at) {
    auto& kernel = input.summary.kernels.emplace_back();
    while (kernel.full_name.size() < 5'000) kernel.full_name += std::to_string(random());
  }
  TimelineBuilder timeline;
  for (int at = 0; at < 50'000; ++at)
    AddKernel(timeline, at * 1000, static_cast<Ns>(random() % 999),
              input.summary.kernels[at % 3'000].full_name);
  const auto page = MakeReport(input, timeline, {.page_bytes = 600'000});
  EXPECT_LE(page.size(), 600'000U);
  const auto json = JsonOf(page);
  EXPECT_NE(json.find("\"summary_left_out\":{\"kernels\":"), std::string::npos);
  EXPECT_NE(json.find("\"events\":50000"), std::string::npos);
}

TEST(Report, AMillionRepeatsAreAFewWithTheirEndsAndTheirNumber) {
  ReportInput input;
  std::mt19937_64 random(1);
  auto& metric = input.summary.metrics.emplace_back();
  metric.name = "memory_in_use";
  for (int at = 0; at < 1'000'000; ++at)
    metric.samples.push_back(static_cast<double>(random() % 1'000'000'007));
  metric.samples[700'123] = -3.5;
  metric.samples[800'001] = 7e9;
  TimelineBuilder timeline;
  const auto page = MakeReport(input, timeline);
  EXPECT_LE(page.size(), 300'000U);
  const auto json = JsonOf(page);
  EXPECT_NE(json.find("-3.5,"), std::string::npos);
  EXPECT_NE(json.find("7000000000"), std::string::npos);
  EXPECT_NE(json.find("\"samples:memory_in_use\":9999"), std::string::npos);
}

TEST(Report, AnEmptyCaptureIsAReportToo) {
  TimelineBuilder timeline;
  const auto json = JsonOf(MakeReport({}, timeline));
  EXPECT_NE(json.find("\"lanes\":[]"), std::string::npos);
}

}  // namespace
}  // namespace altlas::profile
