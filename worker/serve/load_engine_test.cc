// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/load_engine.h"

#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/process_memory.h"
#include "base/random.h"
#include "worker/serve/fixture_model.h"

namespace altlas::serve {
namespace {

struct LoadOutcome {
  std::vector<std::uint32_t> ids;
  std::string streamed;
  GenerationResult result;
  bool operator==(const LoadOutcome& other) const {
    return ids == other.ids && streamed == other.streamed && result.text == other.result.text &&
           result.finish_reason == other.result.finish_reason;
  }
};

class LoadEngineTest : public testing::Test {
 protected:
  LoadEngineTest() { EXPECT_TRUE(FixtureModel{}.WriteTo(folder.path()).has_value()); }

  std::unique_ptr<Engine> Load(int max_batch, StepLimits limits = {}) {
    auto loaded = LoadEngine({.folder = folder.path(), .max_batch = max_batch, .limits = limits});
    EXPECT_TRUE(loaded.has_value()) << (loaded.has_value() ? "" : loaded.error().message);
    return std::move(loaded->engine);
  }

  static void Submit(Engine& engine, EngineJob job) {
    auto prepared = engine.Prepare(std::move(job));
    ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
    ASSERT_TRUE(engine.Submit(std::move(*prepared)).has_value());
  }

  static std::map<std::uint64_t, LoadOutcome> Run(Engine& engine) {
    std::map<std::uint64_t, LoadOutcome> outcomes;
    std::vector<EngineEvent> events;
    while (engine.Step(events)) {
    }
    for (auto& event : events) {
      auto& outcome = outcomes[event.id];
      EXPECT_NE(event.kind, EngineEvent::Kind::kFailed) << event.error.message;
      if (event.token) outcome.ids.push_back(*event.token);
      outcome.streamed += event.text;
      if (event.kind == EngineEvent::Kind::kDone) outcome.result = event.result;
    }
    return outcomes;
  }

  static std::vector<EngineJob> MixedJobs() {
    std::vector<EngineJob> jobs;
    Random random(3);
    for (std::uint64_t id = 1; id <= 10; ++id) {
      EngineJob job;
      job.id = id;
      for (std::uint64_t i = 0; i <= random.Below(id % 3 == 0 ? 150 : 10); ++i) {
        job.request.text += static_cast<char>('a' + random.Below(26));
      }
      job.request.max_length = static_cast<std::int64_t>(5 + random.Below(40));
      job.request.sampling.seed = id;
      if (id % 2 == 0) job.request.sampling.temperature = 0.9;
      if (id % 4 == 0) job.request.sampling.top_p = 0.8;
      if (id % 5 == 0) job.request.sampling.repetition_penalty = 1.3;
      jobs.push_back(job);
    }
    return jobs;
  }

  TemporaryFolder folder;
};

TEST_F(LoadEngineTest, ABatchOfMixedLengthsGivesTheSameTextAsOneByOne) {
  const auto jobs = MixedJobs();
  std::map<std::uint64_t, LoadOutcome> alone;
  const auto single = Load(1, {100'000, 1});
  for (const auto& job : jobs) {
    Submit(*single, job);
    alone.merge(Run(*single));
  }
  for (const std::int64_t step_tokens : {9, 64}) {
    const auto engine = Load(4, {step_tokens, 4});
    for (const auto& job : jobs) Submit(*engine, job);
    auto together = Run(*engine);
    for (const auto& job : jobs) {
      EXPECT_EQ(together[job.id].ids, alone[job.id].ids) << job.id;
      EXPECT_TRUE(together[job.id] == alone[job.id]) << job.id;
    }
  }
}

TEST_F(LoadEngineTest, AContinuedTextIsTheUninterruptedOne) {
  auto job = MixedJobs()[9];
  job.request.max_length = 40;
  const auto engine = Load(2);
  Submit(*engine, job);
  const auto whole = Run(*engine)[job.id];
  ASSERT_GT(whole.ids.size(), 8u);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, whole.ids.size() - 1, whole.ids.size()}) {
    job.emitted.assign(whole.ids.begin(), whole.ids.begin() + static_cast<std::ptrdiff_t>(cut));
    Submit(*engine, job);
    const auto rest = Run(*engine)[job.id];
    EXPECT_EQ(rest.result.text, whole.result.text) << cut;
    EXPECT_EQ(rest.result.generated_tokens, whole.result.generated_tokens) << cut;
  }
}

TEST_F(LoadEngineTest, TheContextIsTheModelsOrTheOneAskedFor) {
  auto loaded = LoadEngine({.folder = folder.path(), .name = "m", .max_batch = 3});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->facts.context_length, 512u);
  EXPECT_EQ(loaded->facts.dtype, "float32");
  EXPECT_GT(loaded->facts.memory_bytes, 0u);
  EXPECT_EQ(loaded->facts.kv_budget_bytes, 3u * 512 * 256);
  EXPECT_EQ(loaded->engine->model_info().slots, 3);
  EXPECT_EQ(loaded->engine->model_info().end_ids, std::vector<std::uint32_t>{FixtureModel::kEnd});
  const auto shorter = LoadEngine({.folder = folder.path(), .max_batch = 3, .max_context = 100});
  ASSERT_TRUE(shorter.has_value());
  EXPECT_EQ(shorter->facts.context_length, 100u);
  // Per token: 2 layers, K and V, 2 heads of 8 values of 4 bytes.
  const auto squeezed = LoadEngine({.folder = folder.path(), .max_batch = 3, .kv_budget_bytes = 256 * 600});
  ASSERT_TRUE(squeezed.has_value());
  EXPECT_EQ(squeezed->engine->model_info().slots, 1);
  EXPECT_LE(squeezed->facts.kv_budget_bytes, 256u * 600u);
}

TEST_F(LoadEngineTest, SlotsThatAreNotUsedTakeNoMemory) {
  constexpr std::uint64_t kBudget = std::uint64_t{1} << 30;
  const auto long_context = folder.path() / "long";
  ASSERT_TRUE(FixtureModel{.context = 4096}.WriteTo(long_context).has_value());
  const auto before = ResidentBytes();
  const auto loaded = LoadEngine({.folder = long_context, .max_batch = 1024, .kv_budget_bytes = kBudget});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->engine->model_info().slots, 1024);
  EXPECT_EQ(loaded->facts.kv_budget_bytes, kBudget);
  for (const auto& job : MixedJobs()) Submit(*loaded->engine, job);
  EXPECT_EQ(Run(*loaded->engine).size(), 10u);
  EXPECT_LT(ResidentBytes() - before, kBudget / 4);
}

TEST_F(LoadEngineTest, WhatCannotBeLoadedSaysWhy) {
  const auto missing = LoadEngine({.folder = folder.path() / "nothing"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(LoadEngine({.folder = folder.path(), .dtype = "int3"}).has_value());
  EXPECT_FALSE(LoadEngine({.folder = folder.path(), .kv_budget_bytes = 100}).has_value());
  std::filesystem::remove(folder.path() / "tokenizer.json");
  const auto no_tokenizer = LoadEngine({.folder = folder.path()});
  ASSERT_FALSE(no_tokenizer.has_value());
  EXPECT_NE(no_tokenizer.error().message.find("tokenizer.json"), std::string::npos);
}

}  // namespace
}  // namespace altlas::serve
