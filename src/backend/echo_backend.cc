// SPDX-License-Identifier: Apache-2.0
#include "backend/echo_backend.h"

namespace altlas::backend {

EchoBackend::EchoBackend(EchoOptions options, Executor post, After after, BackendListener listener)
    : options_(std::move(options)),
      post_(std::move(post)),
      after_(std::move(after)),
      listener_(std::move(listener)),
      alive_(std::make_shared<bool>(true)) {
  status_.device = options_.device;
  status_.ready.slots = 0;
}

EchoBackend::~EchoBackend() { *alive_ = false; }

void EchoBackend::PostEvent(BackendEvent event) {
  post_([this, alive = alive_, event = std::move(event)]() mutable {
    if (*alive) listener_(options_.device, std::move(event));
  });
}

void EchoBackend::SetState(BackendState state, std::string why) {
  status_.state = state;
  status_.why = std::move(why);
  PostEvent(StateChanged{status_.state, status_.why});
}

void EchoBackend::Start(std::vector<LeaseKey> known) {
  if (status_.state != BackendState::kStopped) return;
  if (!known.empty())
    PostEvent(LeasesLost{"the echo model forgets with its process", std::move(known), false});
  status_.ready = {options_.slots, 1, 0, 0};
  status_.models.clear();
  for (const auto& spec : options_.models) status_.models.push_back(EchoModel(spec));
  SetState(BackendState::kReady, "ready");
  PostEvent(BackendReady{status_.ready, status_.models, {}});
}

Status EchoBackend::Grant(wire::LeaseGrant grant) {
  if (status_.state != BackendState::kReady) {
    return Fail(ErrorCode::kUnavailable, "device {} takes no work now: it is {}", options_.device,
                BackendStateName(status_.state));
  }
  if (running_.contains(grant.lease)) {
    return Fail(ErrorCode::kConflict, "device {} holds attempt {} of task {} already", options_.device,
                grant.lease.attempt, grant.lease.task.ToString());
  }
  ALTLAS_TRY_VOID(wire::EncodeMessage(grant));
  auto answer = MakeEcho(grant);
  if (!answer) {
    PostEvent(wire::LeaseFailed{grant.lease, answer.error().code, answer.error().message, false});
    return {};
  }
  auto& running = running_[grant.lease];
  const auto known = answer->known;  // told by the earlier attempt, and nobody forgot it
  running = {std::move(*answer), grant.stream, known, false};
  status_.leases = running_.size();
  const auto steps = static_cast<std::int64_t>(grant.stream ? running.answer.pieces.size() - known : 0);
  Later(options_.service_time / (steps + 1), &EchoBackend::Step, grant.lease);
  return {};
}

void EchoBackend::Later(Duration delay, void (EchoBackend::*step)(const LeaseKey&), const LeaseKey& lease) {
  auto call = [this, alive = alive_, step, lease] {
    if (*alive) (this->*step)(lease);
  };
  if (delay == Duration::zero()) {
    post_(std::move(call));
  } else {
    after_(delay, std::move(call));
  }
}

// One token of a stream, or the end.
void EchoBackend::Step(const LeaseKey& lease) {
  const auto found = running_.find(lease);
  if (found == running_.end()) return;
  auto& running = found->second;
  if (running.canceled || !running.stream || running.next == running.answer.pieces.size())
    return Finish(lease);
  const auto steps = static_cast<std::int64_t>(running.answer.pieces.size() - running.answer.known);
  auto& piece = running.answer.pieces[running.next++];
  wire::Token token{lease, piece.index, {piece.id}, std::move(piece.text)};
  Later(options_.service_time / (steps + 1), &EchoBackend::Step, lease);
  listener_(options_.device, std::move(token));
}

void EchoBackend::Finish(const LeaseKey& lease) {
  auto node = running_.extract(lease);
  status_.leases = running_.size();
  auto& running = node.mapped();
  if (running.canceled) {
    listener_(options_.device, wire::LeaseFailed{lease, ErrorCode::kCanceled, "canceled", false});
  } else {
    listener_(options_.device,
              wire::LeaseDone{lease, std::move(running.answer.result), Seconds(options_.service_time),
                              running.answer.prompt_tokens, running.answer.generated_tokens});
  }
  MaybeStopped();
}

void EchoBackend::Cancel(const LeaseKey& lease) {
  const auto found = running_.find(lease);
  if (found == running_.end() || found->second.canceled) return;
  found->second.canceled = true;
  Later(Duration::zero(), &EchoBackend::Step, lease);
}

void EchoBackend::Stop(StopMode mode, std::function<void()> stopped) {
  stopped_.push_back(std::move(stopped));
  if (mode == StopMode::kDrain && !running_.empty()) {
    if (status_.state == BackendState::kReady) SetState(BackendState::kDraining, "finishing what it holds");
    return;
  }
  std::vector<LeaseKey> lost;
  for (const auto& [lease, running] : running_) lost.push_back(lease);
  running_.clear();
  status_.leases = 0;
  if (mode == StopMode::kLeaveRunning) {
    *alive_ = false;  // no event any more
    alive_ = std::make_shared<bool>(true);
    status_.state = BackendState::kStopped;
    status_.why = "left";
    for (auto& call : std::exchange(stopped_, {})) post_(std::move(call));
    return;
  }
  if (!lost.empty()) PostEvent(LeasesLost{"the device is stopped", std::move(lost), false});
  SetState(BackendState::kStopped, "stopped");
  for (auto& call : std::exchange(stopped_, {})) post_(std::move(call));
}

void EchoBackend::MaybeStopped() {
  if (status_.state != BackendState::kDraining || !running_.empty()) return;
  SetState(BackendState::kStopped, "stopped");
  for (auto& call : std::exchange(stopped_, {})) post_(std::move(call));
}

}  // namespace altlas::backend
