// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "backend/backend_test_kit.h"
#include "backend/worker_session.h"

// For tests of WorkerSession.
namespace altlas::backend {

inline const LeaseKey kA{{1, 1}, 1};
inline const LeaseKey kB{{1, 2}, 1};
inline const LeaseKey kC{{1, 3}, 1};

// Drives a session in virtual time and remembers what it asked for.
struct SessionBench : Recorder {
  WorkerSession session;
  TimePoint now{seconds(1000)};
  std::vector<wire::Message> sent;
  int spawns = 0, kills = 0, closes = 0, forgets = 0, stops = 0;

  explicit SessionBench(SessionOptions options = Options()) : session(std::move(options)) {}
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

}  // namespace altlas::backend
