// SPDX-License-Identifier: Apache-2.0
// From a folder to vectors: tokenizer, model and engine together, against plain loops (fixture_bert.h).
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/random.h"
#include "worker/serve/fixture_bert.h"
#include "worker/serve/load_engine.h"

namespace altlas::serve {
namespace {

class LoadEmbeddingTest : public testing::Test {
 protected:
  LoadEmbeddingTest() { EXPECT_TRUE(bert.WriteTo(folder.path() / "vectors").has_value()); }

  LoadedModel Load(LoadEngineOptions options = {}) {
    options.folder = folder.path() / "vectors";
    auto loaded = LoadEngine(options);
    if (!loaded.has_value()) throw std::runtime_error(loaded.error().message);
    return std::move(*loaded);
  }
  static std::map<std::uint64_t, EngineEvent> EmbedAll(
      EmbeddingEngine& engine, const std::map<std::uint64_t, EmbeddingRequest>& requests) {
    for (const auto& [id, request] : requests) {
      EngineJob job;
      job.id = id;
      job.embedding = request;
      auto prepared = engine.Prepare(std::move(job));
      EXPECT_TRUE(prepared.has_value()) << prepared.error().message;
      EXPECT_TRUE(engine.Submit(std::move(*prepared)).has_value());
    }
    std::vector<EngineEvent> events;
    while (engine.Step(events)) {
    }
    std::map<std::uint64_t, EngineEvent> ends;
    for (auto& event : events) ends[event.id] = event;
    return ends;
  }
  void ExpectVector(const EngineEvent& end, const std::vector<std::int64_t>& ids) {
    ASSERT_TRUE(end.embedding.has_value()) << end.error.message;
    const auto wanted = bert.Embed(ids);
    ASSERT_EQ(end.embedding->embedding.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(end.embedding->embedding[i], wanted[i], 1e-5) << i;
    EXPECT_EQ(end.embedding->tokens, static_cast<std::int64_t>(ids.size()));
  }

  TemporaryFolder folder;
  FixtureBert bert;
};

TEST_F(LoadEmbeddingTest, TextsOfAllLengthsHaveTheReferencesVectors) {
  const auto loaded = Load();
  ASSERT_NE(loaded.embedding, nullptr);
  EXPECT_EQ(loaded.engine, nullptr);
  Random random(5);
  std::map<std::uint64_t, EmbeddingRequest> requests;
  for (std::uint64_t id = 1; id <= 30; ++id) {
    std::string text(1, static_cast<char>('a' + random.Below(26)));
    for (std::uint64_t i = 0; i < random.Below(60); ++i)
      text += random.Below(5) == 0 ? ' ' : static_cast<char>('a' + random.Below(26));
    requests[id] = {text, {}, false};
  }
  auto ends = EmbedAll(*loaded.embedding, requests);
  for (const auto& [id, request] : requests) ExpectVector(ends[id], bert.Ids(request.text));
}

TEST_F(LoadEmbeddingTest, TheContextIsTheFoldersOrTheOneAskedForAndTextsAreCutToIt) {
  const auto loaded = Load({.name = "m", .max_context = 10});
  EXPECT_EQ(loaded.facts.context_length, 10u);
  EXPECT_EQ(Load().facts.context_length, 64u);
  auto ends = EmbedAll(*loaded.embedding, {{1, {"abcdefgh", {}, false}}, {2, {"abcdefghijklmn", {}, true}}});
  ExpectVector(ends[1], bert.Ids("abcdefgh"));
  ExpectVector(ends[2], bert.Ids("abcdefgh"));
  EXPECT_FALSE(ends[1].embedding->truncated);
  EXPECT_TRUE(ends[2].embedding->truncated);
  EngineJob job;
  job.embedding = EmbeddingRequest{"abcdefghi", {}, false};
  EXPECT_NE(loaded.embedding->Prepare(job).error().message.find("11 tokens, the model's context 10"),
            std::string::npos);
}

TEST_F(LoadEmbeddingTest, FactsAreToldAndDtypesTaken) {
  const auto loaded = Load({.dtype = "bfloat16"});
  EXPECT_EQ(loaded.facts.family, "BertModel");
  EXPECT_EQ(loaded.facts.dtype, "bfloat16");
  EXPECT_EQ(loaded.facts.kv_budget_bytes, 0u);
  EXPECT_EQ(loaded.facts.memory_bytes, 2 * loaded.facts.parameters);
  EXPECT_EQ(loaded.embedding->model_info().dimensions, 32);
  auto exact = bert.Embed(bert.Ids("hello"));
  auto ends = EmbedAll(*loaded.embedding, {{1, {"hello", {}, false}}});
  double product = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) product += exact[i] * ends[1].embedding->embedding[i];
  EXPECT_GT(product, 0.99);
}

TEST_F(LoadEmbeddingTest, WhatCannotBeLoadedSaysWhy) {
  const auto path = folder.path() / "vectors";
  ASSERT_TRUE(WriteFileAtomically(path / "modules.json", "[]").has_value());
  auto broken = LoadEngine({.folder = path});
  ASSERT_FALSE(broken.has_value());
  EXPECT_NE(broken.error().message.find("modules.json"), std::string::npos);
  std::filesystem::remove(path / "modules.json");
  std::filesystem::remove(path / "tokenizer.json");
  broken = LoadEngine({.folder = path});
  ASSERT_FALSE(broken.has_value());
  EXPECT_NE(broken.error().message.find("tokenizer.json"), std::string::npos);
}

}  // namespace
}  // namespace altlas::serve
