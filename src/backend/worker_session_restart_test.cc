// SPDX-License-Identifier: Apache-2.0
// How a session ends a worker, and when it starts the next one.
#include "backend/worker_session_bench.h"

namespace altlas::backend {
namespace {

TEST(WorkerSession, CrashLosesTheLeasesAndStartsAgainAfterAPause) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  ASSERT_TRUE(bench.Give(kB));
  bench.Exit("was killed by signal 11 (Segmentation fault)");
  // A result that was written before the end still counts.
  bench.Say(wire::LeaseDone{kB, "{}", 1, 1, 1});
  EXPECT_TRUE(bench.All<LeasesLost>().empty());
  bench.Eof();
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_EQ(bench.All<LeasesLost>()[0].leases, std::vector<LeaseKey>{kA});
  EXPECT_TRUE(bench.All<LeasesLost>()[0].worker_down);
  EXPECT_NE(bench.All<LeasesLost>()[0].reason.find("signal 11"), std::string::npos);
  EXPECT_EQ(bench.All<wire::LeaseDone>().size(), 1u);
  EXPECT_EQ(bench.session.state(), BackendState::kBackoff);
  EXPECT_EQ(bench.session.status().restart_at, bench.now + milliseconds(200));
  EXPECT_NE(bench.session.status().why.find("signal 11"), std::string::npos);
  bench.Pass(milliseconds(200));
  EXPECT_EQ(bench.spawns, 2);
  bench.BecomeReady();
  EXPECT_EQ(bench.session.status().restarts, 1u);
}

TEST(WorkerSession, EndOfTheConnectionFirstLeadsToTheSameEnd) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Eof();
  EXPECT_EQ(bench.kills, 1);  // alive or not, it is of no use without its connection
  bench.Exit("was killed by signal 6 (Aborted)");
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_NE(bench.All<LeasesLost>()[0].reason.find("signal 6"), std::string::npos);
  EXPECT_EQ(bench.session.state(), BackendState::kBackoff);
}

TEST(WorkerSession, LeasesAreNotHeldBackForAProcessThatDoesNotDie) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Eof();
  bench.Pass(seconds(2));
  EXPECT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_EQ(bench.spawns, 1);  // two processes must not share the device
  EXPECT_GT(bench.kills, 1);
  bench.Exit();
  bench.Pass(milliseconds(200));
  EXPECT_EQ(bench.spawns, 2);
}

TEST(WorkerSession, PausesDoubleUpToTheCapAndAreForgottenOnceItIsStable) {
  auto options = SessionBench::Options();
  options.first_restart = milliseconds(100);
  options.restart_cap = milliseconds(500);
  SessionBench bench(options);
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  for (const int pause : {100, 200, 400, 500, 500}) {
    bench.Exit("exited with code 1");
    ASSERT_EQ(bench.session.state(), BackendState::kBackoff);
    EXPECT_EQ(bench.session.status().restart_at, bench.now + milliseconds(pause));
    bench.Pass(milliseconds(pause));
  }
  EXPECT_EQ(bench.session.status().failures_in_a_row, 5u);
  bench.BecomeReady();
  std::uint64_t steps = 0;
  bench.Heartbeats(options.stable_after, steps, true);
  bench.Exit();
  bench.Eof();
  EXPECT_EQ(bench.session.status().restart_at, bench.now + milliseconds(100));
}

TEST(WorkerSession, ProgramThatCannotBeStartedIsTriedAgainWithItsReasonShown) {
  WorkerSession session(SessionBench::Options());
  session.Start(TimePoint(seconds(1)), {}, {});
  session.OnSpawnFailed(TimePoint(seconds(1)), {ErrorCode::kNotFound, "no program /x"});
  EXPECT_EQ(session.state(), BackendState::kBackoff);
  EXPECT_NE(session.status().why.find("no program /x"), std::string::npos);
}

TEST(WorkerSession, SilenceIsAHang) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Pass(seconds(14));
  EXPECT_EQ(bench.kills, 0);
  bench.Pass(seconds(1));
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  EXPECT_NE(bench.All<LeasesLost>()[0].reason.find("no sign of life"), std::string::npos);
}

TEST(WorkerSession, HeartbeatsWithoutProgressAreAHangOnlyWhileLeasesRun) {
  SessionBench bench;
  bench.StartReady();
  std::uint64_t steps = 5;
  bench.Heartbeats(seconds(600), steps, false);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
  ASSERT_TRUE(bench.Give(kA));
  bench.Heartbeats(seconds(600), steps, true);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
  bench.Heartbeats(seconds(119), steps, false);
  EXPECT_EQ(bench.kills, 0);
  bench.Heartbeats(seconds(2), steps, false);
  EXPECT_EQ(bench.kills, 1);
  EXPECT_NE(bench.session.status().why.find("no progress"), std::string::npos);
}

TEST(WorkerSession, PauseOfOurOwnIsNotTakenForTheWorkersSilence) {
  SessionBench bench;
  bench.StartReady();
  bench.now += std::chrono::hours(8);  // the machine slept; the timer fires late
  bench.Do([&] { bench.session.OnTimer(bench.now); });
  EXPECT_EQ(bench.kills, 0);
  bench.Pass(seconds(15));
  EXPECT_EQ(bench.kills, 1);
}

TEST(WorkerSession, EachWaitHasItsDeadlineAndReason) {
  SessionBench starting;
  starting.Do([&] { starting.session.Start(starting.now, {}, {}); });
  starting.Pass(seconds(60));
  EXPECT_EQ(starting.kills, 1);
  EXPECT_NE(starting.session.status().why.find("did not connect"), std::string::npos);

  auto options = SessionBench::Options();
  options.load_within = seconds(5);
  SessionBench loading(options);
  loading.Do([&] { loading.session.Start(loading.now, {}, {}); });
  ASSERT_TRUE(loading.Hello());
  loading.Pass(seconds(5));
  EXPECT_NE(loading.session.status().why.find("not loaded"), std::string::npos);
  EXPECT_EQ(loading.closes, 1);
}

TEST(WorkerSession, WorkerThatReportsAFaultIsRestartedAndItsLeasesCountAsTakenDown) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Say(wire::Goodbye{wire::GoodbyeReason::kFault, "device lost"});
  bench.Eof();
  bench.Exit("exited with code 1");
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_TRUE(bench.All<LeasesLost>()[0].worker_down);
  EXPECT_NE(bench.session.status().why.find("device lost"), std::string::npos);
  EXPECT_EQ(bench.session.state(), BackendState::kBackoff);
}

TEST(WorkerSession, WorkerThatLeavesIsReplacedAtOnceUnlessItNeverWasOfUse) {
  SessionBench bench;
  bench.StartReady();
  bench.Say(wire::Goodbye{wire::GoodbyeReason::kShutdown, "SIGTERM"});
  bench.Eof();
  bench.Exit("exited with code 0");
  EXPECT_EQ(bench.session.state(), BackendState::kStarting);
  ASSERT_TRUE(bench.Hello());
  bench.Say(wire::Goodbye{wire::GoodbyeReason::kShutdown, "SIGTERM"});
  bench.Eof();
  bench.Exit("exited with code 0");
  EXPECT_EQ(bench.session.state(), BackendState::kBackoff);
}

// What takes nothing any more and stays would keep its device for nothing, for ever.
TEST(WorkerSession, WorkerThatGivesALeaseBackAndStaysIsEndedAndReplaced) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  ASSERT_TRUE(bench.Give(kB));
  std::uint64_t steps = 0;
  bench.Say(wire::LeaseFailed{kA, ErrorCode::kUnavailable, "no more", false});
  bench.Heartbeats(seconds(6), steps, true);
  bench.Say(wire::LeaseFailed{kB, ErrorCode::kUnavailable, "nor this", false});  // from the first it counts
  bench.Heartbeats(seconds(3), steps, true);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
  EXPECT_TRUE(bench.Sent<wire::Goodbye>().empty());
  bench.Heartbeats(seconds(1), steps, true);
  EXPECT_EQ(bench.session.state(), BackendState::kEnding);
  EXPECT_NE(bench.session.status().why.find("gave a lease back"), std::string::npos);
  ASSERT_EQ(bench.Sent<wire::Goodbye>().size(), 1u);
  bench.Pass(seconds(3));
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  EXPECT_TRUE(bench.All<LeasesLost>().empty());
  EXPECT_EQ(bench.session.state(), BackendState::kBackoff);
  bench.Pass(milliseconds(200));
  EXPECT_EQ(bench.spawns, 2);
  bench.BecomeReady();
  bench.Heartbeats(seconds(60), steps, true);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
}

TEST(WorkerSession, OtherFailuresLeaveAWorkerInItsPlace) {
  SessionBench bench;
  bench.StartReady();
  std::uint64_t steps = 0;
  for (const auto& failed : {wire::LeaseFailed{kA, ErrorCode::kInternal, "broke", true},
                             wire::LeaseFailed{kB, ErrorCode::kInvalidArgument, "too long", false},
                             wire::LeaseFailed{kC, ErrorCode::kCanceled, "asked", false}}) {
    ASSERT_TRUE(bench.Give(failed.lease));
    bench.Say(failed);
  }
  bench.Heartbeats(seconds(60), steps, true);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
  EXPECT_EQ(bench.kills, 0);
}

TEST(WorkerSession, LastWordsReadAfterTheNewsOfItsEndStillSayThatItLeft) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  ASSERT_TRUE(bench.Give(kB));
  bench.Exit("exited with code 0");
  bench.Say(wire::LeaseFailed{kA, ErrorCode::kUnavailable, "SIGTERM", false});
  bench.Say(wire::Goodbye{wire::GoodbyeReason::kShutdown, "SIGTERM"});
  bench.Eof();
  ASSERT_EQ(bench.All<wire::LeaseFailed>().size(), 1u);
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);  // granted when it had stopped reading
  EXPECT_EQ(bench.All<LeasesLost>()[0].leases, std::vector<LeaseKey>{kB});
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
  EXPECT_EQ(bench.spawns, 2);  // at once
  EXPECT_EQ(bench.session.status().failures_in_a_row, 0u);
}

}  // namespace
}  // namespace altlas::backend
