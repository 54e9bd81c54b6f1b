// SPDX-License-Identifier: Apache-2.0
// Supervision with real processes: the echo worker is killed, hangs, crashes, is of another version, outlives
// its manager.
#include "backend/worker_backend.h"

#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "backend/backend_test_kit.h"

namespace altlas::backend {
namespace {

LeaseKey KeyOf(std::uint64_t task) { return {{1, task}, 1}; }

// One manager's life on a state folder: hub, backend and what it was told.
struct Manager {
  explicit Manager(LoopKit& kit, WorkerBackendOptions options, std::vector<LeaseKey> known = {})
      : kit(kit), hub(std::move(*WorkerHub::Create(*kit.loop, {kit.folder.path()}))) {
    auto made = WorkerBackend::Create(*hub, std::move(options), recorder.Listener());
    EXPECT_TRUE(made);
    backend = std::move(*made);
    backend->Start(std::move(known));
  }
  // Ends the worker, then this.
  void StopWorker(StopMode mode = StopMode::kKill) {
    bool stopped = false;
    backend->Stop(mode, [&] { stopped = true; });
    kit.Until([&] { return stopped; });
  }
  bool UntilReady(std::size_t times = 1) {
    return kit.Until([&] { return recorder.Count<BackendReady>() == times; });
  }
  bool UntilState(BackendState state) {
    return kit.Until([&] { return backend->status().state == state; });
  }
  int pid() const { return backend->status().pid; }

  LoopKit& kit;
  Recorder recorder;
  std::unique_ptr<WorkerHub> hub;
  std::unique_ptr<WorkerBackend> backend;
};

class WorkerBackendTest : public ::testing::Test {
 protected:
  LoopKit kit_;
};

TEST_F(WorkerBackendTest, KilledInTheMiddleOfALeaseItIsLostAndTheWorkerComesBack) {
  Manager manager(kit_, EchoWorkerOptions({"--service-ms", "3600000"}));
  ASSERT_TRUE(manager.UntilReady());
  const int first = manager.pid();
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "a b c", true)));
  kit_.Until([&] {
    return manager.recorder.Count<wire::Heartbeat>() > 0 && manager.backend->status().progress.running == 1;
  });
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_TRUE(manager.UntilReady(2));
  const auto lost = manager.recorder.All<LeasesLost>();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].leases, std::vector<LeaseKey>{KeyOf(1)});
  EXPECT_TRUE(lost[0].worker_down);
  EXPECT_NE(lost[0].reason.find("signal 9"), std::string::npos) << lost[0].reason;
  EXPECT_NE(manager.pid(), first);
  EXPECT_EQ(manager.backend->status().restarts, 1u);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, TerminatedItGivesItsLeasesBackUnharmedAndComesBackAtOnce) {
  Manager manager(kit_, EchoWorkerOptions({"--service-ms", "3600000"}));
  ASSERT_TRUE(manager.UntilReady());
  const int first = manager.pid();
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "a b c", true)));
  ASSERT_TRUE(manager.backend->Grant(GrantOf(2, "d")));
  kit_.Until([&] { return manager.backend->status().progress.running == 2; });
  ASSERT_EQ(::kill(first, SIGTERM), 0);
  ASSERT_TRUE(manager.UntilReady(2));
  const auto failed = manager.recorder.All<wire::LeaseFailed>();
  ASSERT_EQ(failed.size(), 2u);
  for (const auto& one : failed) {
    EXPECT_EQ(one.code, ErrorCode::kUnavailable);
    EXPECT_FALSE(one.worker_at_fault);
  }
  EXPECT_EQ(manager.recorder.Count<LeasesLost>(), 0u);
  EXPECT_EQ(manager.backend->status().failures_in_a_row, 0u) << manager.backend->status().why;
  EXPECT_NE(manager.pid(), first);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, TextThatCrashesItTakesOnlyItsLeasesDown) {
  Manager manager(kit_, EchoWorkerOptions({"--crash-on", "poison"}));
  ASSERT_TRUE(manager.UntilReady());
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "healthy")));
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
  ASSERT_TRUE(manager.backend->Grant(GrantOf(2, "poison")));
  ASSERT_TRUE(manager.UntilReady(2));
  EXPECT_EQ(manager.recorder.Lost(), std::vector<LeaseKey>{KeyOf(2)});
  ASSERT_TRUE(manager.backend->Grant(GrantOf(3, "healthy")));
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 2; });
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, EngineThatHangsWithItsHeartBeatingIsKilledAndReplaced) {
  auto options = EchoWorkerOptions({"--hang-on", "hang"});
  options.session.progress_within = seconds(1);
  Manager manager(kit_, options);
  ASSERT_TRUE(manager.UntilReady());
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "hang")));
  ASSERT_TRUE(manager.UntilReady(2));
  ASSERT_EQ(manager.recorder.Count<LeasesLost>(), 1u);
  EXPECT_NE(manager.recorder.All<LeasesLost>()[0].reason.find("no progress"), std::string::npos);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, ProcessThatStandsStillIsKilledAndReplaced) {
  auto options = EchoWorkerOptions({"--freeze-on", "freeze"});
  options.session.heartbeat_within = seconds(2);
  Manager manager(kit_, options);
  ASSERT_TRUE(manager.UntilReady());
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "freeze")));
  ASSERT_TRUE(manager.UntilReady(2));
  EXPECT_NE(manager.recorder.All<LeasesLost>()[0].reason.find("no sign of life"), std::string::npos);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, FaultThatItReportsItselfRestartsIt) {
  Manager manager(kit_, EchoWorkerOptions({"--fault-on", "broken", "--service-ms", "3600000"}));
  ASSERT_TRUE(manager.UntilReady());
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "broken")));
  ASSERT_TRUE(manager.UntilReady(2));
  ASSERT_EQ(manager.recorder.Count<LeasesLost>(), 1u);
  EXPECT_NE(manager.recorder.All<LeasesLost>()[0].reason.find("told to report a device fault"),
            std::string::npos);
  EXPECT_TRUE(manager.recorder.All<LeasesLost>()[0].worker_down);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, CrashLoopIsSlowedDownAndItsReasonShown) {
  Manager manager(kit_, EchoWorkerOptions({"--exit-at-start", "7"}));
  kit_.Until([&] { return manager.backend->status().failures_in_a_row >= 5; });
  ASSERT_TRUE(manager.UntilState(BackendState::kBackoff));
  const auto status = manager.backend->status();
  EXPECT_NE(status.why.find("exited with code 7"), std::string::npos) << status.why;
  EXPECT_TRUE(status.restart_at.has_value());
  manager.StopWorker();
  EXPECT_EQ(manager.backend->status().state, BackendState::kStopped);
}

TEST_F(WorkerBackendTest, MissingProgramIsShownAsTheReason) {
  auto options = EchoWorkerOptions();
  options.program = "/nowhere/alt_las_worker";
  Manager manager(kit_, options);
  ASSERT_TRUE(manager.UntilState(BackendState::kBackoff));
  EXPECT_NE(manager.backend->status().why.find("/nowhere/alt_las_worker"), std::string::npos);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, SlowStartIsWaitedForAndFailedModelsAreReported) {
  Manager manager(kit_, EchoWorkerOptions({"--slow-start", "200", "--fail-models"}));
  EXPECT_EQ(manager.backend->Grant(GrantOf(1, "early")).error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(manager.UntilReady());
  const auto ready = manager.recorder.All<BackendReady>()[0];
  EXPECT_TRUE(ready.models.empty());
  ASSERT_EQ(ready.failed_models.size(), 1u);
  EXPECT_EQ(ready.failed_models[0].message, "told to fail");
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, WorkerOfAnotherVersionIsRefusedWithTheReason) {
  Manager manager(kit_, EchoWorkerOptions({"--program-version", "9.9.9"}));
  ASSERT_TRUE(manager.UntilState(BackendState::kBackoff));
  EXPECT_NE(manager.backend->status().why.find("version 9.9.9"), std::string::npos)
      << manager.backend->status().why;
  EXPECT_EQ(manager.recorder.Count<BackendReady>(), 0u);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, NextManagerAdoptsTheWorkerWithItsRunningStream) {
  int pid = 0;
  {
    Manager manager(kit_, EchoWorkerOptions({"--service-ms", "1000"}));
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
    ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "one two three", true)));
    ASSERT_TRUE(manager.backend->Grant(GrantOf(2, "unknown to the next", true)));
    kit_.Until([&] { return manager.recorder.Count<wire::Token>() >= 2; });
  }  // gone without a word, as by SIGKILL
  ProcessGuard guard(pid);
  Manager manager(kit_, EchoWorkerOptions({"--service-ms", "1000"}), {KeyOf(1), KeyOf(3)});
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
  EXPECT_EQ(manager.pid(), pid);
  ASSERT_EQ(manager.recorder.Count<LeasesResumed>(), 1u);
  EXPECT_EQ(manager.recorder.All<LeasesResumed>()[0].leases, std::vector<LeaseKey>{KeyOf(1)});
  EXPECT_EQ(manager.recorder.Lost(), std::vector<LeaseKey>{KeyOf(3)});
  std::string text;
  for (const auto& token : manager.recorder.All<wire::Token>()) {
    EXPECT_EQ(token.lease, KeyOf(1));
    text += token.text;
  }
  EXPECT_EQ(text, "one two three");  // from the first token on, each once
  EXPECT_EQ(manager.recorder.All<wire::LeaseDone>()[0].lease, KeyOf(1));
  // The other was canceled: the worker holds nothing any more, and serves on.
  manager.backend->Acknowledge(KeyOf(1));
  ASSERT_TRUE(manager.backend->Grant(GrantOf(4, "next")));
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 2; });
  EXPECT_EQ(manager.recorder.Count<wire::LeaseFailed>(), 0u);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, ResultWithoutAcknowledgementComesToEachManagerUntilOneAcknowledges) {
  int pid = 0;
  {
    Manager manager(kit_, EchoWorkerOptions());
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
    ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "kept")));
    kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
  }  // dies between the result and its commit
  ProcessGuard guard(pid);
  {
    Manager manager(kit_, EchoWorkerOptions(), {KeyOf(1)});
    ASSERT_TRUE(manager.UntilReady());
    kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
    EXPECT_EQ(manager.recorder.Count<LeasesLost>(), 0u);
    manager.backend->Acknowledge(KeyOf(1));
    // An answer to this one shows that the acknowledgement before it was read.
    ASSERT_TRUE(manager.backend->Grant(GrantOf(2, "kept")));
    kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 2; });
  }
  // It is committed: this manager does not know of the lease, and the worker has forgotten it; the other one
  // is not wanted.
  Manager manager(kit_, EchoWorkerOptions());
  ASSERT_TRUE(manager.UntilReady());
  EXPECT_EQ(manager.pid(), pid);
  ASSERT_TRUE(manager.backend->Grant(GrantOf(3, "after")));
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
  EXPECT_EQ(manager.recorder.All<wire::LeaseDone>()[0].lease, KeyOf(3));
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, ResultFinishedWithoutAManagerIsDeliveredToTheNext) {
  int pid = 0;
  {
    Manager manager(kit_, EchoWorkerOptions({"--service-ms", "100"}));
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
    ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "alone")));
    kit_.Until([&] { return manager.backend->status().progress.running == 1; });
  }
  ProcessGuard guard(pid);
  ::poll(nullptr, 0, 200);  // so that it ends meanwhile; if not, the test proves less and passes
  Manager manager(kit_, EchoWorkerOptions({"--service-ms", "100"}), {KeyOf(1)});
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
  EXPECT_EQ(manager.recorder.Count<LeasesLost>(), 0u);
  manager.StopWorker();
}

// What the manager says, in its goodbye, to a connection that sends these bytes.
std::string GoodbyeTo(LoopKit& kit, const Manager& manager, const std::string& bytes) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = manager.hub->socket_path().string();
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  std::string answer;
  char buffer[4096];
  kit.Until([&] {
    const auto got = ::recv(fd.get(), buffer, sizeof(buffer), 0);
    if (got > 0) answer.append(buffer, std::size_t(got));
    return got == 0 || (got < 0 && errno != EAGAIN);
  });
  wire::FrameReader reader;
  reader.Feed(AsBytes(answer));
  const auto frame = reader.Next();
  const auto message = frame ? wire::DecodeMessage(*frame) : Result<wire::Message>(wire::KeepAlive{});
  return message && std::holds_alternative<wire::Goodbye>(*message) ? std::get<wire::Goodbye>(*message).text
                                                                    : "no goodbye";
}

TEST_F(WorkerBackendTest, WorkerLeftRunningOnPurposeIsAdoptedToo) {
  int pid = 0;
  {
    Manager manager(kit_, EchoWorkerOptions());
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
    const auto before = manager.recorder.events.size();
    manager.StopWorker(StopMode::kLeaveRunning);
    EXPECT_EQ(manager.recorder.events.size(), before);
    // While this manager still listens, the worker's hello is no reason to end.
    wire::Hello hello;
    hello.program_version = ALTLAS_VERSION;
    hello.device = "gpu_0";
    EXPECT_EQ(GoodbyeTo(kit_, manager, *wire::EncodeMessage(hello)), "no goodbye");
  }
  ProcessGuard guard(pid);
  Manager manager(kit_, EchoWorkerOptions());
  ASSERT_TRUE(manager.UntilReady());
  EXPECT_EQ(manager.pid(), pid);
  manager.StopWorker();
  EXPECT_TRUE(guard.ended());
}

TEST_F(WorkerBackendTest, OldWorkerThatDoesNotReconnectIsKilledAndReplaced) {
  auto manager_before = std::make_unique<Manager>(kit_, EchoWorkerOptions());
  ASSERT_TRUE(manager_before->UntilReady());
  const int pid = manager_before->pid();
  ProcessGuard guard(pid);
  guard.Signal(SIGSTOP);
  kit_.Until(
      [&] { return ReadFile(fmt::format("/proc/{}/stat", pid), 4096)->find(") T ") != std::string::npos; });
  manager_before.reset();
  auto options = EchoWorkerOptions();
  options.session.adopt_within = milliseconds(300);
  Manager manager(kit_, options, {KeyOf(1)});
  ASSERT_TRUE(manager.UntilReady());
  EXPECT_TRUE(guard.ended());
  EXPECT_NE(manager.pid(), pid);
  EXPECT_EQ(manager.recorder.Lost(), std::vector<LeaseKey>{KeyOf(1)});
  EXPECT_FALSE(manager.recorder.All<LeasesLost>()[0].worker_down);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, OldWorkerOfAnotherVersionGoesAndANewOneIsStarted) {
  int pid = 0;
  auto options = EchoWorkerOptions({"--program-version", "0.0.1"});
  options.session.program_version = "0.0.1";
  {
    Manager manager(kit_, options);
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
  }
  ProcessGuard guard(pid);
  Manager manager(kit_, EchoWorkerOptions(), {KeyOf(1)});
  ASSERT_TRUE(manager.UntilReady());
  EXPECT_TRUE(guard.ended());
  EXPECT_EQ(manager.recorder.Lost().size(), 1u);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, OtherModelsAreGivenToANewWorker) {
  int pid = 0;
  {
    Manager manager(kit_, EchoWorkerOptions());
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
  }
  ProcessGuard guard(pid);
  auto options = EchoWorkerOptions();
  options.session.welcome.models.push_back({"second", "", "float32", 0, 0});
  Manager manager(kit_, options);
  ASSERT_TRUE(manager.kit.Until([&] {
    const auto ready = manager.recorder.All<BackendReady>();
    return !ready.empty() && ready.back().models.size() == 2;
  }));
  EXPECT_NE(manager.pid(), pid);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, WorkerWithoutAManagerEndsAfterTheOrphanTime) {
  auto options = EchoWorkerOptions();
  options.session.welcome.orphan_ms = 100;
  int pid = 0;
  {
    Manager manager(kit_, options);
    ASSERT_TRUE(manager.UntilReady());
    pid = manager.pid();
  }
  ProcessGuard guard(pid);
  kit_.Until([&] { return guard.ended(); });
}

TEST_F(WorkerBackendTest, StrangersAreRefusedAndHarmNobody) {
  Manager manager(kit_, EchoWorkerOptions());
  ASSERT_TRUE(manager.UntilReady());
  const auto talk = [&](const std::string& bytes) { return GoodbyeTo(kit_, manager, bytes); };
  wire::Hello hello;
  hello.program_version = ALTLAS_VERSION;
  hello.device = "gpu_0";
  hello.token = "guess";
  EXPECT_NE(talk(*wire::EncodeMessage(hello)).find("expects no worker now"), std::string::npos);
  hello.device = "gpu_77";
  EXPECT_NE(talk(*wire::EncodeMessage(hello)).find("gpu_77"), std::string::npos);
  hello.protocol = 99;
  EXPECT_NE(talk(*wire::EncodeMessage(hello)).find("protocol 99"), std::string::npos);
  EXPECT_NE(talk(*wire::EncodeMessage(wire::Ready{})).find("first message"), std::string::npos);
  EXPECT_NE(talk("GET / HTTP/1.1\r\n\r\n").find("does not speak"), std::string::npos);
  ASSERT_TRUE(manager.backend->Grant(GrantOf(1, "still here")));
  kit_.Until([&] { return manager.recorder.Count<wire::LeaseDone>() == 1; });
  EXPECT_EQ(manager.backend->status().restarts, 0u);
  manager.StopWorker();
}

TEST_F(WorkerBackendTest, PinnedWorkerRunsOnItsProcessorAndWritesToItsLog) {
  cpu_set_t mine;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(mine), &mine), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &mine)) ++cpu;
  auto options = EchoWorkerOptions();
  options.cpus = {cpu};
  Manager manager(kit_, options);
  ASSERT_TRUE(manager.UntilReady());
  cpu_set_t theirs;
  ASSERT_EQ(::sched_getaffinity(manager.pid(), sizeof(theirs), &theirs), 0);
  EXPECT_EQ(CPU_COUNT(&theirs), 1);
  EXPECT_TRUE(CPU_ISSET(cpu, &theirs));
  EXPECT_EQ(::getpgid(manager.pid()), manager.pid());
  manager.StopWorker(StopMode::kDrain);
  const auto log = ReadFile(kit_.folder.path() / "logs" / "gpu_0.log", 1 << 20);
  ASSERT_TRUE(log);
  EXPECT_NE(log->find("drained"), std::string::npos) << *log;
  EXPECT_FALSE(std::filesystem::exists(kit_.folder.path() / "workers" / "gpu_0.json"));
}

TEST_F(WorkerBackendTest, WrongOptionsAreRefused) {
  auto hub = std::move(*WorkerHub::Create(*kit_.loop, {kit_.folder.path()}));
  auto options = EchoWorkerOptions();
  options.session.device = "../evil";
  EXPECT_EQ(WorkerBackend::Create(*hub, options, {}).error().code, ErrorCode::kInvalidArgument);
  options.session.device = "gpu_0";
  options.session.welcome.models[0].name = "";
  EXPECT_EQ(WorkerBackend::Create(*hub, options, {}).error().code, ErrorCode::kInvalidArgument);
  const auto first = WorkerBackend::Create(*hub, EchoWorkerOptions(), {});
  ASSERT_TRUE(first);
  EXPECT_EQ(WorkerBackend::Create(*hub, EchoWorkerOptions(), {}).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(WorkerHub::Create(*kit_.loop, {kit_.folder.path()}));  // one manager a state folder
}

}  // namespace
}  // namespace altlas::backend
