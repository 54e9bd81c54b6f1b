// SPDX-License-Identifier: Apache-2.0
// The waits of a WorkerSession: when each ends, and what follows.
#include <algorithm>

#include "backend/worker_session.h"

namespace altlas::backend {

namespace {

// A timer this late means that this process itself stood still (the machine slept, a debugger, an overloaded
// host).
constexpr Duration kOwnPause = std::chrono::seconds(2);

}  // namespace

std::optional<TimePoint> WorkerSession::NextDeadline() const {
  auto next = deadline_;
  const auto take = [&next](TimePoint at) { next = next ? std::min(*next, at) : at; };
  if (Watched()) take(last_sign_ + options_.heartbeat_within);
  if (Watched() && !leases_.empty()) take(last_advance_ + options_.progress_within);
  return next;
}

void WorkerSession::OnTimer(TimePoint now) {
  const auto due = NextDeadline();
  if (!due || now < *due) return;
  if (now - *due > kOwnPause && state_ != BackendState::kBackoff) {
    last_sign_ = last_advance_ = now;
    if (deadline_) deadline_ = std::max(*deadline_, now + kOwnPause);
    return;
  }
  HandleDeadline(now);
}

void WorkerSession::HandleDeadline(TimePoint now) {
  if (Watched() && now >= last_sign_ + options_.heartbeat_within) {
    return Crash(now, fmt::format("no sign of life for {:.1f} s", Seconds(now - last_sign_)));
  }
  if (Watched() && !leases_.empty() && now >= last_advance_ + options_.progress_within) {
    return Crash(now, fmt::format("it hangs: no progress for {:.1f} s with {} leases",
                                  Seconds(now - last_advance_), leases_.size()));
  }
  if (!deadline_ || now < *deadline_) return;
  switch (state_) {
    case BackendState::kAdopting:
      crashed_ = false;  // it may have done nothing wrong while nobody watched
      after_ = After::kRestart;
      KillNow(now, fmt::format("the worker of the earlier manager did not reconnect within {:.1f} s",
                               Seconds(options_.adopt_within)));
      break;
    case BackendState::kStarting:
      Crash(now, fmt::format("the process did not connect within {:.1f} s", Seconds(options_.hello_within)));
      break;
    case BackendState::kLoading:
      Crash(now, fmt::format("the models were not loaded within {:.1f} s", Seconds(options_.load_within)));
      break;
    case BackendState::kReady:
      End(now, wire::GoodbyeReason::kShutdown,
          fmt::format("it gave a lease back and did not leave within {:.1f} s",
                      Seconds(options_.leave_within)),
          After::kBackoff);
      break;
    case BackendState::kBackoff:
      Spawn(now);
      break;
    default:
      // kDraining and kEnding past their time: by force. Where even that brings no news, the leases are not
      // held back for it.
      if (connected_) effects_.push_back(CloseConnection{});
      connected_ = false;
      if (state_ == BackendState::kDraining) {
        after_ = After::kStop;
        crashed_ = false;
      }
      if (alive_) effects_.push_back(KillProcess{});
      GiveUpLeases(why_);
      SetState(now, BackendState::kEnding, why_, kKillWithin);
      MaybeFinish(now);
  }
}

}  // namespace altlas::backend
