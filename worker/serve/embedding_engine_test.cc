// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/embedding_engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/random.h"
#include "worker/serve/engine_thread.h"
#include "worker/serve/fake_vector_model.h"

namespace altlas::serve {
namespace {

class EmbeddingEngineTest : public testing::Test {
 protected:
  std::unique_ptr<EmbeddingEngine> Make(EmbeddingEngineOptions options = {}, bool normalizes = false) {
    auto model = std::make_unique<FakeVectorModel>(64, normalizes);
    model->batches = batches;
    raw = model.get();
    return EmbeddingEngine::Create(std::move(model), std::make_unique<FakePassages>(), options).value();
  }
  static EngineJob Job(std::uint64_t id, std::string text) {
    EngineJob job;
    job.id = id;
    job.embedding = EmbeddingRequest{std::move(text), {}, false};
    return job;
  }
  static void Submit(EmbeddingEngine& engine, EngineJob job) {
    auto prepared = engine.Prepare(std::move(job));
    ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
    ASSERT_TRUE(engine.Submit(std::move(*prepared)).has_value());
  }
  static std::map<std::uint64_t, EngineEvent> Run(EmbeddingEngine& engine) {
    std::vector<EngineEvent> events;
    while (engine.Step(events)) {
    }
    std::map<std::uint64_t, EngineEvent> by_id;
    for (auto& event : events)
      EXPECT_TRUE(by_id.emplace(event.id, event).second) << "two ends of " << event.id;
    return by_id;
  }
  static std::vector<float> VectorOf(const std::string& text) {
    std::vector<std::uint32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return FakeVectorModel::VectorOf(ids);
  }

  std::shared_ptr<std::vector<std::vector<std::int64_t>>> batches =
      std::make_shared<std::vector<std::vector<std::int64_t>>>();
  FakeVectorModel* raw = nullptr;
};

TEST_F(EmbeddingEngineTest, EveryTextGetsItsOwnVectorOnceWhateverTheBatches) {
  for (const std::int64_t step_tokens : {1, 16, 1000}) {
    batches->clear();
    const auto engine = Make({.limits = {step_tokens, 8}});
    Random random(3);
    std::map<std::uint64_t, std::string> texts;
    for (std::uint64_t id = 1; id <= 60; ++id) {
      std::string text;
      for (std::uint64_t i = 0; i <= random.Below(60); ++i) text += static_cast<char>('a' + random.Below(26));
      texts[id] = text;
      Submit(*engine, Job(id, text));
    }
    EXPECT_EQ(engine->counters().waiting, 60u);
    const auto ends = Run(*engine);
    ASSERT_EQ(ends.size(), 60u);
    for (const auto& [id, event] : ends) {
      ASSERT_TRUE(event.embedding.has_value()) << event.error.message;
      EXPECT_EQ(event.embedding->embedding, VectorOf(texts[id]));
      EXPECT_EQ(event.embedding->tokens, static_cast<std::int64_t>(texts[id].size()));
      EXPECT_FALSE(event.embedding->truncated);
    }
    for (const auto& lengths : *batches) {
      EXPECT_TRUE(std::is_sorted(lengths.begin(), lengths.end()));
      EXPECT_TRUE(lengths.size() == 1 ||
                  lengths.back() * static_cast<std::int64_t>(lengths.size()) <= step_tokens);
      EXPECT_LE(lengths.size(), 8u);
    }
    EXPECT_EQ(engine->counters().waiting, 0u);
    EXPECT_EQ(engine->counters().steps, batches->size());
  }
}

TEST_F(EmbeddingEngineTest, VectorsAreNormalisedAsTheModelSaysUnlessTheRequestDoes) {
  for (const bool models : {false, true}) {
    const auto engine = Make({}, models);
    for (std::uint64_t id = 1; id <= 3; ++id) {
      auto job = Job(id, "abc");
      if (id == 2) job.embedding->normalize = true;
      if (id == 3) job.embedding->normalize = false;
      Submit(*engine, std::move(job));
    }
    const auto ends = Run(*engine);
    const auto length = [&](std::uint64_t id) {
      double square = 0;
      for (const float value : ends.at(id).embedding->embedding) square += static_cast<double>(value) * value;
      return std::sqrt(square);
    };
    if (models) {
      EXPECT_NEAR(length(1), 1, 1e-6);
    } else {
      EXPECT_EQ(ends.at(1).embedding->embedding, VectorOf("abc"));
    }
    EXPECT_NEAR(length(2), 1, 1e-6);
    EXPECT_EQ(ends.at(3).embedding->embedding, VectorOf("abc"));
  }
}

TEST_F(EmbeddingEngineTest, ATextPastTheContextFailsByNameUnlessItMayBeCut) {
  const auto engine = Make();
  const std::string text(65, 'x');
  const auto refused = engine->Prepare(Job(1, text));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(refused.error().message.starts_with("context_length_exceeded")) << refused.error().message;
  EXPECT_NE(refused.error().message.find("65 tokens"), std::string::npos);
  EXPECT_TRUE(engine->Prepare(Job(1, std::string(64, 'x'))).has_value());
  auto job = Job(1, text);
  job.embedding->truncate = true;
  Submit(*engine, std::move(job));
  const auto ends = Run(*engine);
  EXPECT_EQ(ends.at(1).embedding->embedding, VectorOf(text.substr(0, 64)));
  EXPECT_TRUE(ends.at(1).embedding->truncated);
  EXPECT_EQ(ends.at(1).embedding->tokens, 64);
}

TEST_F(EmbeddingEngineTest, OneThatFailsTakesNobodyWithIt) {
  const auto engine = Make();
  raw->before_batch = [](auto texts) -> Status {
    for (const auto text : texts) {
      if (text.front() == 'b') return Fail(ErrorCode::kInternal, "no memory");
    }
    return {};
  };
  for (const auto& [id, text] : {std::pair{1, "aa"}, {2, "ba"}, {3, "ca"}})
    Submit(*engine, Job(static_cast<std::uint64_t>(id), text));
  const auto ends = Run(*engine);
  EXPECT_EQ(ends.at(1).embedding->embedding, VectorOf("aa"));
  EXPECT_EQ(ends.at(3).embedding->embedding, VectorOf("ca"));
  EXPECT_EQ(ends.at(2).kind, EngineEvent::Kind::kFailed);
  EXPECT_NE(ends.at(2).error.message.find("no memory"), std::string::npos);
}

TEST_F(EmbeddingEngineTest, AVectorThatIsNoVectorIsAFailure) {
  const auto engine = Make();
  raw->after_batch = [](auto& vectors) { vectors[0][1] = std::numeric_limits<float>::quiet_NaN(); };
  Submit(*engine, Job(1, "aa"));
  const auto ends = Run(*engine);
  EXPECT_EQ(ends.at(1).kind, EngineEvent::Kind::kFailed);
  EXPECT_EQ(ends.at(1).error.code, ErrorCode::kInternal);
}

TEST_F(EmbeddingEngineTest, CanceledJobsEndWithoutBeingComputed) {
  const auto engine = Make();
  for (std::uint64_t id = 1; id <= 3; ++id) Submit(*engine, Job(id, "abc"));
  EXPECT_TRUE(engine->Cancel(2));
  EXPECT_FALSE(engine->Cancel(9));
  const auto ends = Run(*engine);
  EXPECT_EQ(ends.at(2).error.code, ErrorCode::kCanceled);
  EXPECT_EQ(ends.size(), 3u);
  ASSERT_EQ(batches->size(), 1u);
  EXPECT_EQ(batches->front().size(), 2u);
  EXPECT_FALSE(engine->Cancel(1));
}

TEST_F(EmbeddingEngineTest, JobsThatItCannotTakeAreRefused) {
  const auto engine = Make({.limits = {}, .max_waiting = 2});
  EngineJob generates;
  generates.request.text = "a";
  EXPECT_EQ(engine->Prepare(std::move(generates)).error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(engine->Prepare(Job(1, "")).has_value());
  Submit(*engine, Job(1, "a"));
  EXPECT_EQ(engine->Submit(*engine->Prepare(Job(1, "a"))).error().code, ErrorCode::kConflict);
  Submit(*engine, Job(2, "a"));
  EXPECT_EQ(engine->Submit(*engine->Prepare(Job(3, "a"))).error().code, ErrorCode::kOverloaded);
  EXPECT_FALSE(
      EmbeddingEngine::Create(std::make_unique<FakeVectorModel>(0), std::make_unique<FakePassages>(), {})
          .has_value());
}

// The thread that drives all engines knows an idle one from one with work.
TEST_F(EmbeddingEngineTest, AnEngineThreadDrivesIt) {
  Mutex mutex;
  CondVar changed;
  std::vector<EngineEvent> ends;
  EngineThread thread([&](std::span<EngineEvent> events) {
    MutexLock lock(mutex);
    for (auto& event : events) ends.push_back(std::move(event));
    changed.NotifyAll();
  });
  ASSERT_TRUE(thread.AddModel("vectors", Make({.limits = {4, 8}})).has_value());
  for (std::uint64_t id = 1; id <= 20; ++id)
    ASSERT_TRUE(thread.Submit("vectors", Job(id, "abc")).has_value());
  MutexLock lock(mutex);
  while (ends.size() < 20) changed.Wait(mutex);
  for (const auto& event : ends) EXPECT_EQ(event.embedding->embedding, VectorOf("abc"));
}

}  // namespace
}  // namespace altlas::serve
