// SPDX-License-Identifier: Apache-2.0
// The model in models/alt-las-tiny, against transformers by tests/fixtures/shipped_model.json.
#include <gtest/gtest.h>

#include "worker/model/test_models.h"

namespace altlas::model {
namespace {

std::filesystem::path Folder() { return std::filesystem::path(ALTLAS_SOURCE_DIR) / "models/alt-las-tiny"; }

TEST(ShippedModel, IsSmallAndReadsAThousandTokens) {
  const auto model = LoadLanguageModel(Folder());
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const LanguageModelInfo& info = (*model)->info();
  EXPECT_GE(info.parameter_count, 1'000'000);
  EXPECT_LE(info.parameter_count, 3'000'000);
  EXPECT_GE(info.context_length, 1024);
  EXPECT_LE(std::filesystem::file_size(Folder() / "model.safetensors"), 8'000'000U);
  EXPECT_EQ(info.eos_ids.size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(Folder() / "tokenizer.json"));
}

TEST(ShippedModel, GivesTheGreedyTextOfTransformersAndEndsIt) {
  const auto model = LoadLanguageModel(Folder());
  ASSERT_TRUE(model.has_value()) << model.error().message;
  std::ifstream file(std::filesystem::path(ALTLAS_SOURCE_DIR) / "tests/fixtures/shipped_model.json");
  const auto fixture = nlohmann::json::parse(file);
  for (const auto& one : fixture["cases"]) {
    SCOPED_TRACE(one["text"].get<std::string>());
    std::vector<std::int64_t> next = one["prompt"];
    const std::vector<std::int64_t> wanted = one["greedy"];
    KvCache cache = MakeCache(**model, 1, 256);
    std::vector<std::int64_t> ids;
    std::int64_t position = 0;
    while (ids.size() < wanted.size()) {
      const auto count = static_cast<std::int64_t>(next.size());
      const auto logits = (*model)->Forward({next, {{0, position, count, true}}}, cache);
      ASSERT_TRUE(logits.has_value()) << logits.error().message;
      position += count;
      ids.push_back(Largest(Row(*logits, 0)));
      next = {ids.back()};
    }
    EXPECT_EQ(ids, wanted);
    EXPECT_EQ(ids.back(), (*model)->info().eos_ids[0]);
  }
}

}  // namespace
}  // namespace altlas::model
