// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/embedding.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace altlas::serve {
namespace {

TEST(EmbeddingRequest, ReadsItsFieldsAndTheirAbsence) {
  const auto plain = ParseEmbeddingRequest(R"({"text": "a", "normalize": null, "max_length": 5})");
  ASSERT_TRUE(plain.has_value()) << plain.error().message;
  EXPECT_EQ(plain->text, "a");
  EXPECT_EQ(plain->normalize, std::nullopt);
  EXPECT_FALSE(plain->truncate);
  const auto full = ParseEmbeddingRequest(R"({"text": "a", "normalize": false, "truncate": true})");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->normalize, false);
  EXPECT_TRUE(full->truncate);
}

TEST(EmbeddingRequest, WrongOnesNameTheField) {
  const std::pair<const char*, const char*> cases[] = {{R"({})", "text"},
                                                       {R"({"text": 1})", "text"},
                                                       {R"({"text": "a", "normalize": 1})", "normalize"},
                                                       {R"({"text": "a", "truncate": "yes"})", "truncate"}};
  for (const auto& [json, field] : cases) {
    const auto request = ParseEmbeddingRequest(json);
    ASSERT_FALSE(request.has_value()) << json;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(request.error().field, field);
  }
  EXPECT_FALSE(ParseEmbeddingRequest("[").has_value());
  EXPECT_FALSE(ParseEmbeddingRequest("[]").has_value());
  EXPECT_FALSE(ParseEmbeddingRequest(std::string(100'000, '[')).has_value());
}

TEST(EmbeddingResult, EveryFloatReadsBackAsItself) {
  EXPECT_TRUE(rc::check([] {
    EmbeddingResult result;
    for (const auto bits : *rc::gen::arbitrary<std::vector<std::uint32_t>>()) {
      float value = 0;
      std::memcpy(&value, &bits, sizeof(value));
      if (std::isfinite(value)) result.embedding.push_back(value);
    }
    result.tokens = 7;
    const auto json = nlohmann::json::parse(FormatEmbedding(result));
    RC_ASSERT(json["dimensions"] == result.embedding.size());
    RC_ASSERT(json["tokens"] == 7);
    RC_ASSERT(json["truncated"] == false);
    RC_ASSERT(json["embedding"].size() == result.embedding.size());
    for (std::size_t i = 0; i < result.embedding.size(); ++i)
      RC_ASSERT(json["embedding"][i].get<float>() == result.embedding[i]);
  }));
}

TEST(NormalizeVector, GivesLengthOneWhateverTheSize) {
  for (const float scale : {1e-30F, 1.0F, 1e30F}) {
    std::vector<float> vector = {3 * scale, -4 * scale};
    NormalizeVector(vector);
    EXPECT_FLOAT_EQ(vector[0], 0.6F);
    EXPECT_FLOAT_EQ(vector[1], -0.8F);
  }
  std::vector<float> zero(3, 0.0F);
  NormalizeVector(zero);
  EXPECT_EQ(zero, std::vector<float>(3, 0.0F));
}

}  // namespace
}  // namespace altlas::serve
