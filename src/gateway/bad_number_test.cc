// SPDX-License-Identifier: Apache-2.0
#include "gateway/bad_number.h"

#include <gtest/gtest.h>

#include "gateway/json_reader.h"

namespace altlas::gateway {
namespace {

std::string FieldOf(std::string_view text) {
  const auto error = FindBadNumber(text, 32);
  return error ? error->field : "nothing";
}

TEST(BadNumber, IsNamedByThePathOfItsField) {
  EXPECT_EQ(FieldOf(R"({"a":1,"seed":99999999999999999999})"), "seed");
  EXPECT_EQ(FieldOf(R"({"batch":[{"text":"x"},{"text":"y","top_p":NaN}]})"), "batch[1].top_p");
  EXPECT_EQ(FieldOf(R"({"a":{"b":[1,[2,-1e999]]}})"), "a.b[1][1]");
  EXPECT_EQ(FieldOf("{ \"a\" : [ ] , \"b\" :\n{} , \"c\" : .5 }"), "c");
  EXPECT_EQ(FieldOf("Infinity"), "");
}

TEST(BadNumber, IsWhateverJsonOr64BitsDoNotHold) {
  for (const char* bad :
       {"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "1_000", "NaN", "-Infinity", "nan", "True", "1e309",
        "-1e309", "18446744073709551616", "-9223372036854775809", "1.5.2"})
    EXPECT_EQ(FieldOf("{\"a\":" + std::string(bad) + "}"), "a") << bad;
  for (const char* good : {"0", "-0", "18446744073709551615", "-9223372036854775808", "1.5E-3", "1e308",
                           "1e-999", "true", "false", "null", "\"NaN\"", "\"\\\"NaN\"", "[]", "{}"})
    EXPECT_EQ(FieldOf("{\"a\":" + std::string(good) + "}"), "nothing") << good;
}

TEST(BadNumber, IsNotLookedForBehindWhatIsNoJson) {
  for (const char* other : {"", " ", "{", "[", "{'a':NaN}", "{\"a\"NaN}", "{\"a\":}", "{\"a\":1 NaN}",
                            "{\"a\":1}NaN", "[1,]", "{\"a\":1,}", "{\"a", "\"a\\", "]", ",NaN", "[1}"})
    EXPECT_EQ(FieldOf(other), "nothing") << other;
  EXPECT_EQ(FieldOf(std::string(40, '[') + "NaN"), "nothing");
}

TEST(BadNumber, IsShownWithTheLimitAndNotWhole) {
  const auto error = FindBadNumber("{\"" + std::string(1000, 'k') + "\":" + std::string(1000, '9') + "}", 32);
  ASSERT_TRUE(error);
  EXPECT_LT(error->message.size(), 300u);
  EXPECT_NE(error->message.find("18446744073709551615"), std::string::npos) << error->message;
}

TEST(BadNumber, IsWhatTheReaderTells) {
  for (const char* bad : {"99999999999999999999", "1e999", "NaN", "01"}) {
    const auto refused = JsonDocument::Parse("{\"text\":\"a\",\"seed\":" + std::string(bad) + "}", {});
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(refused.error().field, "seed") << bad;
    EXPECT_NE(refused.error().message.find(bad), std::string::npos) << refused.error().message;
  }
}

}  // namespace
}  // namespace altlas::gateway
