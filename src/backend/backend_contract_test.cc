// SPDX-License-Identifier: Apache-2.0
// What every Backend keeps to. A new implementation adds itself to the list at the end.
#include <set>

#include "backend/backend_test_kit.h"

namespace altlas::backend {
namespace {

struct Subject {
  std::string name;
  // A backend not started yet; the hub, where there is one, is kept in the second.
  std::function<std::unique_ptr<Backend>(LoopKit&, std::unique_ptr<WorkerHub>&, milliseconds service,
                                         BackendListener)>
      make;
};

std::unique_ptr<Backend> MakeEchoBackend(LoopKit& kit, std::unique_ptr<WorkerHub>&, milliseconds service,
                                         BackendListener listener) {
  EchoOptions options;
  options.slots = 4;
  options.service_time = service;
  auto timers = std::make_shared<std::vector<net::IoLoop::Timer>>();
  auto after = [&kit, timers](Duration delay, std::function<void()> call) {
    timers->push_back(kit.loop->RunAfter(delay, std::move(call)));
  };
  return std::make_unique<EchoBackend>(options, kit.loop->AsExecutor(), after, std::move(listener));
}

std::unique_ptr<Backend> MakeWorkerBackend(LoopKit& kit, std::unique_ptr<WorkerHub>& hub,
                                           milliseconds service, BackendListener listener) {
  hub = std::move(*WorkerHub::Create(*kit.loop, {kit.folder.path()}));
  auto options = EchoWorkerOptions({"--service-ms", std::to_string(service.count())});
  options.session.end_within = milliseconds(500);
  return std::move(*WorkerBackend::Create(*hub, options, std::move(listener)));
}

class BackendContract : public ::testing::TestWithParam<Subject> {
 protected:
  ~BackendContract() override {
    if (!backend_) return;
    bool stopped = false;
    backend_->Stop(StopMode::kKill, [&] { stopped = true; });
    kit_.Until([&] { return stopped; });
  }
  void Make(milliseconds service = {}) {
    backend_ = GetParam().make(kit_, hub_, service, recorder_.Listener());
  }
  void MakeReady(milliseconds service = {}) {
    Make(service);
    backend_->Start({});
    ASSERT_TRUE(kit_.Until([&] { return recorder_.Count<BackendReady>() == 1; }));
  }
  std::size_t Ends() const {
    return recorder_.Count<wire::LeaseDone>() + recorder_.Count<wire::LeaseFailed>() +
           recorder_.Lost().size();
  }

  LoopKit kit_;
  Recorder recorder_;
  std::unique_ptr<WorkerHub> hub_;
  std::unique_ptr<Backend> backend_;
};

TEST_P(BackendContract, ReadyNamesItsModelsAndSlots) {
  MakeReady();
  const auto ready = recorder_.All<BackendReady>()[0];
  EXPECT_EQ(ready.ready.slots, 4u);
  ASSERT_EQ(ready.models.size(), 1u);
  EXPECT_EQ(ready.models[0].name, "echo");
  EXPECT_EQ(ready.models[0].family, "echo");
  const auto status = backend_->status();
  EXPECT_EQ(status.device, "gpu_0");
  EXPECT_EQ(status.state, BackendState::kReady);
  EXPECT_EQ(status.models, ready.models);
}

TEST_P(BackendContract, NoEventComesInsideACall) {
  Make();
  backend_->Start({{{1, 77}, 1}});
  EXPECT_TRUE(recorder_.events.empty());
  kit_.Until([&] { return recorder_.Count<BackendReady>() == 1; });
  const auto before = recorder_.events.size();
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "a")));
  ASSERT_TRUE(backend_->Grant(GrantOf(2, "a")));
  backend_->Cancel({{1, 2}, 1});
  EXPECT_EQ(recorder_.events.size(), before);
  kit_.Until([&] { return Ends() == 3; });
  const auto later = recorder_.events.size();
  bool stopped = false;
  backend_->Stop(StopMode::kKill, [&] { stopped = true; });
  EXPECT_FALSE(stopped);
  EXPECT_EQ(recorder_.events.size(), later);
  kit_.Until([&] { return stopped; });
}

TEST_P(BackendContract, LeaseEndsInOneDoneWithItsResult) {
  MakeReady();
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "some words here")));
  kit_.Until([&] { return Ends() == 1; });
  const auto done = recorder_.All<wire::LeaseDone>();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].lease, (LeaseKey{{1, 1}, 1}));
  EXPECT_NE(done[0].result.find("\"text\":\"some words here\""), std::string::npos) << done[0].result;
  EXPECT_EQ(done[0].generated_tokens, 3u);
  EXPECT_EQ(recorder_.Count<wire::Token>(), 0u);
  EXPECT_EQ(backend_->status().leases, 0u);
  backend_->Acknowledge(done[0].lease);
}

TEST_P(BackendContract, StreamBringsItsTokensInOrderBeforeTheResult) {
  MakeReady();
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "one two three four", true)));
  kit_.Until([&] { return Ends() == 1; });
  std::string text;
  std::uint32_t index = 0;
  for (const auto& token : recorder_.All<wire::Token>()) {
    EXPECT_EQ(token.index, index);
    index += static_cast<std::uint32_t>(token.ids.size());
    text += token.text;
  }
  EXPECT_EQ(text, "one two three four");
  std::size_t last_token = 0, done = 0;
  for (std::size_t i = 0; i < recorder_.events.size(); ++i) {
    if (std::holds_alternative<wire::Token>(recorder_.events[i])) last_token = i;
    if (std::holds_alternative<wire::LeaseDone>(recorder_.events[i])) done = i;
  }
  EXPECT_LT(last_token, done);
}

TEST_P(BackendContract, LeaseWithEmittedTokensContinuesAfterThem) {
  MakeReady();
  auto grant = GrantOf(1, "one two three four", true, 2);
  grant.emitted = {11, 12};
  ASSERT_TRUE(backend_->Grant(grant));
  kit_.Until([&] { return Ends() == 1; });
  // What the earlier attempt told may come again, in its place.
  auto tokens = recorder_.All<wire::Token>();
  if (tokens.size() == 4) {
    EXPECT_EQ(tokens[0].index, 0u);
    EXPECT_EQ(tokens[0].text + tokens[1].text, "one two");
    tokens.erase(tokens.begin(), tokens.begin() + 2);
  }
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].index, 2u);
  EXPECT_EQ(tokens[0].text + tokens[1].text, " three four");
  EXPECT_NE(recorder_.All<wire::LeaseDone>()[0].result.find("one two three four"), std::string::npos);
}

TEST_P(BackendContract, LeasesAreRefusedBeforeItIsReady) {
  Make();
  EXPECT_EQ(backend_->Grant(GrantOf(1, "a")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(backend_->status().state, BackendState::kStopped);
}

TEST_P(BackendContract, SecondGrantOfALeaseIsAConflictAndAnotherAttemptIsNot) {
  MakeReady(std::chrono::hours(1));
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "a")));
  EXPECT_EQ(backend_->Grant(GrantOf(1, "a")).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(backend_->Grant(GrantOf(1, "a", false, 2)));
  EXPECT_EQ(backend_->status().leases, 2u);
}

TEST_P(BackendContract, GrantThatBreaksALimitIsRefusedAndHasNoEvent) {
  MakeReady();
  auto huge = GrantOf(1, "a");
  huge.request.assign(wire::kMaxJsonBytes + 1, ' ');
  EXPECT_EQ(backend_->Grant(huge).error().code, ErrorCode::kTooLarge);
  auto unnamed = GrantOf(2, "a");
  unnamed.type = "";
  EXPECT_EQ(backend_->Grant(unnamed).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(backend_->Grant(GrantOf(3, "a")));
  kit_.Until([&] { return Ends() == 1; });
  EXPECT_EQ(recorder_.All<wire::LeaseDone>()[0].lease.task.low, 3u);
}

TEST_P(BackendContract, RequestThatTheModelCannotReadFails) {
  MakeReady();
  auto grant = GrantOf(1, "a");
  grant.request = "[]";
  ASSERT_TRUE(backend_->Grant(grant));
  kit_.Until([&] { return Ends() == 1; });
  ASSERT_EQ(recorder_.Count<wire::LeaseFailed>(), 1u);
  EXPECT_EQ(recorder_.All<wire::LeaseFailed>()[0].code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(recorder_.All<wire::LeaseFailed>()[0].worker_at_fault);
}

TEST_P(BackendContract, CancelEndsARunningLeaseOnce) {
  MakeReady(std::chrono::hours(1));
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "a b c", true)));
  ASSERT_TRUE(backend_->Grant(GrantOf(2, "d")));
  backend_->Cancel({{1, 1}, 1});
  backend_->Cancel({{1, 1}, 1});
  backend_->Cancel({{1, 9}, 1});  // nobody's
  kit_.Until([&] { return Ends() == 1; });
  const auto failed = recorder_.All<wire::LeaseFailed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, ErrorCode::kCanceled);
  EXPECT_EQ(failed[0].lease.task.low, 1u);
  EXPECT_EQ(backend_->status().leases, 1u);
}

TEST_P(BackendContract, DrainFinishesWhatRunsRefusesMoreThenStops) {
  MakeReady(milliseconds(50));
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "a")));
  bool stopped = false;
  backend_->Stop(StopMode::kDrain, [&] { stopped = true; });
  EXPECT_EQ(backend_->Grant(GrantOf(2, "b")).error().code, ErrorCode::kUnavailable);
  kit_.Until([&] { return recorder_.Count<wire::LeaseDone>() == 1; });
  backend_->Acknowledge({{1, 1}, 1});
  kit_.Until([&] { return stopped; });
  EXPECT_EQ(Ends(), 1u);
  EXPECT_EQ(backend_->status().state, BackendState::kStopped);
}

TEST_P(BackendContract, KillLosesWhatRunsByAnEventBeforeItReportsTheStop) {
  MakeReady(std::chrono::hours(1));
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "a")));
  std::size_t lost_at_stop = 0;
  bool stopped = false;
  backend_->Stop(StopMode::kKill, [&] {
    lost_at_stop = recorder_.Lost().size();
    stopped = true;
  });
  kit_.Until([&] { return stopped; });
  EXPECT_EQ(lost_at_stop, 1u);
  EXPECT_FALSE(recorder_.All<LeasesLost>()[0].worker_down);
}

TEST_P(BackendContract, KnownLeasesThatNobodyHoldsAreLostAtTheStart) {
  Make();
  backend_->Start({{{1, 5}, 1}, {{1, 6}, 3}});
  kit_.Until([&] { return recorder_.Count<BackendReady>() == 1; });
  EXPECT_EQ(recorder_.Lost().size(), 2u);
  EXPECT_FALSE(recorder_.All<LeasesLost>()[0].worker_down);
}

TEST_P(BackendContract, ManyLeasesEndOnceEach) {
  MakeReady();
  for (std::uint64_t task = 1; task <= 300; ++task)
    ASSERT_TRUE(backend_->Grant(GrantOf(task, "w x y", task % 2 == 0)));
  kit_.Until([&] { return Ends() >= 300; });
  std::set<std::uint64_t> tasks;
  for (const auto& done : recorder_.All<wire::LeaseDone>()) {
    tasks.insert(done.lease.task.low);
    backend_->Acknowledge(done.lease);
  }
  // A second end, or a late token, would come before the report of the stop.
  bool stopped = false;
  backend_->Stop(StopMode::kDrain, [&] { stopped = true; });
  kit_.Until([&] { return stopped; });
  EXPECT_EQ(tasks.size(), 300u);
  EXPECT_EQ(Ends(), 300u);
  EXPECT_EQ(recorder_.Count<wire::Token>(), 450u);
}

TEST_P(BackendContract, StartsAgainAfterAStop) {
  MakeReady();
  bool stopped = false;
  backend_->Stop(StopMode::kDrain, [&] { stopped = true; });
  kit_.Until([&] { return stopped; });
  backend_->Start({});
  kit_.Until([&] { return recorder_.Count<BackendReady>() == 2; });
  ASSERT_TRUE(backend_->Grant(GrantOf(1, "a")));
  kit_.Until([&] { return Ends() == 1; });
}

INSTANTIATE_TEST_SUITE_P(Every, BackendContract,
                         ::testing::Values(Subject{"Echo", MakeEchoBackend},
                                           Subject{"Worker", MakeWorkerBackend}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace altlas::backend
