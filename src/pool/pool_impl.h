// SPDX-License-Identifier: Apache-2.0
// The pool's inside, shared by its .cc files: admission, devices, outcomes, recovery.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <map>
#include <set>

#include "base/task_id.h"
#include "pool/pool.h"
#include "pool/pool_metrics.h"

namespace altlas::pool {

class WatchState;

inline std::int64_t Millis(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

// One live task, from its commit to the commit of its end (or to the return of its lease, where that is
// later).
struct Entry {
  // What may happen next stands behind each state.
  enum class Phase {
    kLimbo,    // running before a restart; its device's backend will say resumed, lost, done or failed
    kQueued,   // in the scheduler; dispatch, expiry, cancel
    kRunning,  // a backend holds its lease; done, failed, lost, cancel
    kEnding,   // its final record is on the way to the disk; then it leaves the table, or kZombie
    kZombie,   // final and durable, but the backend still holds its lease: only the slot is waited for
  };
  struct Piece {
    std::uint32_t index = 0;  // of its token
    std::string text;
  };
  // What an earlier manager, or an attempt before, had told of it beside `pieces`.
  enum class Past {
    kNothing,     // nothing else
    kComesAgain,  // the worker that outlived that manager tells it again from its first token. -> kLost
    kLost,        // nobody knows it any more: what comes may be other words
  };
  store::TaskRecord record;
  std::optional<Strategy> strategy;
  double size_hint = 0;
  Phase phase = Phase::kQueued;
  TimePoint queued_at{};   // record.budget_ms counts from here while it waits
  double waited = 0;       // seconds in the queue until the last dispatch, over all attempts
  bool lease_out = false;  // a backend holds `lease` on record.device
  wire::LeaseKey lease;
  bool acknowledge = false;  // the backend waits for word that the outcome is durable
  std::vector<std::uint32_t> emitted;
  std::vector<Piece> pieces;
  bool tail_told = false;  // the last piece has no token of its own
  Past past = Past::kNothing;
  std::uint32_t generated_tokens = 0;
  std::vector<std::weak_ptr<WatchState>> watchers;
  std::vector<std::function<void(Result<TaskView>)>> on_final;

  // The index after the last one told.
  std::uint32_t told() const { return pieces.empty() ? 0 : pieces.back().index + 1; }
  // Whether one who has heard everything before `from` may have heard other words than those in `pieces`.
  bool MayDiffer(std::uint32_t from) const {
    return past != Past::kComesAgain && (from > told() || (past == Past::kLost && from > 0));
  }
};

// A watcher's connection to its task; ends with either side.
class WatchState {
 public:
  WatchState(std::uint32_t from, std::function<void(const TaskEvent&)> listener)
      : from_(from), listener_(std::move(listener)) {}
  std::uint32_t from() const { return from_; }
  void Give(const TaskEvent& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event); token != nullptr && token->index < from_) return;
    if (std::holds_alternative<ResetEvent>(event)) from_ = 0;
    listener_(event);
  }

 private:
  std::uint32_t from_;
  std::function<void(const TaskEvent&)> listener_;
};

// One device of the pool.
struct PoolDevice {
  device::DeviceSnapshot snapshot;
  std::unique_ptr<backend::Backend> backend;
  bool present = true;
  bool ready = false;                         // its backend takes leases
  std::vector<wire::ModelReady> models;       // loaded
  std::map<std::string, std::string> failed;  // model -> why it did not load
  std::string why_not = "its worker is starting";
};

class Pool::Impl : public std::enable_shared_from_this<Pool::Impl> {
 public:
  Impl(PoolOptions options, net::IoLoop& loop, const Clock& clock, store::Store& store,
       metrics::Registry& registry, BackendFactory factory)
      : options_(std::move(options)),
        loop_(loop),
        clock_(clock),
        store_(store),
        factory_(std::move(factory)),
        ids_(clock),
        metrics_(registry, {}) {}

  // pool.cc
  Status Start(metrics::Registry& registry);
  void Pump();
  void ArmTimer();
  Entry* Find(const TaskId& id);
  TaskView ViewOf(const Entry& entry, bool explain) const;
  // Where it runs, ran or would run as things stand.
  std::optional<std::string> DeviceOf(const Entry& entry) const;
  static store::TaskStatus ShownStatus(const Entry& entry);
  std::optional<TaskView> LiveView(const TaskId& id, bool explain) const;
  Result<TaskView> Get(const TaskId& id, bool explain) const;
  std::unique_ptr<Watch> WatchTask(const TaskId& id, std::uint32_t from,
                                   std::function<void(const TaskEvent&)> listener);
  void Tell(Entry& entry, const TaskEvent& event);
  // Has the watcher forget what it heard, and tells all pieces.
  static void TellAnew(Entry& entry, WatchState& watcher);
  static std::vector<std::shared_ptr<WatchState>> WatchersOf(Entry& entry);
  // Runs a member function later, unless the pool is gone by then.
  template <typename F>
  auto Later(F f) {
    return [self = weak_from_this(), f = std::move(f)](auto&&... args) mutable {
      if (const auto alive = self.lock(); alive && !alive->closed_)
        f(*alive, std::forward<decltype(args)>(args)...);
    };
  }

  // pool_admission.cc
  void Submit(Uuid key_id, std::vector<NewTask> tasks, std::optional<bool> split,
              std::optional<store::IdempotencyClaim> claim, SubmitCallback done);
  std::string PriorityOf(const NewTask& task) const;
  Status CheckNew(const std::vector<NewTask>& tasks, bool batch) const;
  void ReplayOr(Error refusal, std::vector<NewTask> tasks, store::IdempotencyClaim claim,
                SubmitCallback done);
  using Entries = std::vector<std::unique_ptr<Entry>>;
  // What is on its way to the disk and then into the queue.
  struct Submission {
    Entries entries;
    std::optional<bool> split;
    SubmitCallback done;
  };
  std::unique_ptr<Entry> NewEntry(NewTask task, Uuid key_id, Uuid batch, WallMillis created);
  void Stored(Submission& submission, Result<store::AcceptOutcome> outcome);
  void Admit(Submission& submission);
  void Replay(const store::AcceptOutcome& outcome, const SubmitCallback& done) const;
  sched::TaskSpec SpecOf(const Entry& entry) const;
  void Enter(Entry& entry, Result<sched::Accepted> accepted);
  std::optional<SubmitOutcome::Task> AnswerFor(const TaskId& id) const;

  // pool_devices.cc
  void UpdateDevices(const std::vector<device::DeviceSnapshot>& snapshots);
  bool AddDevice(const device::DeviceSnapshot& snapshot);
  void TellScheduler(const std::string& id);
  std::vector<DeviceReport> Devices() const;
  bool Ready(std::string* why) const;
  bool Serves(const PoolModel& model, const std::string& device) const;
  void OnEvent(std::string_view device, backend::BackendEvent event);
  void OnBackend(const std::string& device, const backend::BackendReady& event);
  void OnBackend(const std::string& device, const backend::StateChanged& event);
  void OnBackend(const std::string& device, const wire::Heartbeat&) {}
  void OnBackend(const std::string& device, const wire::ProfileReport&) {}

  // pool_outcomes.cc
  void Carry(const sched::Action& action);
  void Dispatch(Entry& entry, const sched::Action& action);
  void OnBackend(const std::string& device, wire::Token& token);
  void OnBackend(const std::string& device, wire::LeaseDone& done);
  void OnBackend(const std::string& device, wire::LeaseFailed& failed);
  void OnBackend(const std::string& device, const backend::LeasesLost& lost);
  void OnBackend(const std::string& device, const backend::LeasesResumed& resumed);
  void LeaseLost(Entry& entry, const std::string& device, bool worker_down, const std::string& reason);
  void LosePast(Entry& entry);
  void TakeTailBack(Entry& entry);
  // Its worker accepts no lease until it reports that it is ready again.
  void TakesNothing(const std::string& id, const std::string& why);
  // The entry whose lease this is; null for one that nobody waits for.
  Entry* FindLease(const wire::LeaseKey& lease);
  void End(Entry& entry, store::TaskStatus status, std::optional<store::TaskResult> result,
           std::optional<Error> error);
  void Ended(const TaskId& id, const Result<store::FinalOutcome>& outcome);
  void ReturnLease(Entry& entry, sched::Outcome outcome, Duration service);
  void Cancel(const TaskId& id, std::string reason, std::function<void(Result<TaskView>)> done);

  // pool_recovery.cc
  Status Recover();
  void EnterRecovered();
  void Resubmit(std::vector<Entry*> entries);

  PoolOptions options_;
  net::IoLoop& loop_;
  const Clock& clock_;
  store::Store& store_;
  BackendFactory factory_;
  UuidGenerator ids_;
  PoolMetrics metrics_;
  std::unique_ptr<sched::Scheduler> sched_;
  boost::unordered_flat_map<TaskId, std::unique_ptr<Entry>, std::hash<TaskId>> tasks_;
  std::map<std::string, PoolDevice> devices_;
  std::vector<TaskId> recovered_;  // queued before a restart, in order, waiting for the first devices
  std::size_t accepting_ = 0;      // tasks on their way to the disk
  net::IoLoop::Timer timer_;
  TimePoint armed_for_ = TimePoint::max();  // of timer_
  bool pumping_ = false;
  bool pump_again_ = false;
  bool devices_known_ = false;
  bool stopping_ = false;
  bool closed_ = false;
};

}  // namespace altlas::pool
