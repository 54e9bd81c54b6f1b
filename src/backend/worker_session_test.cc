// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_session.h"

#include <rapidcheck.h>

#include "backend/worker_session_bench.h"
#include "base/random.h"

namespace altlas::backend {
namespace {

TEST(WorkerSession, StartsTheProcessWelcomesItAndReportsItsModels) {
  auto options = SessionBench::Options();
  options.welcome.models = {{"tiny", "/m", "float32", 0, 0}};
  SessionBench bench(options);
  bench.StartReady();
  EXPECT_EQ(bench.spawns, 1);
  ASSERT_EQ(bench.Sent<wire::Welcome>().size(), 1u);
  EXPECT_EQ(bench.Sent<wire::Welcome>()[0].models, options.welcome.models);
  EXPECT_EQ(bench.Sent<wire::Welcome>()[0].program_version, "1");
  const auto ready = bench.All<BackendReady>();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].ready.slots, 2u);
  EXPECT_EQ(ready[0].models[0].memory_bytes, 5u);
  EXPECT_EQ(bench.session.status().pid, 101);
}

TEST(WorkerSession, LeasesAreTakenOnlyWhenReadyAndOnlyOnce) {
  SessionBench bench;
  EXPECT_EQ(bench.Give(kA).error().code, ErrorCode::kUnavailable);
  bench.StartReady();
  EXPECT_TRUE(bench.Give(kA));
  EXPECT_EQ(bench.Give(kA).error().code, ErrorCode::kConflict);
  auto wrong = bench.session.Grant(bench.now, {kB, "", "tiny", "{}", false, {}});
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(bench.session.status().leases, 1u);
  bench.Say(wire::Token{kA, 0, {1}, "x"});
  bench.Say(wire::Token{kB, 0, {1}, "not its"});
  bench.Say(wire::LeaseDone{kA, "{}", 1, 1, 1});
  bench.Say(wire::LeaseDone{kA, "{}", 1, 1, 1});
  EXPECT_EQ(bench.All<wire::Token>().size(), 1u);
  EXPECT_EQ(bench.All<wire::LeaseDone>().size(), 1u);
  bench.Do([&] { bench.session.Acknowledge(kA); });
  EXPECT_EQ(bench.Sent<wire::LeaseDoneAck>().size(), 2u);  // ours, and that of the repetition
}

TEST(WorkerSession, CancelReachesTheWorkerForHeldLeasesOnly) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Do([&] { bench.session.Cancel(kA); });
  bench.Do([&] { bench.session.Cancel(kB); });
  ASSERT_EQ(bench.Sent<wire::LeaseCancel>().size(), 1u);
  bench.Say(wire::LeaseFailed{kA, ErrorCode::kCanceled, "asked", false});
  EXPECT_EQ(bench.All<wire::LeaseFailed>().size(), 1u);
  EXPECT_EQ(bench.session.status().leases, 0u);
}

TEST(WorkerSession, OtherVersionIsRefusedWithBothNumbersAndEnded) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  const auto status = bench.Hello({}, "0.9");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(status.error().message.find("0.9"), std::string::npos);
  EXPECT_EQ(bench.session.state(), BackendState::kEnding);
  EXPECT_EQ(bench.kills, 0);
  bench.Pass(seconds(3));
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  EXPECT_EQ(bench.session.state(), BackendState::kBackoff);
  EXPECT_NE(bench.session.status().why.find("version 0.9"), std::string::npos);
}

TEST(WorkerSession, WrongTokenOrSecondConnectionChangesNothing) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  EXPECT_EQ(bench.Hello({}, "1", "guess").error().code, ErrorCode::kDenied);
  EXPECT_EQ(bench.session.state(), BackendState::kStarting);
  bench.BecomeReady();
  EXPECT_EQ(bench.Hello().error().code, ErrorCode::kConflict);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
}

TEST(WorkerSession, DamagedBytesOrAnotherRolesMessageEndTheWorker) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Say(wire::LeaseGrant{kB, "t", "m", "{}", false, {}});
  EXPECT_EQ(bench.kills, 1);
  EXPECT_EQ(bench.closes, 1);
  EXPECT_NE(bench.session.status().why.find("lease_grant"), std::string::npos);

  SessionBench damaged;
  damaged.StartReady();
  damaged.Do([&] { damaged.session.OnBrokenPeer(damaged.now, {ErrorCode::kCorrupt, "bad checksum"}); });
  EXPECT_EQ(damaged.kills, 1);
}

// Whatever happens in whatever order: each lease that was taken ends in exactly one event, and a session that
// is stopped reports it once its process is gone.
TEST(WorkerSession, EveryLeaseEndsExactlyOnceUnderRandomEvents) {
  EXPECT_TRUE(rc::check([] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    SessionBench bench;
    std::map<LeaseKey, int> ends;
    std::set<LeaseKey> given;
    std::uint64_t next = 1;
    bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
    for (int i = 0; i < 200; ++i) {
      const LeaseKey some{{1, 1 + random.Below(next)}, 1};
      switch (random.Below(12)) {
        case 0:
          (void)bench.Hello();
          break;
        case 1:
          bench.Say(wire::Ready{2, 1, 0, 0});
          break;
        case 2:
        case 3:
        case 4: {
          const LeaseKey fresh{{1, ++next}, 1};
          if (bench.Give(fresh)) given.insert(fresh);
          break;
        }
        case 5:
          bench.Say(wire::LeaseDone{some, "{}", 0, 0, 0});
          break;
        case 6:
          bench.Say(wire::LeaseFailed{some, ErrorCode::kInternal, "", false});
          break;
        case 7:
          bench.Say(wire::Heartbeat{1, 1, 0, random.Below(100), 0, 0, 0});
          break;
        case 8:
          bench.Pass(milliseconds(random.Below(20'000)));
          break;
        case 9:
          bench.Exit();
          break;
        case 10:
          bench.Eof();
          break;
        case 11:
          bench.Do([&] { bench.session.Cancel(some); });
          break;
      }
    }
    bench.Do([&] { bench.session.Stop(bench.now, StopMode::kKill); });
    bench.Pass(seconds(10));
    bench.Eof();
    bench.Exit();
    RC_ASSERT(bench.session.state() == BackendState::kStopped);
    RC_ASSERT(bench.stops == 1);
    for (const auto& e : bench.All<wire::LeaseDone>()) ++ends[e.lease];
    for (const auto& e : bench.All<wire::LeaseFailed>()) ++ends[e.lease];
    for (const auto& e : bench.All<LeasesLost>()) {
      for (const auto& lease : e.leases) ++ends[lease];
    }
    RC_ASSERT(ends.size() == given.size());
    for (const auto& [lease, count] : ends) RC_ASSERT(count == 1 && given.contains(lease));
  }));
}

// PRF-6
TEST(WorkerSession, AProfileIsAskedForWhenReadyAloneAndComesAsAnEvent) {
  SessionBench bench;
  EXPECT_EQ(bench.session.AskForProfile({1, 100, 0}).error().code, ErrorCode::kUnavailable);
  bench.StartReady();
  bench.Do([&] { EXPECT_TRUE(bench.session.AskForProfile({2, 100, 5})); });
  EXPECT_EQ(bench.Sent<wire::ProfileAsk>(), (std::vector<wire::ProfileAsk>{{2, 100, 5}}));
  wire::ProfileReport report;
  report.id = 2;
  report.seconds = 0.1;
  bench.Say(report);
  EXPECT_EQ(bench.All<wire::ProfileReport>(), std::vector<wire::ProfileReport>{report});
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
}

}  // namespace
}  // namespace altlas::backend
