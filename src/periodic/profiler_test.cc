// SPDX-License-Identifier: Apache-2.0
#include "periodic/profiler.h"

#include <gtest/gtest.h>

#include <thread>

#include "store/store.h"

namespace altlas::periodic {
namespace {

class FakeSource final : public backend::ProfileSource {
 public:
  Status AskForProfile(const wire::ProfileAsk& ask) override {
    if (!ready) return Fail(ErrorCode::kUnavailable, "it loads its models");
    asked.push_back(ask);
    return {};
  }
  bool ready = true;
  std::vector<wire::ProfileAsk> asked;
};

class ProfilerTest : public testing::Test {
 protected:
  void SetUp() override {
    loop_ = net::IoLoop::Create().value();
    store_ = store::CreateMemoryStore({}, clock_, loop_->AsExecutor());
    Make();
  }
  void Make() {
    profiler_.reset();
    registry_ = std::make_unique<metrics::Registry>();
    profiler_ = std::make_unique<Profiler>(options_, *loop_, clock_, store_->profiles(), *registry_);
    profiler_->Add("gpu_0", source_);
    ASSERT_TRUE(profiler_->Start().has_value());
  }
  static wire::ProfileReport Report(std::uint64_t id, double decode_seconds) {
    wire::ProfileReport report;
    report.id = id;
    report.seconds = 1;
    report.models = {{"tiny", 1, 2, 3, {{"decode", 1, 1, 50, 50, 1, decode_seconds, 1, 1}}}};
    return report;
  }
  // Asks, answers, and turns the loop until the store has answered.
  void Sample(double decode_seconds) {
    profiler_->AskAll();
    profiler_->OnReport("gpu_0", Report(source_.asked.back().id, decode_seconds));
    while (loop_->RunReady()) {
    }
  }
  std::vector<store::ProfileRow> Rows() {
    return store_->profiles().ListProfiles({.limit = 1000}).value().rows;
  }
  bool Shows(const std::string& line) { return registry_->Text().find(line) != std::string::npos; }

  FakeClock clock_;
  ProfilerOptions options_;
  std::unique_ptr<net::IoLoop> loop_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<metrics::Registry> registry_;
  FakeSource source_;
  std::unique_ptr<Profiler> profiler_;
};

TEST_F(ProfilerTest, AsksWithWhatIsConfiguredAndKeepsWhatComes) {
  options_.sample_duration = std::chrono::milliseconds(250);
  options_.operators = 3;
  Make();
  Sample(0.5);
  ASSERT_EQ(source_.asked.size(), 1u);
  EXPECT_EQ(source_.asked[0].duration_ms, 250u);
  EXPECT_EQ(source_.asked[0].operators, 3u);
  const auto rows = Rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].device, "gpu_0");
  EXPECT_EQ(rows[0].measures.at(0).seconds, 0.5);
  EXPECT_GT(rows[0].at_ms, 1'600'000'000'000);
  EXPECT_TRUE(Shows(R"(altlas_profile_samples_total{device="gpu_0",outcome="kept"} 1)")) << registry_->Text();
}

TEST_F(ProfilerTest, ReportsThatNobodyWaitsForAreDropped) {
  profiler_->OnReport("gpu_0", Report(0, 1));
  profiler_->OnReport("gpu_0", Report(77, 1));
  profiler_->OnReport("gpu_9", Report(1, 1));
  profiler_->AskAll();
  const auto first = source_.asked.back().id;
  profiler_->AskAll();
  EXPECT_EQ(source_.asked.size(), 1u);  // it may still come
  clock_.Advance(options_.sample_duration + Profiler::kPatience);
  profiler_->AskAll();
  ASSERT_EQ(source_.asked.size(), 2u);
  EXPECT_TRUE(Shows(R"(outcome="lost"} 1)"));
  profiler_->OnReport("gpu_0", Report(first, 1));  // too late: the next one is open
  profiler_->OnReport("gpu_0", Report(source_.asked.back().id, 1));
  profiler_->OnReport("gpu_0", Report(source_.asked.back().id, 1));  // a second time
  while (loop_->RunReady()) {
  }
  EXPECT_EQ(Rows().size(), 1u);
}

TEST_F(ProfilerTest, AWorkerThatGoesInASampleIsAskedAgainWhenTheNextOneIsReady) {
  profiler_->OnNotReady("gpu_0");
  profiler_->OnNotReady("gpu_9");
  EXPECT_FALSE(Shows(R"(outcome="lost")"));
  profiler_->AskAll();
  const auto open = source_.asked.back().id;
  source_.ready = false;
  profiler_->OnNotReady("gpu_0");
  profiler_->OnNotReady("gpu_0");
  EXPECT_TRUE(Shows(R"(outcome="lost"} 1)"));
  profiler_->OnReport("gpu_0", Report(open, 1));
  source_.ready = true;
  Sample(1);
  EXPECT_EQ(source_.asked.size(), 2u);
  EXPECT_EQ(Rows().size(), 1u);
}

TEST_F(ProfilerTest, AWorkerThatDidNothingLeavesNoRowAndOneThatIsNotReadyIsNotWaitedFor) {
  profiler_->AskAll();
  wire::ProfileReport idle;
  idle.id = source_.asked.back().id;
  profiler_->OnReport("gpu_0", idle);
  EXPECT_TRUE(Shows(R"(outcome="idle"} 1)"));
  source_.ready = false;
  profiler_->AskAll();
  profiler_->AskAll();
  EXPECT_FALSE(Shows(R"(outcome="lost")"));
  EXPECT_TRUE(Rows().empty());
}

TEST_F(ProfilerTest, AnAnomalyIsMarkedAndCountedAndWhatWasLearnedOutlivesARestart) {
  for (int i = 0; i < 40; ++i) Sample(1);
  Sample(2);
  EXPECT_TRUE(Shows(R"(altlas_profile_anomalies_total{device="gpu_0",model="tiny"} 0)")) << registry_->Text();
  Make();  // in the middle of it: the history tells the next one that the last sample was slow
  Sample(2);
  EXPECT_TRUE(Shows(R"(altlas_profile_anomalies_total{device="gpu_0",model="tiny"} 1)")) << registry_->Text();
  const auto rows = Rows();
  EXPECT_TRUE(rows[0].anomaly);
  EXPECT_NE(rows[0].why.find("normal is 1 s"), std::string::npos) << rows[0].why;
  EXPECT_FALSE(rows[1].anomaly);
}

TEST_F(ProfilerTest, TheHistoryKeepsToItsBounds) {
  options_.history_samples = 5;
  Make();
  for (int i = 0; i < 12; ++i) Sample(1);
  EXPECT_EQ(Rows().size(), 5u);
}

TEST_F(ProfilerTest, TheTimerAsksAndSwitchedOffItDoesNot) {
  options_.enabled = false;
  options_.interval = std::chrono::milliseconds(1);
  Make();
  bool passed = false;
  const auto later = loop_->RunAfter(std::chrono::milliseconds(20), [&] { passed = true; });
  const auto turn_until = [&](auto condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!condition() && std::chrono::steady_clock::now() < limit) {
      clock_.Advance(Profiler::kPatience);
      if (!loop_->RunReady()) std::this_thread::yield();
    }
    return condition();
  };
  EXPECT_TRUE(turn_until([&] { return passed; }));
  EXPECT_TRUE(source_.asked.empty());
  options_.enabled = true;
  profiler_->Configure(options_);
  EXPECT_TRUE(turn_until([&] { return source_.asked.size() >= 3; }));
}

}  // namespace
}  // namespace altlas::periodic
