// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_session.h"

#include <algorithm>

#include "base/sha256.h"

namespace altlas::backend {

void WorkerSession::SetState(TimePoint now, BackendState state, std::string why,
                             std::optional<Duration> deadline) {
  const bool changed = state_ != state || why_ != why;
  state_ = state;
  why_ = std::move(why);
  deadline_ = deadline ? std::optional(now + *deadline) : std::nullopt;
  if (changed) Emit(StateChanged{state_, why_});
}

void WorkerSession::Send(const wire::Message& message) {
  if (!connected_) return;
  auto bytes = wire::EncodeMessage(message);
  ALTLAS_CHECK(bytes.has_value(), "a message of our own breaks the format");
  effects_.push_back(SendBytes{std::move(*bytes)});
}

void WorkerSession::Start(TimePoint now, std::vector<LeaseKey> known, std::optional<OldWorker> old) {
  if (state_ != BackendState::kStopped) return;
  crashed_ = false;
  failures_ = 0;
  leases_.insert(known.begin(), known.end());
  if (!old) {
    GiveUpLeases("no worker of the earlier manager is left");
    return Spawn(now);
  }
  pid_ = old->pid;
  token_ = std::move(old->token);
  alive_ = pid_ != 0;
  SetState(now, BackendState::kAdopting, "waiting for the worker of the earlier manager to reconnect",
           options_.adopt_within);
}

void WorkerSession::Spawn(TimePoint now) {
  ++starts_;
  models_.clear();
  failed_models_.clear();
  ready_ = {.slots = 0, .threads = 0};
  progress_ = {};
  ready_since_.reset();
  SetState(now, BackendState::kStarting, "starting the process", options_.hello_within);
  effects_.push_back(SpawnProcess{});
}

void WorkerSession::OnSpawned(TimePoint now, int pid, std::string token) {
  pid_ = pid;
  token_ = std::move(token);
  alive_ = true;
  // Stopped between the wish and the deed.
  if (state_ != BackendState::kStarting) effects_.push_back(KillProcess{});
}

void WorkerSession::OnSpawnFailed(TimePoint now, const Error& error) {
  if (state_ != BackendState::kStarting) return;
  crashed_ = true;
  after_ = After::kBackoff;
  why_ = "cannot be started: " + error.message;
  FinishProcess(now);
}

Status WorkerSession::OnHello(TimePoint now, const wire::Hello& hello, int peer_pid) {
  if ((state_ != BackendState::kStarting && state_ != BackendState::kAdopting) || connected_) {
    return Fail(ErrorCode::kConflict, "device {} expects no worker now: it is {}", options_.device,
                BackendStateName(state_));
  }
  if (!EqualInConstantTime(hello.token, token_)) {
    return Fail(ErrorCode::kDenied, "the token is not the one that the worker of {} was given",
                options_.device);
  }
  if (hello.program_version != options_.program_version) {
    auto why = fmt::format("the worker is of version {}, this program of {}: install one version",
                           hello.program_version, options_.program_version);
    const bool adopted = state_ == BackendState::kAdopting;
    alive_ = true;
    if (pid_ == 0) pid_ = peer_pid;
    End(now, wire::GoodbyeReason::kWrongVersion, why, adopted ? After::kRestart : After::kBackoff);
    return Fail(ErrorCode::kUnsupported, "{}", why);
  }
  connected_ = true;
  alive_ = true;
  if (pid_ == 0) pid_ = peer_pid;
  last_sign_ = last_advance_ = now;
  auto welcome = options_.welcome;
  welcome.program_version = options_.program_version;
  Send(welcome);
  TakeOver(hello);
  SetState(now, BackendState::kLoading, "loading its models", options_.load_within);
  return {};
}

// Leases that both sides know go on; the store's alone are lost; the worker's alone are canceled.
void WorkerSession::TakeOver(const wire::Hello& hello) {
  std::set<LeaseKey> held;
  for (const auto& lease : hello.leases) {
    if (leases_.contains(lease.lease)) {
      held.insert(lease.lease);
    } else if (!lease.finished) {
      Send(wire::LeaseCancel{lease.lease});
    }
  }
  std::vector<LeaseKey> lost;
  std::set_difference(leases_.begin(), leases_.end(), held.begin(), held.end(), std::back_inserter(lost));
  leases_ = std::move(held);
  if (!lost.empty())
    Emit(LeasesLost{"the worker of the earlier manager does not hold it", std::move(lost), false});
  if (!leases_.empty()) Emit(LeasesResumed{{leases_.begin(), leases_.end()}});
}

Status WorkerSession::Grant(TimePoint now, const wire::LeaseGrant& grant) {
  if (state_ != BackendState::kReady) {
    return Fail(ErrorCode::kUnavailable, "device {} takes no work now: it is {} ({})", options_.device,
                BackendStateName(state_), why_);
  }
  if (leases_.contains(grant.lease)) {
    return Fail(ErrorCode::kConflict, "device {} holds attempt {} of task {} already", options_.device,
                grant.lease.attempt, grant.lease.task.ToString());
  }
  ALTLAS_TRY(auto bytes, wire::EncodeMessage(grant));
  if (leases_.empty()) last_advance_ = now;
  leases_.insert(grant.lease);
  effects_.push_back(SendBytes{std::move(bytes)});
  return {};
}

void WorkerSession::Cancel(const LeaseKey& lease) {
  if (leases_.contains(lease)) Send(wire::LeaseCancel{lease});
}

void WorkerSession::Acknowledge(const LeaseKey& lease) { Send(wire::LeaseDoneAck{lease}); }

Status WorkerSession::AskForProfile(const wire::ProfileAsk& ask) {
  if (state_ != BackendState::kReady) {
    return Fail(ErrorCode::kUnavailable, "device {} cannot be watched now: it is {} ({})", options_.device,
                BackendStateName(state_), why_);
  }
  Send(ask);
  return {};
}

void WorkerSession::Stop(TimePoint now, StopMode mode) {
  if (mode == StopMode::kLeaveRunning) {
    leases_.clear();
    if (connected_) effects_.push_back(CloseConnection{});
    connected_ = alive_ = false;
    state_ = BackendState::kStopped;
    why_ = "left running for the next manager";
    deadline_.reset();
    effects_.push_back(ReportStopped{});
    return;
  }
  if (!alive_ && !connected_ && state_ != BackendState::kStarting) {
    GiveUpLeases("the device is stopped");
    SetState(now, BackendState::kStopped, "stopped");
    effects_.push_back(ReportStopped{});
    return;
  }
  if (state_ == BackendState::kEnding) {
    after_ = After::kStop;
  } else if (mode == StopMode::kDrain && state_ == BackendState::kReady) {
    const auto within = std::chrono::ceil<std::chrono::milliseconds>(options_.drain_within);
    Send(wire::Drain{static_cast<std::uint64_t>(std::max<std::int64_t>(1, within.count()))});
    SetState(now, BackendState::kDraining, "finishing what it holds",
             options_.drain_within + options_.end_within);
  } else if (mode == StopMode::kKill || state_ != BackendState::kDraining) {
    End(now, wire::GoodbyeReason::kShutdown, "the device is stopped", After::kStop);
  }
}

void WorkerSession::Crash(TimePoint now, std::string why) {
  crashed_ = true;
  after_ = After::kBackoff;
  KillNow(now, std::move(why));
}

void WorkerSession::KillNow(TimePoint now, std::string why) {
  if (connected_) effects_.push_back(CloseConnection{});
  connected_ = false;
  if (alive_) effects_.push_back(KillProcess{});
  SetState(now, BackendState::kEnding, std::move(why), kKillWithin);
  MaybeFinish(now);
}

void WorkerSession::End(TimePoint now, wire::GoodbyeReason goodbye, std::string why, After after) {
  crashed_ = false;
  after_ = after;
  Send(wire::Goodbye{goodbye, why});
  const bool told =
      connected_ || goodbye == wire::GoodbyeReason::kWrongVersion;  // then the driver passes the reason on
  SetState(now, BackendState::kEnding, std::move(why), told ? options_.end_within : Duration::zero());
  MaybeFinish(now);
}

void WorkerSession::OnExited(TimePoint now, std::string_view how) {
  alive_ = false;
  if (state_ == BackendState::kStopped || state_ == BackendState::kBackoff) return;
  if (state_ == BackendState::kAdopting) {
    after_ = After::kRestart;
    crashed_ = false;  // nobody saw why
    SetState(now, BackendState::kEnding, fmt::format("the worker of the earlier manager {}", how),
             kKillWithin);
  } else if (state_ == BackendState::kDraining) {
    after_ = After::kStop;
    crashed_ = false;
    SetState(now, BackendState::kEnding, fmt::format("drained; the process {}", how), kKillWithin);
  } else if (state_ != BackendState::kEnding) {
    after_ = After::kBackoff;
    crashed_ = true;
    SetState(now, BackendState::kEnding, fmt::format("the process {}", how), kKillWithin);
  } else if (crashed_ && after_ == After::kBackoff) {
    SetState(now, BackendState::kEnding, fmt::format("{}; the process {}", why_, how), kKillWithin);
  }
  // What it said last may still be on its way: the end of the connection comes after it.
  MaybeFinish(now);
}

void WorkerSession::OnDisconnected(TimePoint now, std::string_view why) {
  connected_ = false;
  if (state_ == BackendState::kStopped) return;
  if (state_ == BackendState::kEnding || !alive_) {
    MaybeFinish(now);
    return;
  }
  const bool drained = state_ == BackendState::kDraining;
  if (!drained) return Crash(now, fmt::format("the connection ended ({})", why));
  crashed_ = false;
  after_ = After::kStop;
  SetState(now, BackendState::kEnding, "drained", options_.end_within);
}

void WorkerSession::OnBrokenPeer(TimePoint now, const Error& error) {
  if (state_ == BackendState::kStopped || state_ == BackendState::kBackoff) return;
  Crash(now, fmt::format("the worker breaks the protocol: {}", error.message));
}

void WorkerSession::MaybeFinish(TimePoint now) {
  if (state_ == BackendState::kEnding && !alive_ && !connected_) FinishProcess(now);
}

void WorkerSession::FinishProcess(TimePoint now) {
  if (ready_since_ && now - *ready_since_ >= options_.stable_after) failures_ = 0;
  ready_since_.reset();
  GiveUpLeases(why_);
  pid_ = 0;
  token_.clear();
  effects_.push_back(ForgetProcess{});
  if (after_ == After::kStop) {
    SetState(now, BackendState::kStopped, "stopped");
    effects_.push_back(ReportStopped{});
  } else if (after_ == After::kRestart) {
    Spawn(now);
  } else {
    ++failures_;
    auto pause = options_.first_restart;
    for (std::uint32_t i = 1; i < failures_ && pause < options_.restart_cap; ++i) pause *= 2;
    SetState(now, BackendState::kBackoff, why_, std::min(pause, options_.restart_cap));
  }
}

void WorkerSession::GiveUpLeases(std::string reason) {
  if (leases_.empty()) return;
  std::vector<LeaseKey> lost(leases_.begin(), leases_.end());
  leases_.clear();
  Emit(LeasesLost{std::move(reason), std::move(lost), crashed_});
}

void WorkerSession::OnMessage(TimePoint now, const wire::Message& message) {
  if (!connected_) return;
  last_sign_ = now;
  if (const auto* token = std::get_if<wire::Token>(&message)) {
    last_advance_ = now;
    if (leases_.contains(token->lease)) Emit(*token);
  } else if (const auto* done = std::get_if<wire::LeaseDone>(&message)) {
    HandleOutcome(now, done->lease, message);
  } else if (const auto* failed = std::get_if<wire::LeaseFailed>(&message)) {
    HandleOutcome(now, failed->lease, message);
  } else if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&message)) {
    HandleHeartbeat(now, *heartbeat);
  } else if (const auto* report = std::get_if<wire::ProfileReport>(&message)) {
    Emit(*report);
  } else if (const auto* model = std::get_if<wire::ModelReady>(&message)) {
    if (state_ == BackendState::kLoading && models_.size() < wire::kMaxModels) models_.push_back(*model);
  } else if (const auto* bad = std::get_if<wire::ModelFailed>(&message)) {
    if (state_ == BackendState::kLoading && failed_models_.size() < wire::kMaxModels)
      failed_models_.push_back(*bad);
  } else if (const auto* ready = std::get_if<wire::Ready>(&message)) {
    HandleReady(now, *ready);
  } else if (const auto* goodbye = std::get_if<wire::Goodbye>(&message)) {
    HandleGoodbye(now, *goodbye);
  } else if (!std::holds_alternative<wire::KeepAlive>(message) &&
             !std::holds_alternative<wire::PrintLine>(message)) {
    OnBrokenPeer(now, Fail(ErrorCode::kCorrupt, "a {} message from a worker",
                           wire::MessageName(wire::MessageType(message))));
  }
}

void WorkerSession::HandleGoodbye(TimePoint now, const wire::Goodbye& goodbye) {
  // The news of the process's end may overtake its last words: then those say why it ended.
  const bool late = state_ == BackendState::kEnding && !alive_ && crashed_ && after_ == After::kBackoff;
  if (state_ == BackendState::kDraining || (state_ == BackendState::kEnding && !late)) return;
  const bool fault = goodbye.reason == wire::GoodbyeReason::kFault;
  // One that leaves before it was of any use is not started again at once, or it might do so for ever.
  const bool pause = fault || (!ready_since_ && goodbye.reason != wire::GoodbyeReason::kReconfigured);
  End(now, wire::GoodbyeReason::kShutdown,
      fmt::format("the worker left ({}): {}", GoodbyeReasonName(goodbye.reason), goodbye.text),
      pause ? After::kBackoff : After::kRestart);
  crashed_ = fault;
}

void WorkerSession::HandleOutcome(TimePoint now, const LeaseKey& lease, const wire::Message& message) {
  last_advance_ = now;
  if (leases_.erase(lease) == 0) {
    // Of an earlier manager, which made it durable or gave the task out again: nobody waits for it.
    Send(wire::LeaseDoneAck{lease});
  } else if (const auto* done = std::get_if<wire::LeaseDone>(&message)) {
    Emit(*done);
  } else {
    const auto& failed = std::get<wire::LeaseFailed>(message);
    Emit(failed);
    // It takes nothing any more, so it must not stay: the owner gives it nothing until one is ready anew.
    if (failed.code == ErrorCode::kUnavailable && !failed.worker_at_fault && state_ == BackendState::kReady &&
        !deadline_)
      SetState(now, BackendState::kReady, "it gave a lease back and is leaving", options_.leave_within);
  }
}

void WorkerSession::HandleHeartbeat(TimePoint now, const wire::Heartbeat& heartbeat) {
  if (heartbeat.steps > progress_.steps || (heartbeat.running == 0 && leases_.empty())) last_advance_ = now;
  progress_ = heartbeat;
  Send(wire::KeepAlive{});
  Emit(heartbeat);
}

void WorkerSession::HandleReady(TimePoint now, const wire::Ready& ready) {
  if (state_ != BackendState::kLoading) return;
  ready_ = ready;
  ready_since_ = last_advance_ = now;
  SetState(now, BackendState::kReady, "ready");
  Emit(BackendReady{ready_, models_, failed_models_});
}

BackendStatus WorkerSession::status() const {
  BackendStatus status;
  status.device = options_.device;
  status.state = state_;
  status.why = why_;
  if (state_ == BackendState::kBackoff) status.restart_at = deadline_;
  status.restarts = starts_ > 0 ? starts_ - 1 : 0;
  status.failures_in_a_row = failures_;
  status.pid = pid_;
  status.ready = ready_;
  status.models = models_;
  status.failed_models = failed_models_;
  status.progress = progress_;
  status.leases = leases_.size();
  return status;
}

}  // namespace altlas::backend
