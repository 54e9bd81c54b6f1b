// SPDX-License-Identifier: Apache-2.0
// The real all-MiniLM-L6-v2, where the Python package that holds it is installed (tools/setup test), against
// transformers by tests/fixtures/minilm.json.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "text/tokenizer.h"
#include "worker/serve/load_engine.h"

namespace altlas::serve {
namespace {

nlohmann::json MiniLmCases() {
  std::ifstream file(ALTLAS_SOURCE_DIR "/tests/fixtures/minilm.json");
  return nlohmann::json::parse(file)["cases"];
}

TEST(MiniLm, TokensAreTheLibrarys) {
  const auto tokenizer = text::Tokenizer::Load(ALTLAS_MINILM_FOLDER);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  for (const auto& one : MiniLmCases())
    EXPECT_EQ((*tokenizer)->Encode(one["text"].get<std::string>(), true)->ids,
              one["ids"].get<std::vector<text::TokenId>>())
        << one["text"];
}

TEST(MiniLm, VectorsAreThoseOfTransformers) {
  auto loaded = LoadEngine({.folder = ALTLAS_MINILM_FOLDER});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->facts.context_length, 256u);
  const auto cases = MiniLmCases();
  ASSERT_EQ(cases.size(), 8u);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EngineJob job;
    job.id = i;
    job.embedding = EmbeddingRequest{cases[i]["text"], {}, false};
    auto prepared = loaded->embedding->Prepare(std::move(job));
    ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
    ASSERT_TRUE(loaded->embedding->Submit(std::move(*prepared)).has_value());
  }
  std::vector<EngineEvent> events;
  while (loaded->embedding->Step(events)) {
  }
  ASSERT_EQ(events.size(), cases.size());
  for (const auto& event : events) {
    ASSERT_TRUE(event.embedding.has_value()) << event.error.message;
    const auto wanted = cases[event.id]["vector"].get<std::vector<float>>();
    ASSERT_EQ(event.embedding->embedding.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(event.embedding->embedding[i], wanted[i], 1e-5) << event.id << " " << i;
  }
}

}  // namespace
}  // namespace altlas::serve
