// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/phase_recorder.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/file.h"
#include "profile/capture_lines.h"
#include "worker/serve/embedding_engine.h"
#include "worker/serve/engine.h"
#include "worker/serve/fake_model.h"
#include "worker/serve/fake_vector_model.h"

namespace altlas::serve {
namespace {

using profile::ServingPhase;

// Writes down what it is told: "+queue", "-queue".
class FakeListener final : public PhaseListener {
 public:
  PhaseMark Begin(ServingPhase phase) override {
    told += "+" + std::string(profile::PhaseName(phase)) + " ";
    return {++last, 0};
  }
  void End(ServingPhase phase, PhaseMark mark) override {
    EXPECT_GT(mark.start, 0);
    told += "-" + std::string(profile::PhaseName(phase)) + " ";
  }
  std::string told;
  std::int64_t last = 0;
};

PreparedJob PrepareJob(const Engine& engine, std::uint64_t id, std::int64_t max_length) {
  EngineJob job;
  job.id = id;
  job.request.text = "ab";
  job.request.max_length = max_length;
  job.request.ignore_end = true;
  return engine.Prepare(std::move(job)).value();
}

std::unique_ptr<Engine> MakeEngine(PhaseListener& listener, int max_batch) {
  EngineOptions options;
  options.max_batch = max_batch;
  options.phases = &listener;
  return Engine::Create(std::make_unique<FakeTokenModel>(FakeInfo()), std::make_unique<FakeCodec>(), options)
      .value();
}

TEST(PhaseRecorder, TheEngineOfVectorsNamesItsPhasesToo) {
  FakeListener listener;
  EmbeddingEngineOptions options;
  options.phases = &listener;
  const auto engine = EmbeddingEngine::Create(std::make_unique<FakeVectorModel>(64, false),
                                              std::make_unique<FakePassages>(), options)
                          .value();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EngineJob job;
    job.id = id;
    job.embedding = EmbeddingRequest{"ab", {}, false};
    ASSERT_TRUE(engine->Submit(engine->Prepare(std::move(job)).value()).has_value());
  }
  EXPECT_TRUE(engine->Cancel(2));
  EXPECT_EQ(listener.told, "+queue +queue +queue ");
  listener.told.clear();
  std::vector<EngineEvent> events;
  while (engine->Step(events)) {
  }
  EXPECT_EQ(listener.told, "-queue -queue -queue +prefill -prefill ");
}

TEST(PhaseRecorder, TheEngineNamesItsPhases) {
  FakeListener listener;
  const auto engine = MakeEngine(listener, 1);
  std::vector<EngineEvent> events;
  ASSERT_TRUE(engine->Submit(PrepareJob(*engine, 1, 2)).has_value());
  ASSERT_TRUE(engine->Submit(PrepareJob(*engine, 2, 1)).has_value());
  EXPECT_EQ(listener.told, "+queue +queue ");
  listener.told.clear();
  engine->Step(events);
  EXPECT_EQ(listener.told, "-queue +prefill -prefill +detokenise -detokenise ");
  listener.told.clear();
  engine->Step(events);
  EXPECT_EQ(listener.told, "+decode -decode +detokenise -detokenise ");
  listener.told.clear();
  engine->Step(events);
  EXPECT_EQ(listener.told, "-queue +prefill -prefill +detokenise -detokenise ");
}

TEST(PhaseRecorder, AJobThatIsCanceledWhileItWaitsEndsItsQueue) {
  FakeListener listener;
  const auto engine = MakeEngine(listener, 1);
  std::vector<EngineEvent> events;
  ASSERT_TRUE(engine->Submit(PrepareJob(*engine, 1, 4)).has_value());
  ASSERT_TRUE(engine->Submit(PrepareJob(*engine, 2, 4)).has_value());
  engine->Step(events);
  engine->Cancel(2);
  listener.told.clear();
  engine->Step(events);
  EXPECT_TRUE(listener.told.starts_with("-queue ")) << listener.told;
}

ProfileWishes WishesFrom(std::map<std::string, std::string> variables) {
  return ReadProfileWishes([&](const char* name) -> const char* {
           const auto it = variables.find(name);
           return it == variables.end() ? nullptr : it->second.c_str();
         })
      .value();
}

TEST(PhaseRecorder, RangesGoToTheFile) {
  TemporaryFolder folder;
  const auto wishes =
      WishesFrom({{"ALTLAS_PROFILE_OUTPUT", folder.path().string()}, {"ALTLAS_PROFILE_SAMPLING", "0.5"}});
  {
    const auto recorder = PhaseRecorder::Create(wishes).value();
    ASSERT_NE(recorder, nullptr);
    const auto queued = recorder->Begin(ServingPhase::kQueue);
    recorder->End(ServingPhase::kPrefill, recorder->Begin(ServingPhase::kPrefill));
    recorder->End(ServingPhase::kQueue, queued);
  }
  profile::CaptureLines records;
  const auto info = profile::ReadCollector(folder.path() / fmt::format("worker-{}.alc", ::getpid()), records);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  ASSERT_EQ(records.lines.size(), 2u);
  EXPECT_NE(records.lines[0].find("\"prefill\" domain \"alt_las\" thread " +
                                  std::to_string(profile::CollectorThreadId())),
            std::string::npos)
      << records.lines[0];
  EXPECT_NE(records.lines[1].find("\"queue\" domain \"alt_las\" thread 0"), std::string::npos)
      << records.lines[1];
  EXPECT_EQ(info->operator_sampling, 0.5);
  EXPECT_TRUE(info->notes.empty());
}

TEST(PhaseRecorder, AfterItsTimeNothingIsRecorded) {
  TemporaryFolder folder;
  {
    const auto recorder = PhaseRecorder::Create(WishesFrom({{"ALTLAS_PROFILE_OUTPUT", folder.path().string()},
                                                            {"ALTLAS_PROFILE_SECONDS", "0"}}))
                              .value();
    recorder->End(ServingPhase::kDecode, recorder->Begin(ServingPhase::kDecode));
  }
  profile::CaptureLines records;
  ASSERT_TRUE(
      profile::ReadCollector(folder.path() / fmt::format("worker-{}.alc", ::getpid()), records).has_value());
  EXPECT_TRUE(records.lines.empty());
}

TEST(PhaseRecorder, NobodyAskedNothingIsMade) {
  EXPECT_EQ(PhaseRecorder::Create(WishesFrom({})).value(), nullptr);
  EXPECT_EQ(PhaseRecorder::Create(WishesFrom({{"NVTX_INJECTION64_PATH", "/no/such/tool.so"}})).value(),
            nullptr);
  const auto wrong = ReadProfileWishes([](const char* name) {
    return std::string_view(name) == "ALTLAS_PROFILE_SAMPLING" ? "much" : nullptr;
  });
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message.find("much"), std::string::npos);
}

TEST(PhaseRecorder, AnNvtxToolIsToldTheSameNames) {
  const auto recorder =
      PhaseRecorder::Create(WishesFrom({{"NVTX_INJECTION64_PATH", ALTLAS_FAKE_NVTX_TOOL}})).value();
  ASSERT_NE(recorder, nullptr);
  const auto queued = recorder->Begin(ServingPhase::kQueue);
  const auto step = recorder->Begin(ServingPhase::kDecode);
  recorder->End(ServingPhase::kQueue, queued);
  recorder->End(ServingPhase::kDecode, step);
  void* tool = ::dlopen(ALTLAS_FAKE_NVTX_TOOL, RTLD_LAZY);
  ASSERT_NE(tool, nullptr);
  const auto told = reinterpret_cast<const char* (*)()>(::dlsym(tool, "FakeNvtxTold"));
  EXPECT_STREQ(told(), "start alt_las:queue 101\npush alt_las:decode\nend 101\npop\n");
  ::dlclose(tool);
}

}  // namespace
}  // namespace altlas::serve
