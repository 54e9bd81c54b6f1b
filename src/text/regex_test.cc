// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#include <gtest/gtest.h>

namespace altlas::text {
namespace {

// The matches of `text`, joined by "|".
std::string Matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::Compile(pattern);
  if (!regex) return "refused: " + regex.error().message;
  const auto segments = regex->FindAll(text);
  if (!segments) return "gave up";
  std::string out;
  for (const auto& segment : *segments) {
    if (!segment.match) continue;
    if (!out.empty()) out += '|';
    out += text.substr(segment.begin, segment.end - segment.begin);
  }
  return out;
}
bool Refused(std::string_view pattern) { return !Regex::Compile(pattern).has_value(); }

TEST(Regex, CutsTextAsTheFamiliesDo) {
  EXPECT_EQ(Matches(R"('s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", "It's 12  ok!"),
            "It|'s| 12| | ok|!");
  EXPECT_EQ(Matches(R"((?i:'s|'LL)|\p{N}{1,3})", "'S 12345 'll"), "'S|123|45|'ll");
}

TEST(Regex, WhiteSpaceIsUnicodesAndNothingElse) {
  EXPECT_EQ(Matches(R"(\s)", "\u180e"), "");
  EXPECT_EQ(Matches(R"(\S)", "\u180e"), "\u180e");
  EXPECT_EQ(Matches(R"([\s]+)", "a\u00a0\u2003\u0085b"), "\u00a0\u2003\u0085");
}

TEST(Regex, LateLettersAreLetters) {
  EXPECT_EQ(Matches(R"(\p{L}+)", "\u1c8a\U000105c0\U00031350"), "\u1c8a\U000105c0\U00031350");
  EXPECT_EQ(Matches(R"([^\p{L}]+)", "\u1c8a!"), "!");
  EXPECT_EQ(Matches(R"([\P{L}]+)", "\u1c8a!"), "!");
  EXPECT_EQ(Matches(R"(\p{Cn})", "\u1c8a"), "");
}

TEST(Regex, SetsNestAndIntersect) {
  EXPECT_EQ(Matches(R"([[a-f]&&[^c]]+)", "abcdefg"), "ab|def");
  EXPECT_EQ(Matches(R"([^[a-f]&&[^c]]+)", "abcdefg"), "c|g");
  EXPECT_EQ(Matches(R"([a[0-9]x]+)", "ab12x"), "a|12x");
  EXPECT_EQ(Matches(R"([\p{L}&&[^\p{Han}]]+)", "ab日c"), "ab|c");
  EXPECT_EQ(Matches(R"([]a]+)", "x]a"), "]a");
  EXPECT_EQ(Matches(R"([a\-z-]+)", "a-zb"), "a-z");
}

TEST(Regex, EscapesMeanWhatTheyMeanInOniguruma) {
  EXPECT_EQ(Matches(R"(\h+)", "xyz12fg"), "12f");
  EXPECT_EQ(Matches(R"(\v)", "a\vb\n"), "\v");
  EXPECT_EQ(Matches(R"(\u00e9|\x41|\x{1F600})", "éA😀"), "é|A|😀");
  EXPECT_EQ(Matches(R"(a{,2}b)", "aaab"), "aab");
  EXPECT_EQ(Matches(R"(x{)", "x{"), "x{");
  EXPECT_EQ(Matches(R"(^.|.$)", "ab\ncd"), "a|b|c|d");
}

TEST(Regex, AnEmptyMatchRightAfterAMatchDoesNotCount) {
  const auto regex = Regex::Compile("x*");
  ASSERT_TRUE(regex.has_value());
  const auto segments = regex->FindAll("axx");
  ASSERT_TRUE(segments.has_value());
  ASSERT_EQ(segments->size(), 3u);
  EXPECT_TRUE((*segments)[0].match);  // empty, before the a
  EXPECT_FALSE((*segments)[1].match);
  EXPECT_EQ((*segments)[2].end, 3u);
}

TEST(Regex, WhatTheEnginesReadDifferentlyIsRefusedByName) {
  for (const char* pattern : {R"((?<n>a)\k<n>)", R"((a)\1)", "(?m:a)", "(?x) a", "a(?i)b", "[[:alpha:]]",
                              "a{2}?", "a{1,2}+", R"(\R)", R"(\X)", R"(\xff)", "(*ACCEPT)", "(?#c)",
                              R"(\p{Nonsense})", R"(\p{L)", R"([z-a])", R"(a\)", "(", "[a&&]"}) {
    EXPECT_TRUE(Refused(pattern)) << pattern;
  }
  const auto refused = Regex::Compile(R"(a\Kb)");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("\\K"), std::string::npos);
}

TEST(Regex, AMegabyteOfSpacesIsOneWalk) {
  const auto regex = Regex::Compile(
      R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  ASSERT_TRUE(regex.has_value());
  const auto segments = regex->FindAll(std::string(1 << 20, ' ') + "x");
  ASSERT_TRUE(segments.has_value());
  EXPECT_EQ(segments->size(), 2u);
}

}  // namespace
}  // namespace altlas::text
