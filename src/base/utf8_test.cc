// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace altlas {
namespace {

TEST(Utf8, AcceptsWhatIsValidAndRefusesTheRest) {
  for (const char* good : {"", "abc", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82", "a\xc3"})
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
  EXPECT_EQ(FirstInvalidUtf8("ab\xff"), 2u);
}

TEST(Utf8, EveryCodePointRoundTrips) {
  for (char32_t c = 0; c <= 0x10ffff; c += 7) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    AppendCodePoint(text, c);
    std::size_t at = 0;
    ASSERT_TRUE(NextCodePoint(text, at) == c);
    ASSERT_EQ(at, text.size());
    ASSERT_TRUE(IsValidUtf8(text));
    for (std::size_t cut = 1; cut < text.size(); ++cut)
      ASSERT_EQ(IncompleteUtf8Tail(text.substr(0, cut)), cut);
    ASSERT_EQ(IncompleteUtf8Tail(text), 0u);
  }
}

TEST(Utf8, ReplacesEachMaximalBadPrefixOnce) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xe2\x82z"), "a\xef\xbf\xbdz");
  EXPECT_EQ(ReplaceInvalidUtf8("\xff\xff"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(IncompleteUtf8Tail("a\xff"), 0u);
}

}  // namespace
}  // namespace altlas
