// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include <algorithm>

#include "base/log.h"
#include "pool/pool_impl.h"

namespace altlas::pool {
namespace {

class WatchHandle final : public Watch {
 public:
  explicit WatchHandle(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<WatchState> state_;
};

}  // namespace

Status Pool::Impl::Start(metrics::Registry& registry) {
  ALTLAS_TRY(sched_, sched::Scheduler::Create(options_.sched, Random(options_.seed)));
  registry.OnCollect(Later([](Impl& self) {
    self.metrics_.ShowDevices(self.Devices());
    self.metrics_.ShowQueue(self.sched_->QueuedByPriority(), self.sched_->OldestWaits(self.clock_.Now()));
  }));
  return {};
}

Entry* Pool::Impl::Find(const TaskId& id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second.get();
}

void Pool::Impl::Pump() {
  pump_again_ = true;
  if (pumping_ || closed_) return;
  pumping_ = true;
  while (pump_again_) {
    pump_again_ = false;
    for (const auto& action : sched_->Poll(clock_.Now())) Carry(action);
  }
  pumping_ = false;
  ArmTimer();
}

void Pool::Impl::ArmTimer() {
  auto wake = sched_->NextWake();
  if (sched_->queued() > 0) {
    const auto sweep = clock_.Now() + options_.queue_sweep;
    wake = wake ? std::min(*wake, sweep) : sweep;
  }
  if (!wake) {
    timer_.Cancel();
    armed_for_ = TimePoint::max();
    return;
  }
  // One that rings too early only looks; setting it anew for each task would cost more.
  if (armed_for_ <= *wake) return;
  armed_for_ = *wake;
  timer_ = loop_.RunAt(*wake, Later([](Impl& self) {
    self.armed_for_ = TimePoint::max();
    self.Pump();
  }));
}

std::optional<std::string> Pool::Impl::DeviceOf(const Entry& entry) const {
  const auto where = sched_->Where(entry.record.id);
  if (where && !where->device.empty()) return where->device;
  if (!entry.record.device.empty()) return entry.record.device;
  return std::nullopt;
}

store::TaskStatus Pool::Impl::ShownStatus(const Entry& entry) {
  // An end that is not durable yet is not shown: what was shown as final stays final.
  if (entry.phase != Entry::Phase::kEnding) return entry.record.status;
  return entry.record.started_ms > 0 ? store::TaskStatus::kRunning : store::TaskStatus::kQueued;
}

TaskView Pool::Impl::ViewOf(const Entry& entry, bool explain) const {
  TaskView view;
  view.live = true;
  const auto& r = entry.record;
  view.record.id = r.id;
  view.record.key_id = r.key_id;
  view.record.batch_id = r.batch_id;
  view.record.model = r.model;
  view.record.type = r.type;
  view.record.priority_name = r.priority_name;
  view.record.priority = r.priority;
  view.record.status = r.status;
  view.record.attempt = r.attempt;
  view.record.worker_losses = r.worker_losses;
  view.record.strategy = r.strategy;
  view.record.estimated_memory_bytes = r.estimated_memory_bytes;
  view.record.created_ms = r.created_ms;
  view.record.started_ms = r.started_ms;
  view.record.finished_ms = r.finished_ms;
  view.record.error = r.error;
  view.record.explain = r.explain;
  view.record.result = r.result;
  view.device = DeviceOf(entry);
  view.record.device = view.device.value_or("");
  if (explain) view.explanation = sched_->Explain(clock_.Now(), r.id);
  return view;
}

std::optional<TaskView> Pool::Impl::LiveView(const TaskId& id, bool explain) const {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || found->second->phase == Entry::Phase::kZombie) return std::nullopt;
  auto view = ViewOf(*found->second, explain);
  view.record.status = ShownStatus(*found->second);
  if (found->second->phase == Entry::Phase::kEnding) {
    view.record.result.reset();
    view.record.error.reset();
    view.record.finished_ms = 0;
  }
  return view;
}

Result<TaskView> Pool::Impl::Get(const TaskId& id, bool explain) const {
  if (auto live = LiveView(id, explain)) return std::move(*live);
  ALTLAS_TRY(auto record, store_.reader().Get(id));
  return ViewOfStored(std::move(record));
}

std::unique_ptr<Watch> Pool::Impl::WatchTask(const TaskId& id, std::uint32_t from,
                                             std::function<void(const TaskEvent&)> listener) {
  auto state = std::make_shared<WatchState>(from, std::move(listener));
  if (Entry* entry = Find(id); entry != nullptr && entry->phase != Entry::Phase::kZombie) {
    // Posted, since a listener is never called inside the call; it joins only then, so that no token comes
    // twice.
    loop_.Post(Later([weak = std::weak_ptr(state), id](Impl& self) {
      const auto alive = weak.lock();
      if (!alive) return;
      Entry* live = self.Find(id);
      if (live == nullptr || live->phase == Entry::Phase::kZombie) {
        if (auto final = self.Get(id, false); final.has_value()) alive->Give(FinalEvent{std::move(*final)});
        return;
      }
      live->watchers.push_back(alive);
      if (live->MayDiffer(alive->from())) return TellAnew(*live, *alive);
      for (const auto& piece : std::vector(live->pieces)) alive->Give(TokenEvent{piece.index, piece.text});
    }));
    return std::make_unique<WatchHandle>(std::move(state));
  }
  auto stored = Get(id, false);
  if (!stored.has_value()) return nullptr;
  loop_.Post([weak = std::weak_ptr(state), view = std::move(*stored)] {
    if (const auto alive = weak.lock()) alive->Give(FinalEvent{view});
  });
  return std::make_unique<WatchHandle>(std::move(state));
}

// A copy: a listener may start or stop watching.
std::vector<std::shared_ptr<WatchState>> Pool::Impl::WatchersOf(Entry& entry) {
  std::vector<std::shared_ptr<WatchState>> watchers;
  std::erase_if(entry.watchers, [](const auto& weak) { return weak.expired(); });
  for (const auto& weak : entry.watchers) watchers.push_back(weak.lock());
  return watchers;
}

void Pool::Impl::Tell(Entry& entry, const TaskEvent& event) {
  for (const auto& watcher : WatchersOf(entry)) watcher->Give(event);
}

void Pool::Impl::TellAnew(Entry& entry, WatchState& watcher) {
  watcher.Give(ResetEvent{});
  for (const auto& piece : std::vector(entry.pieces)) watcher.Give(TokenEvent{piece.index, piece.text});
}

Pool::Pool(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Pool::~Pool() {
  impl_->closed_ = true;
  impl_->timer_.Cancel();
  impl_->devices_.clear();
}

Result<std::unique_ptr<Pool>> Pool::Create(PoolOptions options, net::IoLoop& loop, const Clock& clock,
                                           store::Store& store, metrics::Registry& registry,
                                           BackendFactory factory) {
  auto impl = std::make_shared<Impl>(std::move(options), loop, clock, store, registry, std::move(factory));
  ALTLAS_TRY_VOID(impl->Start(registry));
  return std::unique_ptr<Pool>(new Pool(std::move(impl)));
}

Status Pool::Recover() { return impl_->Recover(); }
void Pool::UpdateDevices(const std::vector<device::DeviceSnapshot>& snapshots) {
  impl_->UpdateDevices(snapshots);
}

Status Pool::Configure(sched::SchedConfig config) {
  ALTLAS_TRY_VOID(impl_->sched_->Configure(impl_->clock_.Now(), std::move(config)));
  impl_->Pump();
  return {};
}
const sched::SchedConfig& Pool::sched_config() const { return impl_->sched_->config(); }

void Pool::Submit(Uuid key_id, std::vector<NewTask> tasks, std::optional<bool> split,
                  std::optional<store::IdempotencyClaim> idempotency, SubmitCallback done) {
  impl_->Submit(key_id, std::move(tasks), split, std::move(idempotency), std::move(done));
}
std::optional<TaskView> Pool::LiveView(const TaskId& id) const {
  auto view = impl_->LiveView(id, false);
  if (view) view->record.explain.clear();
  return view;
}
Result<TaskView> Pool::Get(const TaskId& id, bool explain) const { return impl_->Get(id, explain); }
void Pool::Cancel(const TaskId& id, std::string reason, std::function<void(Result<TaskView>)> done) {
  impl_->Cancel(id, std::move(reason), std::move(done));
}
std::unique_ptr<Watch> Pool::WatchTask(const TaskId& id, std::uint32_t from_index,
                                       std::function<void(const TaskEvent&)> listener) {
  return impl_->WatchTask(id, from_index, std::move(listener));
}
std::vector<DeviceReport> Pool::Devices() const { return impl_->Devices(); }

std::vector<std::pair<std::string, int>> Pool::WorkerPids() const {
  std::vector<std::pair<std::string, int>> pids;
  for (const auto& [id, device] : impl_->devices_) {
    if (const int pid = device.backend->status().pid; pid > 0) pids.emplace_back(id, pid);
  }
  return pids;
}

bool Pool::Ready(std::string* why) const { return impl_->Ready(why); }
Duration Pool::RetryAfter() const { return impl_->sched_->RetryAfter(); }
bool Pool::stopping() const { return impl_->stopping_; }
std::size_t Pool::queued() const { return impl_->sched_->queued(); }
std::size_t Pool::running() const { return impl_->sched_->running(); }

void Pool::SetMetricSwitches(MetricSwitches switches) { impl_->metrics_.SetSwitches(switches); }

void Pool::Stop(backend::StopMode mode, std::function<void()> stopped) {
  impl_->stopping_ = true;
  auto left = std::make_shared<std::size_t>(impl_->devices_.size() + 1);
  const auto one_less = [left, stopped = std::move(stopped)] {
    if (--*left == 0 && stopped) stopped();
  };
  for (auto& [id, device] : impl_->devices_) device.backend->Stop(mode, one_less);
  impl_->loop_.Post(one_less);
}

}  // namespace altlas::pool
