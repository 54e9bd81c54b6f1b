// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "worker/serve/fake_model.h"

namespace altlas::serve {
namespace {

struct Outcome {
  std::string streamed;  // the pieces of all kToken events
  std::vector<std::uint32_t> ids;
  std::vector<std::size_t> piece_ends;  // streamed.size() after each id
  std::optional<GenerationResult> result;
  std::optional<Error> error;
  int ends = 0;
};

// An engine on a fake model, with what has come out of it by job.
class EngineTest : public testing::Test {
 protected:
  void Make(TokenModelInfo info = FakeInfo(), EngineOptions options = {},
            FakeTokenModel::Script script = FakeTokenModel::HashScript()) {
    auto owned = std::make_unique<FakeTokenModel>(std::move(info), std::move(script));
    model = owned.get();
    engine = Engine::Create(std::move(owned), std::make_unique<FakeCodec>(), options).value();
    outcomes.clear();
  }

  static EngineJob Job(std::uint64_t id, std::string text, std::int64_t max_length,
                       SamplingParams sampling = {}) {
    EngineJob job;
    job.id = id;
    job.request.text = std::move(text);
    job.request.max_length = max_length;
    job.request.sampling = sampling;
    return job;
  }

  Status Submit(EngineJob job) {
    ALTLAS_TRY(auto prepared, engine->Prepare(std::move(job)));
    return engine->Submit(std::move(prepared));
  }

  bool Step() {
    std::vector<EngineEvent> events;
    const bool worked = engine->Step(events);
    for (auto& event : events) {
      auto& outcome = outcomes[event.id];
      EXPECT_EQ(outcome.ends, 0) << "an event after the end of job " << event.id;
      if (event.kind == EngineEvent::Kind::kToken) {
        EXPECT_EQ(event.index, static_cast<std::int64_t>(outcome.ids.size()));
        if (event.token) outcome.ids.push_back(*event.token);
        outcome.streamed += event.text;
        if (event.token) outcome.piece_ends.push_back(outcome.streamed.size());
      } else {
        ++outcome.ends;
        if (event.kind == EngineEvent::Kind::kDone) outcome.result = event.result;
        if (event.kind == EngineEvent::Kind::kFailed) outcome.error = event.error;
      }
    }
    return worked;
  }
  void RunAll() {
    for (int step = 0; Step(); ++step) ASSERT_LT(step, 100'000);
  }
  Outcome RunAlone(EngineJob job) {
    const auto id = job.id;
    const auto status = Submit(std::move(job));
    EXPECT_TRUE(status.has_value()) << (status.has_value() ? "" : status.error().message);
    RunAll();
    return std::move(outcomes[id]);
  }

  FakeTokenModel* model = nullptr;
  std::unique_ptr<Engine> engine;
  std::map<std::uint64_t, Outcome> outcomes;
};

TEST_F(EngineTest, WritesUntilTheEndTokenAndSaysStop) {
  Make(FakeInfo(), {}, FakeTokenModel::TextScript("good day", 2, FakeCodec::kEnd));
  const auto outcome = RunAlone(Job(1, "hi", 100));
  EXPECT_EQ(outcome.streamed, "good day");
  EXPECT_EQ(outcome.result->text, "good day");
  EXPECT_EQ(outcome.result->finish_reason, "stop");
  EXPECT_EQ(outcome.result->prompt_tokens, 2);
  EXPECT_EQ(outcome.result->generated_tokens, 8);
  EXPECT_FALSE(outcome.result->max_length_clipped);
  EXPECT_EQ(engine->counters().generated_tokens, 8u);
  EXPECT_EQ(engine->counters().prompt_tokens, 2u);
}

TEST_F(EngineTest, MaxLengthCountsNewTokensAndSaysLength) {
  Make(FakeInfo(), {}, FakeTokenModel::TextScript("good day", 2, FakeCodec::kEnd));
  const auto outcome = RunAlone(Job(1, "hi", 4));
  EXPECT_EQ(outcome.result->text, "good");
  EXPECT_EQ(outcome.result->finish_reason, "length");
  EXPECT_EQ(outcome.result->generated_tokens, 4);
}

TEST_F(EngineTest, MaxLengthPastTheContextIsClippedAndReported) {
  Make(FakeInfo(1, 10), {}, FakeTokenModel::TextScript("abcdefghijklmnop", 4, FakeCodec::kEnd));
  const auto outcome = RunAlone(Job(1, "text", 100));
  EXPECT_EQ(outcome.result->text, "abcdef");
  EXPECT_EQ(outcome.result->finish_reason, "length");
  EXPECT_TRUE(outcome.result->max_length_clipped);
}

TEST_F(EngineTest, APromptThatFillsTheContextIsRefused) {
  Make(FakeInfo(1, 10));
  const auto status = Submit(Job(1, "0123456789", 5));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(status.error().message.starts_with("context_length_exceeded"));
  EXPECT_TRUE(Submit(Job(1, "012345678", 5)).has_value());
}

TEST_F(EngineTest, AnEmptyPromptAndForeignIdsAreRefused) {
  Make();
  EXPECT_EQ(Submit(Job(1, "", 5)).error().code, ErrorCode::kInvalidArgument);
  auto job = Job(1, "a", 5);
  job.emitted = {257};
  EXPECT_EQ(Submit(job).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, AStopStringAcrossTokensEndsTheTextBeforeIt) {
  Make(FakeInfo(), {}, FakeTokenModel::TextScript("one. two\n\nthree", 1, FakeCodec::kEnd));
  auto job = Job(1, "x", 100);
  job.request.stop = {"\n\n", "zzz"};
  const auto outcome = RunAlone(job);
  EXPECT_EQ(outcome.result->text, "one. two");
  EXPECT_EQ(outcome.streamed, "one. two");
  EXPECT_EQ(outcome.result->finish_reason, "stop");
  EXPECT_EQ(outcome.result->generated_tokens, 10);
}

TEST_F(EngineTest, HeldBackTextComesOutAtTheEnd) {
  // "th" might become the stop string, "\xc3" might become a character.
  Make(FakeInfo(), {}, FakeTokenModel::TextScript("with th\xc3", 1, FakeCodec::kEnd));
  auto job = Job(1, "x", 100);
  job.request.stop = {"the"};
  const auto outcome = RunAlone(job);
  EXPECT_EQ(outcome.result->text, "with th\xef\xbf\xbd");
  EXPECT_EQ(outcome.streamed, outcome.result->text);
}

std::vector<EngineJob> MixedJobs(
    std::function<EngineJob(std::uint64_t, std::string, std::int64_t, SamplingParams)> make) {
  std::vector<EngineJob> jobs;
  Random random(17);
  for (std::uint64_t id = 1; id <= 24; ++id) {
    std::string text(1 + random.Below(id % 3 == 0 ? 200 : 12), 'a');
    for (auto& c : text) c = static_cast<char>('a' + random.Below(26));
    SamplingParams sampling;
    sampling.seed = id;
    if (id % 4 != 0) sampling.temperature = 1.0;
    if (id % 4 == 2) sampling.top_k = 20;
    if (id % 4 == 3) sampling.repetition_penalty = 1.5;
    jobs.push_back(make(id, text, static_cast<std::int64_t>(1 + random.Below(60)), sampling));
    if (id % 5 == 0) jobs.back().request.stop = {"a", "\x01\x02"};
  }
  return jobs;
}

TEST_F(EngineTest, ABatchOfMixedLengthsGivesTheSameTextAsOneByOne) {
  const auto jobs = MixedJobs(Job);
  std::map<std::uint64_t, Outcome> alone;
  Make(FakeInfo(1), {.max_batch = 1, .limits = {100'000, 1}});
  for (const auto& job : jobs) alone[job.id] = RunAlone(job);
  for (const std::int64_t step_tokens : {1, 7, 64}) {
    Make(FakeInfo(5), {.max_batch = 5, .limits = {step_tokens, 3}});
    // Some join while others run.
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      ASSERT_TRUE(Submit(jobs[i]).has_value());
      if (i % 3 == 0) Step();
    }
    RunAll();
    for (const auto& job : jobs) {
      ASSERT_TRUE(outcomes[job.id].result.has_value()) << job.id;
      EXPECT_EQ(outcomes[job.id].ids, alone[job.id].ids) << job.id;
      EXPECT_EQ(outcomes[job.id].result->text, alone[job.id].result->text) << job.id;
      EXPECT_EQ(outcomes[job.id].result->finish_reason, alone[job.id].result->finish_reason) << job.id;
      EXPECT_EQ(outcomes[job.id].streamed, outcomes[job.id].result->text) << job.id;
    }
  }
}

TEST_F(EngineTest, AContinuedTaskGivesTheSameTextFromEveryToken) {
  SamplingParams sampling{.temperature = 1.0, .repetition_penalty = 1.2, .seed = 5};
  auto job = Job(1, "some prompt", 40, sampling);
  job.request.stop = {"qq", "\xc3\xa9"};
  Make();
  const auto whole = RunAlone(job);
  ASSERT_GT(whole.ids.size(), 5u);
  for (std::size_t cut = 0; cut <= whole.ids.size(); ++cut) {
    job.id = 100 + cut;
    job.emitted.assign(whole.ids.begin(), whole.ids.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto rest = RunAlone(job);
    EXPECT_EQ(rest.result->text, whole.result->text) << cut;
    EXPECT_EQ(rest.result->finish_reason, whole.result->finish_reason) << cut;
    EXPECT_EQ(rest.result->generated_tokens, whole.result->generated_tokens) << cut;
    // All of it is told, in the same pieces: a reader goes on from wherever it was.
    EXPECT_EQ(rest.ids, whole.ids) << cut;
    EXPECT_EQ(rest.streamed, whole.streamed) << cut;
    EXPECT_EQ(rest.piece_ends, whole.piece_ends) << cut;
  }
}

TEST_F(EngineTest, ALongPromptDoesNotStallThoseThatGenerate) {
  Make(FakeInfo(3, 4096), {.max_batch = 3, .limits = {64, 16}});
  ASSERT_TRUE(Submit(Job(1, "a", 1000, {.temperature = 1.0, .seed = 3})).has_value());
  Step();
  const auto before = outcomes[1].ids.size();
  ASSERT_TRUE(Submit(Job(2, std::string(2000, 'x'), 5)).has_value());
  ASSERT_TRUE(Submit(Job(3, "short prompt", 1)).has_value());
  for (int step = 1; step <= 20 && outcomes[1].ends == 0; ++step) {
    Step();
    EXPECT_EQ(outcomes[1].ids.size(), before + static_cast<std::size_t>(step)) << "a step without a token";
  }
  EXPECT_LE(model->largest_step, 64);
  EXPECT_TRUE(outcomes[3].result.has_value()) << "a short prompt waited for a long one";
  EXPECT_FALSE(outcomes[2].result.has_value());
  engine->Cancel(1);
  RunAll();
  EXPECT_TRUE(outcomes[2].result.has_value());
}

TEST_F(EngineTest, CancelEndsARunningAndAWaitingJobBeforeTheNextStep) {
  Make(FakeInfo(1), {.max_batch = 1}, FakeTokenModel::TextScript(std::string(300, 'y'), 1, FakeCodec::kEnd));
  ASSERT_TRUE(Submit(Job(1, "a", 300)).has_value());
  ASSERT_TRUE(Submit(Job(2, "b", 300)).has_value());
  ASSERT_TRUE(Submit(Job(3, "c", 3)).has_value());
  Step();
  EXPECT_TRUE(engine->Cancel(1));
  EXPECT_TRUE(engine->Cancel(2));
  EXPECT_FALSE(engine->Cancel(77));
  const auto tokens = outcomes[1].ids.size();
  Step();
  EXPECT_EQ(outcomes[1].error->code, ErrorCode::kCanceled);
  EXPECT_EQ(outcomes[2].error->code, ErrorCode::kCanceled);
  EXPECT_EQ(outcomes[1].ids.size(), tokens);
  RunAll();
  EXPECT_EQ(outcomes[3].result->text, "yyy");
  EXPECT_FALSE(engine->Cancel(1)) << "a job that has ended is forgotten";
}

TEST_F(EngineTest, ARefusedJobChangesNothing) {
  Make(FakeInfo(1), {.max_batch = 1, .limits = {}, .max_waiting = 1});
  ASSERT_TRUE(Submit(Job(1, "a", 3)).has_value());
  EXPECT_EQ(Submit(Job(1, "a", 3)).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Submit(Job(2, "a", 3)).error().code, ErrorCode::kOverloaded);
  Step();
  EXPECT_EQ(Submit(Job(1, "a", 3)).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Submit(Job(2, "a", 3)).has_value());
  RunAll();
  EXPECT_EQ(outcomes.size(), 2u);
}

TEST_F(EngineTest, WhatFailsAloneIsAtFaultTheOthersGoOn) {
  Make(FakeInfo(4), {}, FakeTokenModel::TextScript("abc", 1, FakeCodec::kEnd));
  model->before_step = [](std::span<const SequenceSlice> slices) -> Status {
    for (const auto& slice : slices) {
      if (slice.tokens[0] == 'B') return Fail(ErrorCode::kInternal, "out of memory");
    }
    return {};
  };
  for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(Submit(Job(id, id == 2 ? "B" : "a", 10)).has_value());
  RunAll();
  EXPECT_EQ(outcomes[1].result->text, "abc");
  EXPECT_EQ(outcomes[3].result->text, "abc");
  EXPECT_EQ(outcomes[2].error->code, ErrorCode::kInternal);
  EXPECT_NE(outcomes[2].error->message.find("out of memory"), std::string::npos);
}

TEST_F(EngineTest, LogitsThatAreGarbageFailTheirSequenceOnly) {
  const auto script = [](const std::vector<std::uint32_t>& tokens, std::span<float> logits) {
    logits[5] = tokens[0] == 'B' && tokens.size() > 2 ? NAN : 1.0f;
  };
  Make(FakeInfo(2), {}, script);
  ASSERT_TRUE(Submit(Job(1, "a", 4)).has_value());
  ASSERT_TRUE(Submit(Job(2, "B", 4)).has_value());
  RunAll();
  EXPECT_EQ(outcomes[1].result->generated_tokens, 4);
  EXPECT_EQ(outcomes[2].error->code, ErrorCode::kInternal);
  EXPECT_EQ(outcomes[2].ids.size(), 2u);
}

TEST_F(EngineTest, SlotsAreUsedAgain) {
  Make(FakeInfo(2), {.max_batch = 8});
  for (std::uint64_t id = 1; id <= 50; ++id) ASSERT_TRUE(Submit(Job(id, "prompt", 1 + id % 5)).has_value());
  EXPECT_EQ(engine->counters().waiting, 50u);
  Step();
  EXPECT_LE(engine->counters().running, 2u);
  RunAll();
  EXPECT_EQ(outcomes.size(), 50u);
  for (const auto& [id, outcome] : outcomes) EXPECT_TRUE(outcome.result.has_value()) << id;
}

TEST(EngineCreate, RefusesWhatMakesNoSense) {
  const auto create = [](TokenModelInfo info, EngineOptions options) {
    return Engine::Create(std::make_unique<FakeTokenModel>(info), std::make_unique<FakeCodec>(), options)
        .has_value();
  };
  EXPECT_TRUE(create(FakeInfo(), {}));
  EXPECT_FALSE(create(FakeInfo(0), {}));
  EXPECT_FALSE(create(FakeInfo(1, 1), {}));
  EXPECT_FALSE(create(FakeInfo(), {.max_batch = 0}));
  EXPECT_FALSE(create(FakeInfo(), {.max_batch = 1, .limits = {0, 1}}));
}

}  // namespace
}  // namespace altlas::serve
