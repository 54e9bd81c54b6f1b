// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <stdexcept>
#include <string>

namespace altlas::text {
namespace {

Segments Found(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::Compile(pattern);
  if (!regex) throw std::runtime_error("refused: " + regex.error().message);
  return regex->FindAll(text).value();
}

struct Example {
  std::string_view pattern, text, matches;  // joined by "|"
};
void Check(std::initializer_list<Example> examples) {
  for (const auto& [pattern, text, matches] : examples) {
    std::string found;
    for (const auto& segment : Found(pattern, text)) {
      if (!segment.match) continue;
      if (!found.empty()) found += '|';
      found += text.substr(segment.begin, segment.end - segment.begin);
    }
    EXPECT_EQ(found, matches) << pattern;
  }
}
bool Refused(std::string_view pattern) { return !Regex::Compile(pattern).has_value(); }

TEST(Regex, CutsTextAsTheFamiliesDo) {
  Check({
      {R"('s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", "It's 12  ok!", "It|'s| 12| | ok|!"},
      {R"((?i:'s|'LL)|\p{N}{1,3})", "'S 12345 'll", "'S|123|45|'ll"},
  });
}

TEST(Regex, WhiteSpaceIsUnicodesAndNothingElse) {
  Check({
      {R"(\s)", "\u180e", ""},
      {R"(\S)", "\u180e", "\u180e"},
      {R"([\s]+)", "a\u00a0\u2003\u0085b", "\u00a0\u2003\u0085"},
  });
}

TEST(Regex, LateLettersAreLetters) {
  Check({
      {R"(\p{L}+)", "\u1c8a\U000105c0\U00031350", "\u1c8a\U000105c0\U00031350"},
      {R"([^\p{L}]+)", "\u1c8a!", "!"},
      {R"([\P{L}]+)", "\u1c8a!", "!"},
      {R"(\p{Cn})", "\u1c8a", ""},
  });
}

TEST(Regex, SetsNestAndIntersect) {
  Check({
      {R"([[a-f]&&[^c]]+)", "abcdefg", "ab|def"},
      {R"([^[a-f]&&[^c]]+)", "abcdefg", "c|g"},
      {R"([a[0-9]x]+)", "ab12x", "a|12x"},
      {R"([\p{L}&&[^\p{Han}]]+)", "ab日c", "ab|c"},
      {R"([]a]+)", "x]a", "]a"},
      {R"([a\-z-]+)", "a-zb", "a-z"},
  });
}

TEST(Regex, EscapesMeanWhatTheyMeanInOniguruma) {
  Check({
      {R"(\h+)", "xyz12fg", "12f"},
      {R"(\v)", "a\vb\n", "\v"},
      {R"(\u00e9|\x41|\x{1F600})", "éA😀", "é|A|😀"},
      {R"(a{,2}b)", "aaab", "aab"},
      {R"(x{)", "x{", "x{"},
      {R"(^.|.$)", "ab\ncd", "a|b|c|d"},
  });
}

TEST(Regex, AnEmptyMatchRightAfterAMatchDoesNotCount) {
  const auto segments = Found("x*", "axx");
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_TRUE(segments[0].match);  // empty, before the a
  EXPECT_FALSE(segments[1].match);
  EXPECT_EQ(segments[2].end, 3u);
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
  const auto segments =
      Found(R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            std::string(1 << 20, ' ') + "x");
  EXPECT_EQ(segments.size(), 2u);
}

}  // namespace
}  // namespace altlas::text
