// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"
#include "base/log.h"
#include "pool/pool_impl.h"

namespace altlas::pool {

using store::TaskStatus;

void Pool::Impl::Carry(const sched::Action& action) {
  Entry* entry = Find(action.task);
  if (entry == nullptr) return;
  switch (action.kind) {
    case sched::Action::Kind::kDispatch:
      return Dispatch(*entry, action);
    case sched::Action::Kind::kExpire:
      if (entry->record.device.empty()) entry->record.device = action.device;
      return End(*entry, TaskStatus::kCanceled, std::nullopt, Error{ErrorCode::kTimeout, action.message});
    case sched::Action::Kind::kFail:
      return End(*entry, TaskStatus::kFailed, std::nullopt, Error{ErrorCode::kUnavailable, action.message});
  }
}

void Pool::Impl::Dispatch(Entry& entry, const sched::Action& action) {
  auto& r = entry.record;
  // The first wait is known over restarts; a later one begins when its attempt before was lost.
  entry.waited = r.attempt == 0
                     ? static_cast<double>(std::max<std::int64_t>(0, clock_.WallNow() - r.created_ms)) / 1000
                     : entry.waited + Seconds(clock_.Now() - entry.queued_at);
  r.device = action.device;
  r.attempt += 1;
  r.status = TaskStatus::kRunning;
  r.started_ms = clock_.WallNow();
  entry.phase = Entry::Phase::kRunning;
  entry.lease = {r.id, static_cast<std::uint32_t>(r.attempt)};
  JsonWriter explain;
  explain.BeginObject()
      .Key("strategy")
      .String(StrategyName(action.strategy))
      .Key("reason")
      .String(sched::ReasonName(action.reason));
  explain.Key("score").Double(action.score).Key("waited").Double(entry.waited);
  if (!action.message.empty()) explain.Key("note").String(action.message);
  r.explain = explain.EndObject().Take();
  ALTLAS_INFO("sched", "task placed", {"task", r.id.ToString()}, {"device", r.device},
              {"strategy", StrategyName(action.strategy)}, {"reason", sched::ReasonName(action.reason)},
              {"score", fmt::format("{:.4g}", action.score)}, {"attempt", r.attempt},
              {"note", action.message});
  r.budget_ms = std::max<std::int64_t>(0, r.budget_ms - Millis(clock_.Now() - entry.queued_at));
  store_.tasks().RecordDispatch({r.id, r.attempt, r.device, r.budget_ms, r.started_ms, r.explain});

  wire::LeaseGrant grant;
  grant.lease = entry.lease;
  grant.type = r.type;
  grant.model = r.model;
  grant.request = r.request;
  grant.stream = true;
  grant.emitted = entry.emitted;
  auto& device = devices_[r.device];
  const auto granted = device.backend->Grant(std::move(grant));
  if (granted.has_value()) {
    entry.lease_out = true;
    metrics_.Dispatched(r, entry.waited);
    return;
  }
  if (granted.error().code == ErrorCode::kUnavailable) {
    TakesNothing(r.device, granted.error().message);
    LeaseLost(entry, r.device, false, granted.error().message);
    return;
  }
  sched_->Finish(clock_.Now(), r.id, sched::Outcome::kFailed, {});
  End(entry, TaskStatus::kFailed, std::nullopt, granted.error());
}

void Pool::Impl::TakesNothing(const std::string& id, const std::string& why) {
  auto& device = devices_[id];
  device.ready = false;
  device.why_not = why;
  TellScheduler(id);
}

Entry* Pool::Impl::FindLease(const wire::LeaseKey& lease) {
  Entry* entry = Find(lease.task);
  return entry != nullptr && entry->lease == lease &&
                 (entry->lease_out || entry->phase == Entry::Phase::kLimbo)
             ? entry
             : nullptr;
}

void Pool::Impl::OnBackend(const std::string&, wire::Token& token) {
  Entry* entry = FindLease(token.lease);
  if (entry == nullptr || entry->phase == Entry::Phase::kEnding || entry->phase == Entry::Phase::kZombie)
    return;
  const auto next = entry->emitted.size();
  if (token.index < next) return;  // told again by the worker that continues it
  if (token.index > next) {
    ALTLAS_DEBUG("pool", "token out of order dropped", {"task", token.lease.task.ToString()},
                 {"index", token.index}, {"expected", next});
    return;
  }
  // Text that was held back comes at the end without a token of its own, under the index after the last; once
  // more where the lease was continued elsewhere after that.
  if (token.ids.empty() && std::exchange(entry->tail_told, true)) return;
  if (!token.ids.empty() && entry->tail_told) TakeTailBack(*entry);
  entry->emitted.insert(entry->emitted.end(), token.ids.begin(), token.ids.end());
  entry->pieces.push_back({token.index, token.text});
  Tell(*entry, TokenEvent{token.index, token.text});
}

// The attempt before ended here and was lost with its end; this one goes on, and tells what was held back as
// part of its next piece.
void Pool::Impl::TakeTailBack(Entry& entry) {
  entry.tail_told = false;
  entry.pieces.pop_back();
  entry.past = Entry::Past::kLost;  // who heard the tail and went away may come back
  for (const auto& watcher : WatchersOf(entry)) TellAnew(entry, *watcher);
}

void Pool::Impl::ReturnLease(Entry& entry, sched::Outcome outcome, Duration service) {
  entry.lease_out = false;
  sched_->Finish(clock_.Now(), entry.record.id, outcome, service);
}

void Pool::Impl::OnBackend(const std::string& id, wire::LeaseDone& done) {
  Entry* entry = FindLease(done.lease);
  if (entry == nullptr) return devices_[id].backend->Acknowledge(done.lease);
  ReturnLease(*entry, sched::Outcome::kDone, FromSeconds(std::clamp(done.seconds, 0.0, 1e9)));
  entry->acknowledge = true;
  if (entry->phase == Entry::Phase::kEnding) return;
  if (entry->phase == Entry::Phase::kZombie) {
    devices_[id].backend->Acknowledge(done.lease);
    tasks_.erase(done.lease.task);
    return;
  }
  entry->generated_tokens = done.generated_tokens;
  End(*entry, TaskStatus::kCompleted, store::TaskResult{std::move(done.result), done.seconds}, std::nullopt);
}

void Pool::Impl::OnBackend(const std::string& id, wire::LeaseFailed& failed) {
  Entry* entry = FindLease(failed.lease);
  if (entry == nullptr) return devices_[id].backend->Acknowledge(failed.lease);
  entry->acknowledge = true;
  const bool given_back = failed.code == ErrorCode::kUnavailable && !failed.worker_at_fault;
  // The worker's goodbye comes after this: the task, or another, would go right back to one that is leaving.
  if (given_back) TakesNothing(id, failed.message);
  if (entry->phase == Entry::Phase::kZombie || entry->phase == Entry::Phase::kEnding) {
    ReturnLease(*entry, sched::Outcome::kFailed, {});
    if (entry->phase == Entry::Phase::kZombie) {
      devices_[id].backend->Acknowledge(failed.lease);
      tasks_.erase(failed.lease.task);
    }
    return;
  }
  if (failed.worker_at_fault || given_back || failed.code == ErrorCode::kCanceled) {
    devices_[id].backend->Acknowledge(failed.lease);
    entry->acknowledge = false;
    return LeaseLost(*entry, id, failed.worker_at_fault, failed.message);
  }
  ReturnLease(*entry, sched::Outcome::kFailed, {});
  End(*entry, TaskStatus::kFailed, std::nullopt, Error{failed.code, failed.message});
}

void Pool::Impl::OnBackend(const std::string& id, const backend::LeasesLost& lost) {
  if (lost.worker_down) metrics_.WorkerLost(id);
  ALTLAS_WARN("pool", "leases lost", {"device", id}, {"leases", lost.leases.size()},
              {"worker_down", lost.worker_down}, {"why", lost.reason});
  for (const auto& lease : lost.leases) {
    Entry* entry = FindLease(lease);
    if (entry == nullptr) continue;
    if (entry->phase == Entry::Phase::kEnding) {
      ReturnLease(*entry, sched::Outcome::kFailed, {});
    } else if (entry->phase == Entry::Phase::kZombie) {
      ReturnLease(*entry, sched::Outcome::kFailed, {});
      tasks_.erase(lease.task);
    } else {
      LeaseLost(*entry, id, lost.worker_down, lost.reason);
    }
  }
}

void Pool::Impl::LeaseLost(Entry& entry, const std::string& device, bool worker_down,
                           const std::string& reason) {
  auto& r = entry.record;
  const bool limbo = entry.phase == Entry::Phase::kLimbo;
  entry.lease_out = false;
  if (worker_down) r.worker_losses += 1;
  if (r.worker_losses >= options_.max_worker_losses) {
    if (!limbo) sched_->Finish(clock_.Now(), r.id, sched::Outcome::kFailed, {});
    return End(entry, TaskStatus::kFailed, std::nullopt,
               Fail(ErrorCode::kInternal,
                    "the task took its worker down {} times (last on {}: {}); it is not tried again "
                    "(workers.max_attempts)",
                    r.worker_losses, device, reason));
  }
  if (entry.past == Entry::Past::kComesAgain) LosePast(entry);
  r.status = TaskStatus::kQueued;
  entry.phase = Entry::Phase::kQueued;
  ALTLAS_INFO("sched", "task queued again", {"task", r.id.ToString()}, {"device", device},
              {"worker_losses", r.worker_losses}, {"why", reason});
  r.budget_ms = std::max(r.budget_ms, Millis(sched::kLeastAfterLoss));
  entry.queued_at = clock_.Now();
  store_.tasks().RequeueForRetry({r.id, r.worker_losses, "", r.budget_ms}, {});
  const bool alone = r.worker_losses > 0;
  if (limbo || !sched_->Requeue(clock_.Now(), r.id, worker_down ? device : "", alone)) Resubmit({&entry});
}

// What an adopted worker has told again so far is all that is left.
void Pool::Impl::LosePast(Entry& entry) {
  entry.past = Entry::Past::kLost;
  for (const auto& watcher : WatchersOf(entry)) {
    if (watcher->from() > entry.told()) TellAnew(entry, *watcher);
  }
}

void Pool::Impl::OnBackend(const std::string& id, const backend::LeasesResumed& resumed) {
  for (const auto& lease : resumed.leases) {
    Entry* entry = FindLease(lease);
    if (entry == nullptr) {
      // Canceled while the worker was out of reach.
      devices_[id].backend->Cancel(lease);
      continue;
    }
    if (entry->phase != Entry::Phase::kLimbo) continue;
    auto adopted = sched_->AdoptRunning(clock_.Now(), SpecOf(*entry), id);
    if (!adopted.has_value()) {
      ALTLAS_WARN("pool", "lease not resumed", {"task", lease.task.ToString()},
                  {"why", adopted.error().message});
      devices_[id].backend->Cancel(lease);
      LeaseLost(*entry, id, false, adopted.error().message);
      continue;
    }
    entry->phase = Entry::Phase::kRunning;
    entry->lease_out = true;
    ALTLAS_INFO("pool", "lease resumed", {"task", lease.task.ToString()}, {"device", id});
    Tell(*entry, ResetEvent{});
  }
}

void Pool::Impl::End(Entry& entry, TaskStatus status, std::optional<store::TaskResult> result,
                     std::optional<Error> error) {
  auto& r = entry.record;
  entry.phase = Entry::Phase::kEnding;
  r.status = status;
  r.finished_ms = clock_.WallNow();
  r.result = std::move(result);
  r.error = std::move(error);
  if (r.error)
    ALTLAS_INFO("pool", "task ended", {"task", r.id.ToString()}, {"status", store::TaskStatusName(status)},
                {"code", ErrorCodeName(r.error->code)}, {"why", r.error->message});
  store::FinalRecord record{r.id, status, r.result, r.error, r.worker_losses, r.finished_ms, r.device};
  store_.tasks().RecordFinal(std::move(record),
                             Later([id = r.id](Impl& self, Result<store::FinalOutcome> outcome) {
                               self.Ended(id, outcome);
                               self.Pump();
                             }));
}

void Pool::Impl::Ended(const TaskId& id, const Result<store::FinalOutcome>& outcome) {
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  auto& r = entry->record;
  if (!outcome.has_value()) {
    // The store is closing, or it does not know the task. Neither watchers nor the worker hear of an end that
    // is not durable: a worker still holds the outcome and tells it again after a restart.
    ALTLAS_ERROR("pool", "the end of a task could not be recorded", {"task", id.ToString()},
                 {"why", outcome.error().message});
    const auto unanswered = std::exchange(entry->on_final, {});
    for (const auto& done : unanswered) done(outcome.error());
    return;
  }
  if (outcome->recorded) metrics_.Ended(r, entry->generated_tokens);
  auto view = ViewOf(*entry, false);
  view.live = false;
  if (!outcome->recorded) {
    if (auto stored = store_.reader().Get(id); stored.has_value()) view.record = std::move(*stored);
  }
  const auto on_final = std::move(entry->on_final);
  entry->on_final.clear();
  const auto watchers = std::move(entry->watchers);
  entry->watchers.clear();
  if (entry->lease_out) {
    entry->phase = Entry::Phase::kZombie;
  } else {
    if (entry->acknowledge) {
      if (const auto device = devices_.find(r.device); device != devices_.end())
        device->second.backend->Acknowledge(entry->lease);
    }
    tasks_.erase(id);
  }
  for (const auto& weak : watchers) {
    if (const auto watcher = weak.lock()) watcher->Give(FinalEvent{view});
  }
  for (const auto& done : on_final) done(view);
}

void Pool::Impl::Cancel(const TaskId& id, std::string reason, std::function<void(Result<TaskView>)> done) {
  Entry* entry = Find(id);
  if (entry == nullptr || entry->phase == Entry::Phase::kZombie) {
    auto stored = Get(id, false);
    Error error = stored.has_value() ? Fail(ErrorCode::kConflict, "task {} is {} already", id.ToString(),
                                            store::TaskStatusName(stored->record.status))
                                     : std::move(stored).error();
    if (done) loop_.Post([done = std::move(done), error = std::move(error)] { done(error); });
    return;
  }
  if (done) entry->on_final.push_back(std::move(done));
  if (entry->phase == Entry::Phase::kEnding) return;  // what is on the way to the disk is the end
  if (entry->lease_out) {
    devices_[entry->record.device].backend->Cancel(entry->lease);
  } else {
    // One that never ran keeps the device it was predicted to run on, which the scheduler alone knows.
    if (entry->record.device.empty()) entry->record.device = DeviceOf(*entry).value_or("");
    sched_->Cancel(clock_.Now(), id);
  }
  End(*entry, TaskStatus::kCanceled, std::nullopt, Error{ErrorCode::kCanceled, std::move(reason)});
  Pump();
}

}  // namespace altlas::pool
