// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "wire/messages.h"

namespace altlas::backend {

struct SessionOptions {
  std::string device;
  std::string program_version = ALTLAS_VERSION;
  wire::Welcome welcome;                             // what the worker is told; program_version is filled in
  Duration hello_within = std::chrono::seconds(60);  // from the start of the process to its Hello
  Duration load_within = std::chrono::minutes(30);   // from the Welcome to Ready
  Duration heartbeat_within = std::chrono::seconds(15);  // between two signs of life
  Duration progress_within = std::chrono::seconds(120);  // leases run and nothing advances
  Duration adopt_within = std::chrono::seconds(5);       // for a worker of an earlier manager to reconnect
  Duration drain_within = std::chrono::seconds(30);      // for what runs, when draining
  Duration leave_within = std::chrono::seconds(10);      // from a lease given back to the worker's Goodbye
  Duration end_within = std::chrono::seconds(3);         // from a Goodbye to the process's end, then SIGKILL
  Duration first_restart = std::chrono::milliseconds(200);  // doubles with each failure in a row
  Duration restart_cap = std::chrono::seconds(30);
  Duration stable_after = std::chrono::seconds(30);  // ready for so long: the failures are forgotten
};

// What the session wants done, in this order.
struct SpawnProcess {};  // start a process; answer with OnSpawned or OnSpawnFailed
struct KillProcess {};   // SIGKILL its process group; OnExited follows
struct SendBytes {
  std::string bytes;  // one or more whole frames, on the connection
};
struct CloseConnection {};  // after what is queued; OnDisconnected must not follow
struct ForgetProcess {};    // it is gone: remove its record
struct EmitEvent {
  BackendEvent event;
};
struct ReportStopped {};  // Stop is done; nothing follows
using Effect = std::variant<SpawnProcess, KillProcess, SendBytes, CloseConnection, ForgetProcess, EmitEvent,
                            ReportStopped>;

// The state machine of one supervised worker (BackendState): events in, effects out, `now` an argument. Pure:
// no I/O, no threads, no clock of its own, so every loss, hang and restart is tested in virtual time. Every
// call appends to the effects, which the driver takes and carries out. One connection belongs to at most one
// process; losing either ends both.
class WorkerSession {
 public:
  // A process that an earlier manager left behind.
  struct OldWorker {
    int pid = 0;  // 0: not known
    std::string token;
  };

  explicit WorkerSession(SessionOptions options) : options_(std::move(options)) {}

  // Calls of the owner (Backend's contract).
  void Start(TimePoint now, std::vector<LeaseKey> known, std::optional<OldWorker> old);
  Status Grant(TimePoint now, const wire::LeaseGrant& grant);
  void Cancel(const LeaseKey& lease);
  void Acknowledge(const LeaseKey& lease);
  void Stop(TimePoint now, StopMode mode);
  // ProfileSource's contract.
  Status AskForProfile(const wire::ProfileAsk& ask);

  // Events of the process.
  void OnSpawned(TimePoint now, int pid, std::string token);
  void OnSpawnFailed(TimePoint now, const Error& error);
  void OnExited(TimePoint now, std::string_view how);  // "exited with code 1"

  // Events of the connection. OnHello decides whether the connection becomes this worker's: after an error
  // the driver says Goodbye to it with that reason and closes it, nothing else has changed but what the
  // session does about its own process.
  Status OnHello(TimePoint now, const wire::Hello& hello, int peer_pid);
  void OnMessage(TimePoint now, const wire::Message& message);
  void OnDisconnected(TimePoint now, std::string_view why);
  // The connection's bytes are damaged, or the worker's Hello could not be read at all.
  void OnBrokenPeer(TimePoint now, const Error& error);

  // Call OnTimer at this time; empty: never. May be early or late: a late call is taken for a pause of our
  // own and gives the worker its time again.
  std::optional<TimePoint> NextDeadline() const;
  void OnTimer(TimePoint now);

  std::vector<Effect> TakeEffects() { return std::exchange(effects_, {}); }
  BackendStatus status() const;
  BackendState state() const { return state_; }
  int pid() const { return pid_; }

 private:
  // From SIGKILL to the news of the end, before the leases are given up without it.
  static constexpr Duration kKillWithin = std::chrono::seconds(2);
  enum class After { kBackoff, kRestart, kStop };  // what follows once the process is gone

  void SetState(TimePoint now, BackendState state, std::string why, std::optional<Duration> deadline = {});
  void Emit(BackendEvent event) { effects_.push_back(EmitEvent{std::move(event)}); }
  void Send(const wire::Message& message);
  void Spawn(TimePoint now);
  // The worker is at fault: kill it, lose its leases, start it again after a pause.
  void Crash(TimePoint now, std::string why);
  void KillNow(TimePoint now, std::string why);
  // The worker is to end without having failed; `goodbye` is said first where it is connected.
  void End(TimePoint now, wire::GoodbyeReason goodbye, std::string why, After after);
  void MaybeFinish(TimePoint now);
  void FinishProcess(TimePoint now);
  void GiveUpLeases(std::string reason);
  void HandleDeadline(TimePoint now);
  void HandleGoodbye(TimePoint now, const wire::Goodbye& goodbye);
  void HandleOutcome(TimePoint now, const LeaseKey& lease, const wire::Message& message);
  void HandleHeartbeat(TimePoint now, const wire::Heartbeat& heartbeat);
  void HandleReady(TimePoint now, const wire::Ready& ready);
  void TakeOver(const wire::Hello& hello);
  bool Watched() const {
    return state_ == BackendState::kReady || state_ == BackendState::kLoading ||
           state_ == BackendState::kDraining;
  }

  const SessionOptions options_;
  std::vector<Effect> effects_;

  BackendState state_ = BackendState::kStopped;
  std::string why_ = "not started";
  std::optional<TimePoint> deadline_;  // of the state
  After after_ = After::kBackoff;      // valid in kEnding
  bool crashed_ = false;               // valid in kEnding: the leases' loss counts against them

  int pid_ = 0;
  std::string token_;
  bool alive_ = false;  // a process of ours (or adopted) may run
  bool connected_ = false;
  std::uint32_t starts_ = 0;
  std::uint32_t failures_ = 0;  // in a row
  std::optional<TimePoint> ready_since_;

  std::set<LeaseKey> leases_;  // handed over, not answered; in kAdopting those the store knows
  wire::Ready ready_{.slots = 0, .threads = 0};
  std::vector<wire::ModelReady> models_;
  std::vector<wire::ModelFailed> failed_models_;
  wire::Heartbeat progress_;
  TimePoint last_sign_{};     // of life
  TimePoint last_advance_{};  // `steps` grew, or nothing ran
};

}  // namespace altlas::backend
