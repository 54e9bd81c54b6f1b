// SPDX-License-Identifier: Apache-2.0
// How a session takes over an old worker, and how it is stopped.
#include "backend/worker_session_bench.h"

namespace altlas::backend {
namespace {

TEST(WorkerSession, AdoptionResumesKnownLeasesCancelsUnknownAndLosesMissingOnes) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {kA, kB}, WorkerSession::OldWorker{55, "old"}); });
  EXPECT_EQ(bench.session.state(), BackendState::kAdopting);
  EXPECT_EQ(bench.spawns, 0);
  ASSERT_TRUE(bench.Hello({{kA, false}, {kC, false}, {{{1, 4}, 1}, true}}, "1", "old"));
  ASSERT_EQ(bench.Sent<wire::LeaseCancel>().size(), 1u);
  EXPECT_EQ(bench.Sent<wire::LeaseCancel>()[0].lease, kC);
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_EQ(bench.All<LeasesLost>()[0].leases, std::vector<LeaseKey>{kB});
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
  ASSERT_EQ(bench.All<LeasesResumed>().size(), 1u);
  EXPECT_EQ(bench.All<LeasesResumed>()[0].leases, std::vector<LeaseKey>{kA});
  bench.Say(wire::Ready{2, 1, 0, 0});
  bench.Say(wire::Token{kA, 0, {1}, "again"});
  bench.Say(wire::LeaseDone{kA, "{}", 1, 1, 1});
  EXPECT_EQ(bench.All<wire::Token>().size(), 1u);
  EXPECT_EQ(bench.All<wire::LeaseDone>().size(), 1u);
  // An outcome that nobody waits for is acknowledged, so that the worker forgets it.
  bench.Say(wire::LeaseDone{{{1, 4}, 1}, "{}", 1, 1, 1});
  EXPECT_EQ(bench.All<wire::LeaseDone>().size(), 1u);
  EXPECT_EQ(bench.Sent<wire::LeaseDoneAck>().size(), 1u);
  EXPECT_EQ(bench.session.status().pid, 55);
}

TEST(WorkerSession, OldWorkerThatDoesNotComeBackIsKilledAndReplacedAtOnce) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {kA}, WorkerSession::OldWorker{55, "old"}); });
  bench.Pass(seconds(5));
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
  EXPECT_EQ(bench.session.state(), BackendState::kStarting);
  EXPECT_EQ(bench.spawns, 1);
}

TEST(WorkerSession, OldWorkerOfAnotherVersionIsToldToGoAndReplacedAtOnce) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {kA}, WorkerSession::OldWorker{55, "old"}); });
  EXPECT_EQ(bench.Hello({{kA, false}}, "0.9", "old").error().code, ErrorCode::kUnsupported);
  bench.Exit("exited with code 0");
  EXPECT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_EQ(bench.session.state(), BackendState::kStarting);
}

TEST(WorkerSession, KnownLeasesWithoutAnOldWorkerAreLostAtOnce) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {kA}, {}); });
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
  EXPECT_EQ(bench.spawns, 1);
}

TEST(WorkerSession, DrainFinishesWhatItHoldsAndTakesNothingNew) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kDrain); });
  EXPECT_EQ(bench.Sent<wire::Drain>().size(), 1u);
  EXPECT_EQ(bench.Give(kB).error().code, ErrorCode::kUnavailable);
  bench.Say(wire::LeaseDone{kA, "{}", 1, 1, 1});
  bench.Do([&] { bench.session.Acknowledge(kA); });
  bench.Say(wire::Goodbye{wire::GoodbyeReason::kDrained, ""});
  bench.Eof();
  EXPECT_EQ(bench.stops, 0);
  bench.Exit("exited with code 0");
  EXPECT_EQ(bench.stops, 1);
  EXPECT_EQ(bench.kills, 0);
  EXPECT_EQ(bench.forgets, 1);
  EXPECT_EQ(bench.session.state(), BackendState::kStopped);
  EXPECT_TRUE(bench.All<LeasesLost>().empty());
  bench.Pass(std::chrono::hours(1));
  EXPECT_EQ(bench.spawns, 1);
}

TEST(WorkerSession, DrainPastItsTimeEndsByForceAndLosesTheRest) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  std::uint64_t steps = 0;
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kDrain); });
  bench.Heartbeats(seconds(34), steps, true);
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  EXPECT_EQ(bench.stops, 1);
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
}

TEST(WorkerSession, KillTellsTheWorkerThenForcesIt) {
  SessionBench bench;
  bench.StartReady();
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kKill); });
  EXPECT_EQ(bench.Sent<wire::Goodbye>().size(), 1u);
  bench.Pass(seconds(3));
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  EXPECT_EQ(bench.stops, 1);
}

TEST(WorkerSession, StopInThePauseOrBeforeTheHelloEndsTheRestarts) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  bench.Exit();
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kDrain); });
  EXPECT_EQ(bench.stops, 1);
  bench.Pass(std::chrono::hours(1));
  EXPECT_EQ(bench.spawns, 1);

  SessionBench starting;
  starting.Do([&] { starting.session.Start(starting.now, {}, {}); });
  starting.Do([&] { starting.session.Stop(starting.now, StopMode::kDrain); });
  starting.Pass(milliseconds(1));
  EXPECT_EQ(starting.kills, 1);
  starting.Exit();
  EXPECT_EQ(starting.stops, 1);
}

TEST(WorkerSession, LeavingItRunningSaysNothingAndForgetsNothing) {
  SessionBench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  const auto before = bench.events.size();
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kLeaveRunning); });
  EXPECT_EQ(bench.stops, 1);
  EXPECT_EQ(bench.closes, 1);
  EXPECT_EQ(bench.kills, 0);
  EXPECT_EQ(bench.forgets, 0);
  EXPECT_EQ(bench.events.size(), before);
}

TEST(WorkerSession, StartAfterAStopForgetsTheFailuresBeforeIt) {
  SessionBench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  bench.Exit("exited with code 1");
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kKill); });
  bench.Do([&] { bench.session.Start(bench.now, {kA}, {}); });
  EXPECT_EQ(bench.session.status().failures_in_a_row, 0u);
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
}

}  // namespace
}  // namespace altlas::backend
