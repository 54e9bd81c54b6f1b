// SPDX-License-Identifier: Apache-2.0
#include "gateway/json_reader.h"

#include <gtest/gtest.h>

namespace altlas::gateway {
namespace {

Status ParseOnly(std::string_view text, int nesting = 32) {
  auto document = JsonDocument::Parse(text, {nesting});
  if (!document.has_value()) return std::move(document).error();
  return {};
}

TEST(JsonReader, RefusesWhatIsNotStrictJson) {
  for (const char* bad : {"", " ", "{", "{\"a\":}", "{'a':1}", "{\"a\":1,}", "{\"a\":NaN}", "{\"a\":01}",
                          "{\"a\":1e999}", "{\"a\":99999999999999999999}", "{\"a\":\"\x01\"}",
                          "{\"a\":\"\xff\"}", "{\"a\":1}x", "{\"a\":1}{}", "\xef\xbb\xbf{}x"})
    EXPECT_FALSE(ParseOnly(bad).has_value()) << bad;
  EXPECT_TRUE(ParseOnly("{\"a\":[1,2.5,null,true,\"\\u00fc\"]}").has_value());
}

TEST(JsonReader, RefusesDuplicateKeysAtEveryDepthByPath) {
  EXPECT_EQ(ParseOnly(R"({"a":1,"b":2,"a":3})").error().field, "a");
  EXPECT_EQ(ParseOnly(R"({"x":{"list":[{"k":1,"k":1}]}})").error().field, "x.list[0].k");
  // The same key, spelled with an escape.
  EXPECT_FALSE(ParseOnly(R"({"a":1,"\u0061":2})").has_value());
}

TEST(JsonReader, PathsOfDuplicatesLeadThroughListsOfLists) {
  EXPECT_EQ(ParseOnly(R"([[0,[{"a":[1,{"k":1,"l":2,"k":1}]}]]])").error().field, "[0][1][0].a[1].k");
  const std::string long_key(100'000, 'k');
  const auto refused = ParseOnly("{\"" + long_key + "\":1,\"" + long_key + "\":2}");
  EXPECT_LT(refused.error().message.size(), 500u) << "the answer repeats what the client sent";
}

std::string Repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(JsonReader, ValuesAreCountedOverAllLevelsAndOutsideOfStrings) {
  const auto parse = [](std::string_view text) -> std::optional<ErrorCode> {
    const auto document = JsonDocument::Parse(text, {.nesting = 8, .values = 100});
    if (document.has_value()) return std::nullopt;
    return document.error().code;
  };
  EXPECT_EQ(parse("[0" + Repeat(",0", 98) + "]"), std::nullopt);
  EXPECT_EQ(parse("[0" + Repeat(",0", 99) + "]"), ErrorCode::kTooLarge);
  EXPECT_EQ(parse("[[]" + Repeat(",[0]", 60) + "]"), ErrorCode::kTooLarge);
  EXPECT_EQ(parse(R"({"a":{"b":[0)" + Repeat(",{}", 98) + "]}}"), ErrorCode::kTooLarge);
  // What stands in strings does not count, however it is escaped.
  EXPECT_EQ(parse("[\"" + Repeat(",[{", 1000) + "\"]"), std::nullopt);
  EXPECT_EQ(parse("[\"" + Repeat("1234567\\\",", 1000) + "\"]"), std::nullopt);
  EXPECT_EQ(parse("[\"" + Repeat("\\\\", 1000) + "\"" + Repeat(",0", 99) + "]"), ErrorCode::kTooLarge);
  // Neither JSON nor few values.
  EXPECT_EQ(parse(Repeat("\"\"", 1000)), ErrorCode::kTooLarge);
  EXPECT_EQ(parse("\"" + Repeat("x", 1000)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(parse("\"" + Repeat("x", 1000) + "\\"), ErrorCode::kInvalidArgument);
}

// Every position of a quote and a backslash relative to the words of eight bytes.
TEST(JsonReader, StringsEndWhereTheyEndAtEveryOffset) {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t escapes = 0; escapes < 10; ++escapes) {
      const std::string text =
          "[\"" + Repeat("x", before) + Repeat("\\\"", escapes) + "\"" + Repeat(",0", 98) + "]";
      const auto wide = JsonDocument::Parse(text, {.nesting = 8, .values = 100});
      EXPECT_TRUE(wide.has_value()) << text;
      const auto narrow = JsonDocument::Parse(text, {.nesting = 8, .values = 99});
      EXPECT_FALSE(narrow.has_value()) << text;
    }
  }
}

TEST(JsonReader, NestingIsCapped) {
  const auto nested = [](int depth) { return std::string(depth, '[') + '1' + std::string(depth, ']'); };
  EXPECT_TRUE(ParseOnly(nested(8), 8).has_value());
  EXPECT_FALSE(ParseOnly(nested(9), 8).has_value());
  EXPECT_FALSE(ParseOnly(nested(100000), 32).has_value());
}

struct Fields {
  std::optional<std::string> text;
  std::optional<std::int64_t> count;
  std::optional<double> ratio;
  std::optional<bool> flag;
  Result<std::vector<std::string>> finish = std::vector<std::string>();
};

Fields Read(std::string_view json) {
  auto document = JsonDocument::Parse(json, {});
  auto body = ObjectReader::Root(*document);
  Fields f;
  if (const auto text = body->String("text")) f.text = std::string(*text);
  f.count = body->Int("count", 1, 10);
  if (auto inner = body->Object("inner")) f.ratio = inner->Number("ratio", 0, 1);
  f.flag = body->Bool("flag");
  f.finish = body->Finish();
  return f;
}

TEST(JsonReader, GivesTypedFieldsAndNullMeansAbsent) {
  const auto f = Read(R"({"text":"x","count":3,"inner":{"ratio":1},"flag":null})");
  EXPECT_EQ(f.text, "x");
  EXPECT_EQ(f.count, 3);
  EXPECT_EQ(f.ratio, 1.0);
  EXPECT_EQ(f.flag, std::nullopt);
  ASSERT_TRUE(f.finish.has_value());
  EXPECT_TRUE(f.finish->empty());
}

TEST(JsonReader, NothingIsCoercedAndTheFieldIsNamed) {
  EXPECT_EQ(Read(R"({"text":5})").finish.error().field, "text");
  EXPECT_EQ(Read(R"({"count":"3"})").finish.error().field, "count");
  EXPECT_EQ(Read(R"({"count":3.0})").finish.error().field, "count");
  EXPECT_EQ(Read(R"({"count":11})").finish.error().field, "count");
  EXPECT_EQ(Read(R"({"count":18446744073709551615})").finish.error().field, "count");
  EXPECT_EQ(Read(R"({"inner":{"ratio":1.5}})").finish.error().field, "inner.ratio");
  EXPECT_EQ(Read(R"({"inner":[]})").finish.error().field, "inner");
  EXPECT_EQ(Read(R"({"flag":"true"})").finish.error().field, "flag");
}

TEST(JsonReader, UnknownFieldsAreToldByPath) {
  const auto f = Read(R"({"text":"x","colour":1,"inner":{"ratio":0,"odd":2}})");
  ASSERT_TRUE(f.finish.has_value());
  EXPECT_EQ(*f.finish, (std::vector<std::string>{"inner.odd", "colour"}));
}

TEST(JsonReader, FewUnknownFieldsStandForMany) {
  std::string many = "{\"text\":\"x\"";
  for (int i = 0; i < 1000; ++i) many += fmt::format(",\"{}{}\":1", i, std::string(1000, 'u'));
  const auto f = Read(many + "}");
  ASSERT_TRUE(f.finish.has_value());
  EXPECT_EQ(f.finish->size(), 64u);
  EXPECT_EQ(f.finish->front().size(), 64u);
}

}  // namespace
}  // namespace altlas::gateway
