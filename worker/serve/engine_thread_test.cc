// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/engine_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>

#include "worker/serve/engine.h"
#include "worker/serve/fake_model.h"

namespace altlas::serve {
namespace {

// Collects events of any thread; tests wait for ends.
class Collector {
 public:
  EngineThread::Sink sink() {
    return [this](std::span<EngineEvent> events) {
      MutexLock lock(mutex_);
      EXPECT_FALSE(closed_) << "an event after the destructor";
      for (auto& event : events) {
        if (event.kind == EngineEvent::Kind::kToken) {
          ++tokens_[event.id];
        } else {
          EXPECT_TRUE(ends_.emplace(event.id, std::move(event)).second) << "a second end";
        }
      }
      changed_.NotifyAll();
    };
  }
  void WaitForEnds(std::size_t count) {
    MutexLock lock(mutex_);
    while (ends_.size() < count) changed_.Wait(mutex_);
  }
  void WaitForToken(std::uint64_t id) {
    MutexLock lock(mutex_);
    while (tokens_[id] == 0) changed_.Wait(mutex_);
  }
  // Nothing may come any more.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  std::size_t ends() {
    MutexLock lock(mutex_);
    return ends_.size();
  }
  EngineEvent End(std::uint64_t id) {
    MutexLock lock(mutex_);
    return ends_.at(id);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<std::uint64_t, int> tokens_ ALTLAS_GUARDED_BY(mutex_);
  std::map<std::uint64_t, EngineEvent> ends_ ALTLAS_GUARDED_BY(mutex_);
  bool closed_ ALTLAS_GUARDED_BY(mutex_) = false;
};

std::unique_ptr<Engine> MakeEngine(FakeTokenModel::Script script, int slots = 4, std::int64_t context = 512) {
  return Engine::Create(std::make_unique<FakeTokenModel>(FakeInfo(slots, context), std::move(script)),
                        std::make_unique<FakeCodec>(), {})
      .value();
}

// Never ends by itself before its context does.
FakeTokenModel::Script Endless() {
  return [](const std::vector<std::uint32_t>&, std::span<float> logits) { logits['z'] = 1.0f; };
}

EngineJob Job(std::uint64_t id, std::string text, std::int64_t max_length) {
  EngineJob job;
  job.id = id;
  job.request.text = std::move(text);
  job.request.max_length = max_length;
  return job;
}

TEST(EngineThread, ManySubmittersEachGetOneEnd) {
  Collector collector;
  EngineThread threads(collector.sink());
  ASSERT_TRUE(threads.AddModel("a", MakeEngine(FakeTokenModel::HashScript())).has_value());
  ASSERT_TRUE(threads.AddModel("b", MakeEngine(FakeTokenModel::HashScript())).has_value());
  std::vector<std::thread> submitters;
  for (std::uint64_t s = 0; s < 4; ++s) {
    submitters.emplace_back([&, s] {
      for (std::uint64_t i = 0; i < 25; ++i) {
        EXPECT_TRUE(threads.Submit(i % 2 == 0 ? "a" : "b", Job(s * 100 + i, "prompt", 10)).has_value());
        if (i % 5 == 0) threads.Cancel(s * 100 + i);
      }
    });
  }
  for (auto& submitter : submitters) submitter.join();
  collector.WaitForEnds(100);
  EXPECT_EQ(threads.counters().running, 0u);
  EXPECT_EQ(threads.counters().waiting, 0u);
  EXPECT_GT(threads.counters().steps, 0u);
}

TEST(EngineThread, CancelReachesARunningJob) {
  Collector collector;
  EngineThread threads(collector.sink());
  ASSERT_TRUE(threads.AddModel("m", MakeEngine(Endless(), 2, 1'000'000)).has_value());
  ASSERT_TRUE(threads.Submit("m", Job(1, "a", 900'000)).has_value());
  collector.WaitForToken(1);
  threads.Cancel(1);
  threads.Cancel(12345);
  collector.WaitForEnds(1);
  EXPECT_EQ(collector.End(1).error.code, ErrorCode::kCanceled);
}

TEST(EngineThread, OneModelDoesNotStarveAnother) {
  Collector collector;
  EngineThread threads(collector.sink());
  ASSERT_TRUE(threads.AddModel("busy", MakeEngine(Endless(), 2, 1'000'000)).has_value());
  ASSERT_TRUE(threads.AddModel("other", MakeEngine(Endless())).has_value());
  ASSERT_TRUE(threads.Submit("busy", Job(1, "a", 900'000)).has_value());
  collector.WaitForToken(1);
  ASSERT_TRUE(threads.Submit("other", Job(2, "a", 20)).has_value());
  collector.WaitForEnds(1);
  EXPECT_EQ(collector.End(2).result.generated_tokens, 20);
}

TEST(EngineThread, UnknownModelsAndRefusedJobsAreAnswered) {
  Collector collector;
  EngineThread threads(collector.sink());
  ASSERT_TRUE(threads.AddModel("m", MakeEngine(Endless())).has_value());
  EXPECT_EQ(threads.AddModel("m", MakeEngine(Endless())).error().code, ErrorCode::kConflict);
  const auto status = threads.Submit("other", Job(1, "a", 5));
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_NE(status.error().message.find("loaded: m"), std::string::npos);
  ASSERT_TRUE(threads.Submit("m", Job(2, std::string(600, 'x'), 5)).has_value());
  collector.WaitForEnds(1);
  EXPECT_EQ(collector.End(2).error.code, ErrorCode::kInvalidArgument);
}

TEST(EngineThread, StopsInTheMiddleOfWorkWithoutAWord) {
  Collector collector;
  {
    EngineThread threads(collector.sink());
    ASSERT_TRUE(threads.AddModel("m", MakeEngine(Endless(), 2, 1'000'000)).has_value());
    for (std::uint64_t id = 1; id < 9; ++id)
      ASSERT_TRUE(threads.Submit("m", Job(id, "a", 900'000)).has_value());
    collector.WaitForToken(1);
  }
  collector.Close();
  EXPECT_EQ(collector.ends(), 0u);
}

// The step at hand is finished first: the destructor waits for the sink that takes its events.
TEST(EngineThread, TheDestructorWaitsForTheEventsOfTheStepAtHand) {
  Mutex mutex;
  CondVar changed;
  bool in_sink = false, release = false;
  int events_taken = 0;
  auto threads = std::make_unique<EngineThread>([&](std::span<EngineEvent> events) {
    MutexLock lock(mutex);
    in_sink = true;
    changed.NotifyAll();
    while (!release) changed.Wait(mutex);
    events_taken += static_cast<int>(events.size());
  });
  ASSERT_TRUE(threads->AddModel("m", MakeEngine(Endless(), 2, 1'000'000)).has_value());
  ASSERT_TRUE(threads->Submit("m", Job(1, "a", 900'000)).has_value());
  {
    MutexLock lock(mutex);
    while (!in_sink) changed.Wait(mutex);
  }
  std::atomic<bool> destroyed{false};
  std::thread destroyer([&] {
    threads.reset();
    destroyed = true;
  });
  EXPECT_FALSE(destroyed);
  {
    MutexLock lock(mutex);
    release = true;
    changed.NotifyAll();
  }
  destroyer.join();
  EXPECT_GT(events_taken, 0);  // no lock: nobody else is left
}

}  // namespace
}  // namespace altlas::serve
