// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/periodic_sampler.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <thread>

#include "worker/serve/engine.h"
#include "worker/serve/fake_model.h"
#include "worker/serve/sample_driver.h"

namespace altlas::serve {
namespace {

using profile::ServingPhase;
using std::chrono::microseconds;

// Counts how it is switched, and gives what it was told to.
class FakeOperators final : public OperatorWatch {
 public:
  void Switch(bool on) override { switches.push_back(on); }
  double sampling() const override { return 0.5; }
  std::vector<wire::ProfileReport::Operator> Take(std::size_t most) override {
    auto all = std::exchange(sums, {});
    if (all.size() > most) all.resize(most);
    return all;
  }
  std::vector<bool> switches;
  std::vector<wire::ProfileReport::Operator> sums;
};

class PassedOn final : public PhaseListener {
 public:
  PhaseMark Begin(ServingPhase) override {
    PhaseMark mark;
    mark.start = 42;
    mark.range = 43;
    return mark;
  }
  void End(ServingPhase, PhaseMark mark) override {
    EXPECT_EQ(mark.start, 42);
    EXPECT_EQ(mark.range, 43u);
    ++ended;
  }
  int ended = 0;
};

class Sampling : public testing::Test {
 protected:
  void Phase(PhaseListener* listener, ServingPhase phase, Duration length, std::size_t size) {
    const PhaseScope scope(listener, phase, size, phase == ServingPhase::kPrefill ? size : 0);
    clock_.Advance(length);
  }
  static const wire::ProfileReport::Phase* Find(const wire::ProfileReport::Model& model,
                                                std::string_view name, std::uint32_t from) {
    for (const auto& phase : model.phases) {
      if (phase.name == name && phase.size_from == from) return &phase;
    }
    return nullptr;
  }
  FakeClock clock_;
  FakeOperators operators_;
  PeriodicSampler sampler_{clock_, &operators_};
};

TEST_F(Sampling, EveryPhaseIsCountedByModelAndSizeWithItsMedian) {
  auto* tiny = sampler_.For("tiny", nullptr);
  auto* other = sampler_.For("other", nullptr);
  (void)sampler_.For("silent", nullptr);
  Phase(tiny, ServingPhase::kDecode, microseconds(9999), 1);  // before the sample
  sampler_.Begin({5, 100, 0});
  Phase(tiny, ServingPhase::kQueue, microseconds(50), 0);
  Phase(tiny, ServingPhase::kPrefill, microseconds(320), 32);
  for (const int length : {100, 300, 200}) {
    Phase(tiny, ServingPhase::kDecode, microseconds(length), 1);
    Phase(tiny, ServingPhase::kDetokenise, microseconds(1), 1);
  }
  Phase(tiny, ServingPhase::kDecode, microseconds(500), 4);
  Phase(other, ServingPhase::kDecode, microseconds(700), 1);
  clock_.Advance(std::chrono::milliseconds(1));
  const auto report = sampler_.Finish();
  Phase(tiny, ServingPhase::kDecode, microseconds(9999), 1);  // after it
  EXPECT_EQ(report.id, 5u);
  EXPECT_DOUBLE_EQ(report.seconds, 1e-6 * (50 + 320 + 600 + 3 + 500 + 700 + 1000));
  EXPECT_GT(report.memory_peak_bytes, 1u << 20);
  ASSERT_EQ(report.models.size(), 2u);
  const auto& model = report.models[0];
  EXPECT_EQ(model.name, "tiny");
  EXPECT_EQ(model.requests, 1u);
  EXPECT_EQ(model.prompt_tokens, 32u);
  EXPECT_EQ(model.generated_tokens, 3u);
  EXPECT_EQ(model.phases.size(), 5u);
  const auto* decode = Find(model, "decode", 1);
  ASSERT_NE(decode, nullptr);
  EXPECT_EQ(decode->size_to, 1u);
  EXPECT_EQ(decode->count, 3u);
  EXPECT_EQ(decode->tokens, 3u);
  EXPECT_DOUBLE_EQ(decode->sum_seconds, 600e-6);
  EXPECT_DOUBLE_EQ(decode->median_seconds, 200e-6);
  EXPECT_DOUBLE_EQ(decode->p95_seconds, 300e-6);
  const auto* prefill = Find(model, "prefill", 32);
  ASSERT_NE(prefill, nullptr);
  EXPECT_EQ(prefill->size_to, 35u);
  EXPECT_DOUBLE_EQ(prefill->median_seconds_per_token, 10e-6);
  EXPECT_EQ(Find(model, "decode", 4)->count, 1u);
  EXPECT_EQ(report.models[1].name, "other");
  EXPECT_DOUBLE_EQ(report.models[1].phases.at(0).median_seconds, 700e-6);
}

TEST_F(Sampling, ASampleHoldsNothingOfTheOneBeforeAndNoPhaseThatBeganBeforeIt) {
  auto* tiny = sampler_.For("tiny", nullptr);
  sampler_.Begin({1, 100, 0});
  Phase(tiny, ServingPhase::kDecode, microseconds(100), 1);
  {
    const PhaseScope across(tiny, ServingPhase::kDecode, 1);
    EXPECT_EQ(sampler_.Finish().models.size(), 1u);
    clock_.Advance(microseconds(1));
    sampler_.Begin({2, 100, 0});
    clock_.Advance(microseconds(10));
  }
  const auto second = sampler_.Finish();
  EXPECT_EQ(second.id, 2u);
  EXPECT_EQ(second.seconds, 10e-6);
  EXPECT_TRUE(second.models.empty());
}

TEST_F(Sampling, OperatorsAreWatchedOnlyWhereTheyAreAskedFor) {
  auto* tiny = sampler_.For("tiny", nullptr);
  sampler_.Begin({1, 100, 0});
  Phase(tiny, ServingPhase::kDecode, microseconds(1), 1);
  EXPECT_EQ(sampler_.Finish().operator_sampling, 0);
  EXPECT_TRUE(operators_.switches.empty());
  operators_.sums = {{"of an earlier sample", 1, 1}};
  sampler_.Begin({2, 100, 2});
  Phase(tiny, ServingPhase::kDecode, microseconds(1), 1);
  operators_.sums = {{"a", 3, 3}, {"b", 2, 2}, {"c", 1, 1}};
  const auto report = sampler_.Finish();
  EXPECT_EQ(report.operator_sampling, 0.5);
  EXPECT_EQ(report.operators, (std::vector<wire::ProfileReport::Operator>{{"a", 3, 3}, {"b", 2, 2}}));
  Phase(tiny, ServingPhase::kDecode, microseconds(1), 1);
  Phase(tiny, ServingPhase::kDecode, microseconds(1), 1);
  EXPECT_EQ(operators_.switches, (std::vector<bool>{true, false}));
}

TEST_F(Sampling, TheNextListenerIsToldAllTheSame) {
  PassedOn next;
  auto* tiny = sampler_.For("tiny", &next);
  Phase(tiny, ServingPhase::kDecode, microseconds(1), 1);
  sampler_.Begin({1, 100, 0});
  Phase(tiny, ServingPhase::kDecode, microseconds(1), 1);
  EXPECT_EQ(next.ended, 2);
}

// Of very many steps some are kept: sums stay exact, the median that of those kept.
TEST_F(Sampling, ManyStepsAreThinnedAndTheirSumsExact) {
  auto* tiny = sampler_.For("tiny", nullptr);
  sampler_.Begin({1, 100, 0});
  constexpr int kSteps = 5 * static_cast<int>(PeriodicSampler::kKeptSteps);
  for (int i = 0; i < kSteps; ++i)
    Phase(tiny, ServingPhase::kDecode, microseconds(i % 10 < 9 ? 100 : 1000), 1);
  const auto report = sampler_.Finish();
  const auto& phase = report.models.at(0).phases.at(0);
  EXPECT_EQ(phase.count, std::uint64_t(kSteps));
  EXPECT_NEAR(phase.sum_seconds, kSteps * 190e-6, 1e-3);
  EXPECT_DOUBLE_EQ(phase.median_seconds, 100e-6);
}

TEST(StepSizes, EverySizeHasOneRangeThatHoldsItAndIsNarrow) {
  EXPECT_TRUE(rc::check([](std::uint32_t size) {
    const auto sizes = SizesLike(size);
    RC_ASSERT(sizes.from <= size && size <= sizes.to);
    RC_ASSERT(SizesLike(sizes.from) == sizes && SizesLike(sizes.to) == sizes);
    RC_ASSERT(static_cast<double>(sizes.to - sizes.from) < 0.125 * sizes.from + 1e-9 || size < 16);
    if (size < 16) RC_ASSERT(sizes.from == sizes.to);
  }));
  EXPECT_EQ(SizesLike(16), (StepSizes{16, 17}));
  EXPECT_EQ(SizesLike(35), (StepSizes{32, 35}));
  EXPECT_EQ(SizesLike(0), (StepSizes{0, 0}));
}

// The engine says how many tokens a step computes: the prompt's, then one for each job.
TEST(PeriodicSamplerEngine, StepsHaveTheSizesOfWhatTheyCompute) {
  SystemClock clock;
  PeriodicSampler sampler(clock);
  EngineOptions options;
  options.max_batch = 2;
  options.phases = sampler.For("tiny", nullptr);
  const auto engine =
      Engine::Create(std::make_unique<FakeTokenModel>(FakeInfo()), std::make_unique<FakeCodec>(), options)
          .value();
  sampler.Begin({1, 100, 0});
  for (std::uint64_t id = 1; id <= 2; ++id) {
    EngineJob job;
    job.id = id;
    job.request.text = "abcde";
    job.request.max_length = 11;
    job.request.ignore_end = true;
    ASSERT_TRUE(engine->Submit(engine->Prepare(std::move(job)).value()).has_value());
  }
  std::vector<EngineEvent> events;
  while (engine->Step(events)) {
  }
  const auto report = sampler.Finish();
  ASSERT_EQ(report.models.size(), 1u);
  const auto& model = report.models[0];
  EXPECT_EQ(model.requests, 2u);
  EXPECT_EQ(model.generated_tokens, 22u);
  EXPECT_EQ(model.prompt_tokens, 10u);
  std::uint64_t decode_tokens = 0;
  for (const auto& phase : model.phases) {
    if (phase.name != "decode") continue;
    EXPECT_EQ(phase.size_from, 2u);
    EXPECT_EQ(phase.count, 10u);
    decode_tokens += phase.tokens;
  }
  EXPECT_EQ(decode_tokens, 20u);
}

// A prompt that comes in pieces, each in one step with the tokens of those that generate.
TEST(PeriodicSamplerEngine, PromptTokensAreThoseOfPromptsAloneWhereOthersGenerateBesideThem) {
  SystemClock clock;
  PeriodicSampler sampler(clock);
  EngineOptions options;
  options.max_batch = 4;
  options.limits = {.step_tokens = 8, .min_prefill_tokens = 4};
  options.phases = sampler.For("tiny", nullptr);
  const auto engine =
      Engine::Create(std::make_unique<FakeTokenModel>(FakeInfo()), std::make_unique<FakeCodec>(), options)
          .value();
  std::vector<EngineEvent> events;
  const auto submit = [&](std::uint64_t id, std::string text) {
    EngineJob job;
    job.id = id;
    job.request.text = std::move(text);
    job.request.max_length = 12;
    job.request.ignore_end = true;
    ASSERT_TRUE(engine->Submit(engine->Prepare(std::move(job)).value()).has_value());
  };
  sampler.Begin({1, 100, 0});
  for (std::uint64_t id = 1; id <= 3; ++id) submit(id, "ab");
  (void)engine->Step(events);
  submit(4, "abcdefghijklmnopqrst");
  while (engine->Step(events)) {
  }
  const auto report = sampler.Finish();
  EXPECT_EQ(report.models.at(0).prompt_tokens, 3u * 2 + 20);
  EXPECT_EQ(report.models.at(0).generated_tokens, 4u * 12);
}

class SampleDriverTest : public testing::Test {
 protected:
  void Start() {
    driver_.Start([this](wire::ProfileReport report) {
      MutexLock lock(mutex_);
      sent_.push_back(std::move(report));
      changed_.NotifyAll();
    });
  }
  wire::ProfileReport Next() {
    MutexLock lock(mutex_);
    while (sent_.empty()) changed_.Wait(mutex_);
    auto report = std::move(sent_.front());
    sent_.pop_front();
    return report;
  }
  SystemClock clock_;
  PeriodicSampler sampler_{clock_};
  Mutex mutex_;
  CondVar changed_;
  std::deque<wire::ProfileReport> sent_;
  SampleDriver driver_{sampler_};
};

TEST_F(SampleDriverTest, AnAskIsAnsweredAfterItsTimeAlsoOneThatCameBeforeTheStart) {
  driver_.Ask({1, 20, 0});
  Start();
  const auto first = Next();
  EXPECT_EQ(first.id, 1u);
  EXPECT_GE(first.seconds, 0.02);
  driver_.Ask({2, 0, 0});
  const auto second = Next();
  EXPECT_EQ(second.id, 2u);
  EXPECT_GE(second.seconds, 0.01);  // the shortest
}

TEST_F(SampleDriverTest, AStopEndsASampleWithoutAReport) {
  Start();
  driver_.Ask({1, 60'000, 0});
  driver_.Stop();
  MutexLock lock(mutex_);
  EXPECT_TRUE(sent_.empty());
}

// Phases end on the engine's thread while samples begin and end on another.
TEST(PeriodicSamplerThreads, BeginAndFinishMayComeWhilePhasesEnd) {
  SystemClock clock;
  PeriodicSampler sampler(clock);
  auto* listener = sampler.For("tiny", nullptr);
  std::atomic<bool> stop{false};
  std::thread engine([&] {
    while (!stop) {
      const PhaseScope step(listener, ServingPhase::kDecode, 3);
      const PhaseScope text(listener, ServingPhase::kDetokenise, 1);
    }
  });
  std::uint64_t steps = 0;
  for (std::uint64_t id = 1; steps < 50 || id < 20; ++id) {
    sampler.Begin({id, 100, 0});
    std::this_thread::yield();
    const auto report = sampler.Finish();
    EXPECT_EQ(report.id, id);
    for (const auto& model : report.models) {
      for (const auto& phase : model.phases) steps += phase.name == "decode" ? phase.count : 0;
    }
  }
  stop = true;
  engine.join();
  EXPECT_GE(steps, 50u);
}

}  // namespace
}  // namespace altlas::serve
