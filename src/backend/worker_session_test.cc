// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_session.h"

#include <rapidcheck.h>

#include "backend/backend_test_kit.h"
#include "base/random.h"

namespace altlas::backend {
namespace {

const LeaseKey kA{{1, 1}, 1};
const LeaseKey kB{{1, 2}, 1};
const LeaseKey kC{{1, 3}, 1};

// Drives a session in virtual time and remembers what it asked for.
struct Bench : Recorder {
  WorkerSession session;
  TimePoint now{seconds(1000)};
  std::vector<wire::Message> sent;
  int spawns = 0, kills = 0, closes = 0, forgets = 0, stops = 0;

  explicit Bench(SessionOptions options = Options()) : session(std::move(options)) {}
  static SessionOptions Options() {
    SessionOptions options;
    options.device = "gpu_0";
    options.program_version = "1";
    return options;
  }

  void Take() {
    for (auto& effect : session.TakeEffects()) {
      if (std::holds_alternative<SpawnProcess>(effect)) {
        ++spawns;
        session.OnSpawned(now, 100 + spawns, "token" + std::to_string(spawns));
      } else if (std::holds_alternative<KillProcess>(effect)) {
        ++kills;
      } else if (auto* bytes = std::get_if<SendBytes>(&effect)) {
        wire::FrameReader reader;
        reader.Feed(AsBytes(bytes->bytes));
        while (const auto frame = reader.Next()) sent.push_back(*wire::DecodeMessage(*frame));
      } else if (std::holds_alternative<CloseConnection>(effect)) {
        ++closes;
      } else if (std::holds_alternative<ForgetProcess>(effect)) {
        ++forgets;
      } else if (auto* event = std::get_if<EmitEvent>(&effect)) {
        events.push_back(std::move(event->event));
      } else {
        ++stops;
      }
    }
  }
  template <typename F>
  void Do(F&& call) {
    call();
    Take();
  }
  // Virtual time passes; timers fire when they are due.
  void Pass(Duration time) {
    const auto end = now + time;
    while (true) {
      const auto due = session.NextDeadline();
      if (!due || *due > end) break;
      now = std::max(now, *due);
      Do([&] { session.OnTimer(now); });
    }
    now = end;
  }
  void Say(const wire::Message& message) {
    Do([&] { session.OnMessage(now, message); });
  }
  Status Hello(std::vector<wire::Hello::HeldLease> held = {}, std::string version = "1",
               std::string token = "") {
    wire::Hello hello;
    hello.program_version = std::move(version);
    hello.device = "gpu_0";
    hello.token = token.empty() ? "token" + std::to_string(spawns) : token;
    hello.leases = std::move(held);
    auto status = session.OnHello(now, hello, 77);
    Take();
    return status;
  }
  void BecomeReady() {
    ASSERT_TRUE(Hello());
    Say(wire::ModelReady{"tiny", "llama", "float32", 5, 1, 1, 1, 1, 1});
    Say(wire::Ready{2, 1, 0, 0});
    ASSERT_EQ(session.state(), BackendState::kReady);
  }
  void StartReady() {
    Do([&] { session.Start(now, {}, {}); });
    BecomeReady();
  }
  Status Give(const LeaseKey& lease) {
    auto status = session.Grant(now, {lease, "text_generation", "tiny", "{}", true, {}});
    Take();
    return status;
  }
  void Exit(std::string how = "was killed by signal 9") {
    Do([&] { session.OnExited(now, how); });
  }
  void Eof() {
    Do([&] { session.OnDisconnected(now, "closed by the peer"); });
  }
  void Heartbeats(Duration time, std::uint64_t& steps, bool advance) {
    for (Duration passed{}; passed < time; passed += milliseconds(500)) {
      Pass(milliseconds(500));
      Say(wire::Heartbeat{1, 1, 0, advance ? ++steps : steps, 0, 0, 0});
    }
  }
  template <typename M>
  std::vector<M> Sent() const {
    std::vector<M> found;
    for (const auto& message : sent) {
      if (const auto* m = std::get_if<M>(&message)) found.push_back(*m);
    }
    return found;
  }
};

TEST(WorkerSession, StartsTheProcessWelcomesItAndReportsItsModels) {
  auto options = Bench::Options();
  options.welcome.models = {{"tiny", "/m", "float32", 0, 0}};
  Bench bench(options);
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
  Bench bench;
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
  Bench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Do([&] { bench.session.Cancel(kA); });
  bench.Do([&] { bench.session.Cancel(kB); });
  ASSERT_EQ(bench.Sent<wire::LeaseCancel>().size(), 1u);
  bench.Say(wire::LeaseFailed{kA, ErrorCode::kCanceled, "asked", false});
  EXPECT_EQ(bench.All<wire::LeaseFailed>().size(), 1u);
  EXPECT_EQ(bench.session.status().leases, 0u);
}

TEST(WorkerSession, CrashLosesTheLeasesAndStartsAgainAfterAPause) {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  auto options = Bench::Options();
  options.first_restart = milliseconds(100);
  options.restart_cap = milliseconds(500);
  Bench bench(options);
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
  WorkerSession session(Bench::Options());
  session.Start(TimePoint(seconds(1)), {}, {});
  session.OnSpawnFailed(TimePoint(seconds(1)), {ErrorCode::kNotFound, "no program /x"});
  EXPECT_EQ(session.state(), BackendState::kBackoff);
  EXPECT_NE(session.status().why.find("no program /x"), std::string::npos);
}

TEST(WorkerSession, SilenceIsAHang) {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
  bench.StartReady();
  bench.now += std::chrono::hours(8);  // the machine slept; the timer fires late
  bench.Do([&] { bench.session.OnTimer(bench.now); });
  EXPECT_EQ(bench.kills, 0);
  bench.Pass(seconds(15));
  EXPECT_EQ(bench.kills, 1);
}

TEST(WorkerSession, EachWaitHasItsDeadlineAndReason) {
  Bench starting;
  starting.Do([&] { starting.session.Start(starting.now, {}, {}); });
  starting.Pass(seconds(60));
  EXPECT_EQ(starting.kills, 1);
  EXPECT_NE(starting.session.status().why.find("did not connect"), std::string::npos);

  auto options = Bench::Options();
  options.load_within = seconds(5);
  Bench loading(options);
  loading.Do([&] { loading.session.Start(loading.now, {}, {}); });
  ASSERT_TRUE(loading.Hello());
  loading.Pass(seconds(5));
  EXPECT_NE(loading.session.status().why.find("not loaded"), std::string::npos);
  EXPECT_EQ(loading.closes, 1);
}

TEST(WorkerSession, OtherVersionIsRefusedWithBothNumbersAndEnded) {
  Bench bench;
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
  Bench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  EXPECT_EQ(bench.Hello({}, "1", "guess").error().code, ErrorCode::kDenied);
  EXPECT_EQ(bench.session.state(), BackendState::kStarting);
  bench.BecomeReady();
  EXPECT_EQ(bench.Hello().error().code, ErrorCode::kConflict);
  EXPECT_EQ(bench.session.state(), BackendState::kReady);
}

TEST(WorkerSession, DamagedBytesOrAnotherRolesMessageEndTheWorker) {
  Bench bench;
  bench.StartReady();
  ASSERT_TRUE(bench.Give(kA));
  bench.Say(wire::LeaseGrant{kB, "t", "m", "{}", false, {}});
  EXPECT_EQ(bench.kills, 1);
  EXPECT_EQ(bench.closes, 1);
  EXPECT_NE(bench.session.status().why.find("lease_grant"), std::string::npos);

  Bench damaged;
  damaged.StartReady();
  damaged.Do([&] { damaged.session.OnBrokenPeer(damaged.now, {ErrorCode::kCorrupt, "bad checksum"}); });
  EXPECT_EQ(damaged.kills, 1);
}

TEST(WorkerSession, AdoptionResumesKnownLeasesCancelsUnknownAndLosesMissingOnes) {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
  bench.Do([&] { bench.session.Start(bench.now, {kA}, WorkerSession::OldWorker{55, "old"}); });
  EXPECT_EQ(bench.Hello({{kA, false}}, "0.9", "old").error().code, ErrorCode::kUnsupported);
  bench.Exit("exited with code 0");
  EXPECT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_EQ(bench.session.state(), BackendState::kStarting);
}

TEST(WorkerSession, KnownLeasesWithoutAnOldWorkerAreLostAtOnce) {
  Bench bench;
  bench.Do([&] { bench.session.Start(bench.now, {kA}, {}); });
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
  EXPECT_EQ(bench.spawns, 1);
}

TEST(WorkerSession, DrainFinishesWhatItHoldsAndTakesNothingNew) {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
  bench.StartReady();
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kKill); });
  EXPECT_EQ(bench.Sent<wire::Goodbye>().size(), 1u);
  bench.Pass(seconds(3));
  EXPECT_EQ(bench.kills, 1);
  bench.Exit();
  EXPECT_EQ(bench.stops, 1);
}

TEST(WorkerSession, StopInThePauseOrBeforeTheHelloEndsTheRestarts) {
  Bench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  bench.Exit();
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kDrain); });
  EXPECT_EQ(bench.stops, 1);
  bench.Pass(std::chrono::hours(1));
  EXPECT_EQ(bench.spawns, 1);

  Bench starting;
  starting.Do([&] { starting.session.Start(starting.now, {}, {}); });
  starting.Do([&] { starting.session.Stop(starting.now, StopMode::kDrain); });
  starting.Pass(milliseconds(1));
  EXPECT_EQ(starting.kills, 1);
  starting.Exit();
  EXPECT_EQ(starting.stops, 1);
}

TEST(WorkerSession, LeavingItRunningSaysNothingAndForgetsNothing) {
  Bench bench;
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

TEST(WorkerSession, WorkerThatReportsAFaultIsRestartedAndItsLeasesCountAsTakenDown) {
  Bench bench;
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
  Bench bench;
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

TEST(WorkerSession, LastWordsReadAfterTheNewsOfItsEndStillSayThatItLeft) {
  Bench bench;
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

TEST(WorkerSession, StartAfterAStopForgetsTheFailuresBeforeIt) {
  Bench bench;
  bench.Do([&] { bench.session.Start(bench.now, {}, {}); });
  bench.Exit("exited with code 1");
  bench.Do([&] { bench.session.Stop(bench.now, StopMode::kKill); });
  bench.Do([&] { bench.session.Start(bench.now, {kA}, {}); });
  EXPECT_EQ(bench.session.status().failures_in_a_row, 0u);
  ASSERT_EQ(bench.All<LeasesLost>().size(), 1u);
  EXPECT_FALSE(bench.All<LeasesLost>()[0].worker_down);
}

// Whatever happens in whatever order: each lease that was taken ends in exactly one event, and a session that
// is stopped reports it once its process is gone.
TEST(WorkerSession, EveryLeaseEndsExactlyOnceUnderRandomEvents) {
  EXPECT_TRUE(rc::check([] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    Bench bench;
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

}  // namespace
}  // namespace altlas::backend
