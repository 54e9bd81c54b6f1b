// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace altlas {
namespace {

TEST(JsonWriter, NestsAndPutsCommasByItself) {
  JsonWriter w;
  w.BeginObject()
      .Key("a")
      .Int(-1)
      .Key("b")
      .BeginArray()
      .Bool(true)
      .Null()
      .BeginObject()
      .EndObject()
      .EndArray();
  w.Key("c").Double(0.1).Key("d").Raw("[1]").EndObject();
  EXPECT_EQ(w.text(), R"({"a":-1,"b":[true,null,{}],"c":0.1,"d":[1]})");
}

TEST(JsonWriter, EscapesWhatMustBeEscaped) {
  std::string out;
  AppendJsonString(out, std::string_view("q\" b\\ n\n t\t \x01 \xc3\xbc \0 \x7f", 20));
  EXPECT_EQ(out, "\"q\\\" b\\\\ n\\n t\\t \\u0001 \xc3\xbc \\u0000 \\u007f\"");
}

// Eight bytes at a time are looked at: each special one at each place of a text, beside plain ones.
TEST(JsonWriter, EscapesAtEveryPlace) {
  for (const std::string_view special :
       {"\"", "\\", "\x1f", "\x01", "\n", "\xc3\xbc", "\x7f", " ", "~", "!"}) {
    std::string escaped;
    AppendJsonString(escaped, special);
    escaped = escaped.substr(1, escaped.size() - 2);
    for (std::size_t before = 0; before < 20; ++before) {
      for (std::size_t after = 0; after < 20; ++after) {
        std::string out;
        AppendJsonString(out, std::string(before, 'a') + std::string(special) + std::string(after, 'z'));
        EXPECT_EQ(out, "\"" + std::string(before, 'a') + escaped + std::string(after, 'z') + "\"");
      }
    }
  }
}

TEST(JsonWriter, InvalidUtf8BecomesTheReplacementCharacter) {
  std::string out;
  AppendJsonString(out, "a\xff");
  EXPECT_EQ(out, "\"a\xef\xbf\xbd\"");
  out.clear();
  AppendJsonString(out, "0123456789\xff\"0123456789");
  EXPECT_EQ(out, "\"0123456789\xef\xbf\xbd\\\"0123456789\"");
}

TEST(JsonWriter, NumbersThatJsonLacksBecomeNull) {
  JsonWriter w;
  w.BeginArray().Double(std::nan("")).Double(INFINITY).Double(1e300).EndArray();
  EXPECT_EQ(w.text(), "[null,null,1e+300]");
}

}  // namespace
}  // namespace altlas
