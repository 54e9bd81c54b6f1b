// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/request.h"

#include <gtest/gtest.h>

namespace altlas::serve {
namespace {

TEST(ServeRequest, ReadsTheCanonicalObject) {
  const auto request =
      ParseRequest("text_generation", R"({"text": "Once", "max_length": 20, "temperature": 0.7, "top_k": 40,
    "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1, "stop": ["\n", "END"], "seed": "18446744073709551615"})");
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->text, "Once");
  EXPECT_EQ(request->max_length, 20);
  EXPECT_EQ(request->sampling, (SamplingParams{0.7, 40, 0.9, 0.05, 1.1, 18446744073709551615ULL}));
  EXPECT_EQ(request->stop, (std::vector<std::string>{"\n", "END"}));
}

TEST(ServeRequest, AbsentAndNullFieldsTakeTheDefaults) {
  const auto request =
      ParseRequest("text_generation", R"({"text": "a", "stop": null, "top_k": null, "seed": null})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->sampling, SamplingParams{});
  EXPECT_TRUE(request->stop.empty());
}

TEST(ServeRequest, WhatItDoesNotNameIsTheModelsOwn) {
  const SamplingParams own{0.6, 20, 0.95, 0, 1.2, 0};
  const auto request = ParseRequest("text_generation", R"({"text": "a", "top_k": 5, "seed": "9"})", own);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->sampling, (SamplingParams{0.6, 5, 0.95, 0, 1.2, 9}));
}

TEST(ServeRequest, AnotherTypeIsNamedAsUnsupported) {
  const auto request = ParseRequest("image_detection", "{}");
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(request.error().message.find("image_detection"), std::string::npos);
}

struct Bad {
  const char* json;
  const char* field;
};

TEST(ServeRequest, WrongFieldsAreNamed) {
  const Bad cases[] = {
      {R"({})", "text"},
      {R"({"text": 5})", "text"},
      {R"({"text": "a", "max_length": 0})", "max_length"},
      {R"({"text": "a", "max_length": 1.5})", "max_length"},
      {R"({"text": "a", "max_length": 18446744073709551615})", "max_length"},
      {R"({"text": "a", "temperature": -0.1})", "temperature"},
      {R"({"text": "a", "temperature": "1"})", "temperature"},
      {R"({"text": "a", "temperature": 1e300})", "temperature"},
      {R"({"text": "a", "top_k": -1})", "top_k"},
      {R"({"text": "a", "top_k": true})", "top_k"},
      {R"({"text": "a", "top_p": 1.01})", "top_p"},
      {R"({"text": "a", "min_p": -1})", "min_p"},
      {R"({"text": "a", "repetition_penalty": 0})", "repetition_penalty"},
      {R"({"text": "a", "stop": "x"})", "stop"},
      {R"({"text": "a", "stop": [1]})", "stop"},
      {R"({"text": "a", "stop": [""]})", "stop"},
      {R"({"text": "a", "seed": 5})", "seed"},
      {R"({"text": "a", "seed": "-1"})", "seed"},
      {R"({"text": "a", "seed": "18446744073709551616"})", "seed"},
      {R"({"text": "a", "seed": ""})", "seed"},
  };
  for (const auto& bad : cases) {
    const auto request = ParseRequest("text_generation", bad.json);
    ASSERT_FALSE(request.has_value()) << bad.json;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument) << bad.json;
    EXPECT_EQ(request.error().field, bad.field) << bad.json;
  }
}

TEST(ServeRequest, TextThatIsNoJsonIsRefused) {
  const std::string deep =
      R"({"text": "a", "x": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  for (const std::string_view json :
       {"", "nonsense", "[]", "{\"text\": \"\xff\"}", "{\"text\": \"a\"} x", deep.c_str()}) {
    EXPECT_FALSE(ParseRequest("text_generation", json).has_value()) << json.substr(0, 40);
  }
}

TEST(ServeRequest, ResultIsOneJsonObject) {
  const GenerationResult result{"a \"b\"\n", "length", 5, 20, true};
  EXPECT_EQ(
      FormatResult(result),
      R"({"text":"a \"b\"\n","finish_reason":"length","prompt_tokens":5,"generated_tokens":20,"max_length_clipped":true})");
}

}  // namespace
}  // namespace altlas::serve
