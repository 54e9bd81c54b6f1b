// SPDX-License-Identifier: Apache-2.0
#include "profile/summary.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

#include "base/file.h"
#include "profile/summary_fields.h"

namespace altlas::profile {
namespace {

// Fills every field of a summary with a value of its own, so that a field that is not carried over shows.
class Filler {
 public:
  template <typename T>
  void operator()(const char*, T& field) {
    Fill(field);
  }
  int next = 1;

 private:
  void Fill(std::string& field) { field = "text \"" + std::to_string(next++) + "\" ü\n"; }
  void Fill(bool& field) { field = true; }
  void Fill(double& field) { field = next++ + 0.1; }
  template <typename T>
  void Fill(std::optional<T>& field) {
    Fill(field.emplace());
  }
  template <typename T>
  void Fill(std::map<std::string, T>& field) {
    Fill(field["key " + std::to_string(next++)]);
    Fill(field["key " + std::to_string(next++)]);
  }
  template <typename T>
  void Fill(std::vector<T>& field) {
    Fill(field.emplace_back());
    Fill(field.emplace_back());
  }
  template <typename T, std::size_t N>
  void Fill(std::array<T, N>& field) {
    for (auto& item : field) Fill(item);
  }
  template <typename T>
  void Fill(T& field) {
    if constexpr (std::is_integral_v<T>) {
      field = static_cast<T>(next++);
    } else {
      VisitFields(*this, field);
    }
  }
};

TEST(Summary, EveryFieldComesBackAsItWasWritten) {
  Summary summary;
  Filler filler;
  VisitFields(filler, summary);
  ASSERT_GT(filler.next, 200);
  SetDerived(summary, "avg_kernel_time", 0.22439369, "a / b");
  SetMeasured(summary, "kernel_count", 1312, "rows");
  SetAbsent(summary, "sm_efficiency_percent", "needs ncu");
  summary.devices[0].window_start_ns = std::numeric_limits<std::int64_t>::min();
  summary.copies[0].bytes = std::numeric_limits<std::uint64_t>::max();
  const auto text = FormatSummary(summary);
  const auto read = ParseSummary(text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(FindValue(*read, "avg_kernel_time"), 0.22439369);
  EXPECT_EQ(FindFigure(*read, "avg_kernel_time")->text, "a / b");
  EXPECT_EQ(FindFigure(*read, "sm_efficiency_percent")->kind, ProvenanceKind::kAbsent);
  EXPECT_EQ(FindValue(*read, "sm_efficiency_percent"), std::nullopt);
  EXPECT_EQ(read->devices[0].window_start_ns, std::numeric_limits<std::int64_t>::min());
  // The head comes back in the order of its names; everything else to the letter.
  auto again = *read;
  again.head = summary.head;
  EXPECT_EQ(FormatSummary(again), text);
}

TEST(Summary, AnAbsentFigureIsNeitherANumberNorNull) {
  Summary summary;
  SetMeasured(summary, "kernel_time_ms", 3, "x");
  SetAbsent(summary, "kernel_time_ms", "not captured");
  const auto text = FormatSummary(summary);
  EXPECT_EQ(text.find("\"kernel_time_ms\":"), text.find("\"kernel_time_ms\":{\"kind\":\"absent\""));
  EXPECT_EQ(text.find("devices"), std::string::npos) << "an empty list is left out: " << text;
}

TEST(Summary, AForeignOrNewerDocumentIsRefusedWithAReason) {
  EXPECT_EQ(ParseSummary("").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(ParseSummary("{}").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(ParseSummary("[1]").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(ParseSummary(R"({"schema":"altlas.profile_summary"})").error().code, ErrorCode::kCorrupt);
  const auto newer = ParseSummary(R"({"schema":"altlas.profile_summary","schema_version":2})");
  EXPECT_EQ(newer.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(newer.error().message.find("reads 1 to 1"), std::string::npos) << newer.error().message;
}

TEST(Summary, AWrongTypeIsNamedByItsPath) {
  const auto wrong = [](std::string_view field) {
    return ParseSummary(fmt::format(R"({{"schema":"altlas.profile_summary","schema_version":1,{}}})", field))
        .error()
        .message;
  };
  EXPECT_EQ(wrong(R"("kernels":[{},{"count":"7"}])"),
            "kernels[1].count must be a whole number in range, and is string");
  EXPECT_EQ(wrong(R"("kernels":[{"count":-1}])"),
            "kernels[0].count must be a whole number in range, and is number");
  EXPECT_EQ(wrong(R"("devices":[{"index":4294967296}])"),
            "devices[0].index must be a whole number in range, and is number");
  EXPECT_EQ(wrong(R"("kernels":[{"shapes":[{"grid":[1,2]}]}])"),
            "kernels[0].shapes[0].grid must be 3 numbers, and is array");
  EXPECT_EQ(wrong(R"("gaps":7)"), "gaps must be an object, and is number");
  EXPECT_EQ(wrong(R"("provenance":{"x":{"kind":"measured"}})"),
            "x must be a number: its provenance says measured");
}

TEST(Summary, DeepNestingIsRefusedBeforeItIsRead) {
  const auto deep = ParseSummary(std::string(1'000'000, '['));
  EXPECT_EQ(deep.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(deep.error().message.find("16 levels"), std::string::npos);
}

TEST(Summary, NoCutOrChangedByteOfADocumentBreaksTheReader) {
  Summary summary;
  Filler filler;
  VisitFields(filler, summary);
  SetDerived(summary, "avg_kernel_time", 1, "f");
  const auto text = FormatSummary(summary);
  EXPECT_TRUE(rc::check([&] {
    auto broken = text;
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    if (*rc::gen::arbitrary<bool>()) {
      broken.resize(at);
      // The last byte is the line feed.
      if (at + 1 < text.size()) RC_ASSERT(!ParseSummary(broken).has_value());
    } else {
      broken[at] = *rc::gen::arbitrary<char>();
      (void)ParseSummary(broken);
    }
  }));
}

TEST(Summary, AFileKeepsWhatWasWritten) {
  const TemporaryFolder folder;
  const auto path = (folder.path() / "profile_summary.json").string();
  Summary summary;
  SetMeasured(summary, "kernel_count", 5, "rows");
  ASSERT_TRUE(WriteSummary(path, summary).has_value());
  EXPECT_EQ(FindValue(ReadSummary(path).value(), "kernel_count"), 5);
  EXPECT_EQ(ReadSummary(path + "x").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace altlas::profile
