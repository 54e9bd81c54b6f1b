// SPDX-License-Identifier: Apache-2.0
#include "sched/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "sched/scheduler_impl.h"

namespace altlas::sched {
namespace {

constexpr Duration kLongestWait = std::chrono::hours(24 * 365 * 10);  // keeps sums of times far from overflow

double SaneSize(double hint) { return std::isfinite(hint) && hint > 0 ? std::clamp(hint, 1e-6, 1e9) : 1.0; }

Duration Sane(Duration d) { return std::clamp(d, Duration(0), kLongestWait); }

std::uint32_t LevelIndex(const SchedConfig& config, const std::string& name) {
  for (std::uint32_t i = 0; i < config.priority_levels.size(); ++i) {
    if (config.priority_levels[i].name == name) return i;
  }
  return kNone;
}

std::vector<std::uint32_t> Ranks(const std::vector<PriorityLevel>& levels) {
  std::vector<int> numbers;
  for (const PriorityLevel& level : levels) numbers.push_back(level.number);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::vector<std::uint32_t> ranks;
  for (const PriorityLevel& level : levels) {
    const auto at = std::lower_bound(numbers.begin(), numbers.end(), level.number);
    ranks.push_back(static_cast<std::uint32_t>(at - numbers.begin()));
  }
  return ranks;
}

}  // namespace

Status Scheduler::Impl::Check(const SchedConfig& config) {
  if (std::find(config.strategies.begin(), config.strategies.end(), config.default_strategy) ==
      config.strategies.end()) {
    return FailField("gpu.multi_gpu.default_strategy",
                     "default strategy {} is not in the list of strategies: add it there",
                     StrategyName(config.default_strategy));
  }
  if (LevelIndex(config, config.default_priority) == kNone) {
    return FailField("gpu.multi_gpu.default_queue_priority",
                     "default priority \"{}\" is not one of the priority levels", config.default_priority);
  }
  if (config.max_concurrent_tasks_per_gpu < 1) {
    return FailField("gpu.multi_gpu.max_concurrent_tasks_per_gpu",
                     "{} tasks at a time on a device: the least is 1", config.max_concurrent_tasks_per_gpu);
  }
  if (config.min_batch_size_per_gpu < 1) {
    return FailField("gpu.multi_gpu.min_batch_size_per_gpu", "a share of {} tasks: the least is 1",
                     config.min_batch_size_per_gpu);
  }
  if (config.max_queue_size < 1)
    return FailField("gpu.multi_gpu.max_queue_size", "a queue of 0 tasks: the least is 1");
  if (config.queue_timeout <= Duration(0)) {
    return FailField("gpu.multi_gpu.queue_timeout", "a timeout of {} s: it must be above 0",
                     Seconds(config.queue_timeout));
  }
  if (config.aging < Duration(0)) {
    return FailField("gpu.multi_gpu.queue_aging", "an aging time of {} s: it must not be negative",
                     Seconds(config.aging));
  }
  return {};
}

void Scheduler::Impl::Configure(TimePoint now, SchedConfig config) {
  SetNow(now);
  const SchedConfig before = std::exchange(config_, std::move(config));
  config_.aging = Sane(config_.aging);
  config_.queue_timeout = Sane(config_.queue_timeout);
  ranks_ = Ranks(config_.priority_levels);
  queued_by_level_.assign(ranks_.size(), 0);
  table_.Configure(config_);
  for (const auto& [id, slot] : ids_) {
    Task& task = tasks_[slot];
    const std::uint32_t level = LevelIndex(config_, before.priority_levels[task.level].name);
    task.level = level != kNone ? level : LevelIndex(config_, config_.default_priority);
    if (task.running) continue;
    ++queued_by_level_[task.level];
    if (task.own_strategy || task.strategy == config_.default_strategy) continue;
    if (task.lane != kNone) LeaveLane(slot);
    const bool parked = task.lane_position != kNotInHeap;
    task.strategy = config_.default_strategy;
    task.hold_until.reset();
    if (!parked) EnterLane(slot);
  }
  changed_ = true;
  OnAvailabilityChange();
}

void Scheduler::Impl::UpdateDevice(TimePoint now, DeviceState state) {
  SetNow(now);
  table_.Update(std::move(state));
  changed_ = true;
  if (table_.TakeAvailabilityChange()) OnAvailabilityChange();
}

void Scheduler::Impl::RemoveDevice(TimePoint now, std::string_view id) {
  SetNow(now);
  table_.Remove(id);
  changed_ = true;
  if (table_.TakeAvailabilityChange()) OnAvailabilityChange();
}

TaskSlot Scheduler::Impl::FindTask(const TaskId& id) const {
  const auto at = ids_.find(id);
  return at == ids_.end() ? kNone : at->second;
}

Status Scheduler::Impl::CheckSpec(const TaskSpec& spec) const {
  if (spec.strategy.has_value() && std::find(config_.strategies.begin(), config_.strategies.end(),
                                             *spec.strategy) == config_.strategies.end()) {
    std::string allowed;
    for (const Strategy s : config_.strategies)
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", StrategyName(s));
    return FailField("gpu_options.strategy", "strategy {} is not allowed here: use one of {}",
                     StrategyName(*spec.strategy), allowed);
  }
  if (!spec.priority.empty() && LevelIndex(config_, spec.priority) == kNone) {
    std::vector<std::string> names;
    for (const PriorityLevel& level : config_.priority_levels) names.push_back(level.name);
    const std::string near = Nearest(spec.priority, names);
    return FailField("priority", "unknown priority \"{}\": use one of {}{}", spec.priority.substr(0, 64),
                     fmt::join(names, ", "), near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
  }
  if (ids_.contains(spec.id))
    return Fail(ErrorCode::kConflict, "task {} is known already", spec.id.ToString());
  return {};
}

std::optional<Error> Scheduler::Impl::WhyNever(const TaskSpec& spec, RouteIndex route) const {
  if (route == kNoRoute) {
    if (spec.model.empty())
      return Fail(ErrorCode::kUnsupported, "no device serves tasks of type {}", spec.type);
    return Fail(ErrorCode::kUnsupported, "no device serves model {} for tasks of type {}", spec.model,
                spec.type);
  }
  std::uint64_t largest = 0;
  bool capable = false, unknown = false, fits = false;
  for (DeviceIndex d = 0; d < table_.size(); ++d) {
    if (!table_.route(route).members[d].capable || table_.device(d).health == DeviceHealth::kDisabled)
      continue;
    capable = true;
    const std::uint64_t total = table_.device(d).state.memory_total;
    unknown = unknown || total == 0;
    largest = std::max(largest, total);
    fits = fits || table_.CouldServe(route, d, spec.estimated_memory);
    if (fits && (unknown || spec.estimated_memory <= largest)) return std::nullopt;
  }
  if (!capable) {
    return Fail(ErrorCode::kUnsupported, "no device in use serves model \"{}\" for tasks of type {}",
                spec.model, spec.type);
  }
  return Error{
      ErrorCode::kTooLarge,
      fmt::format("the task needs {} bytes of memory, more than any device that serves it has ({} bytes)",
                  spec.estimated_memory, largest),
      "estimated_memory"};
}

Status Scheduler::Impl::CheckRoom(std::size_t tasks) const {
  if (queued_ + tasks <= config_.max_queue_size) return {};
  return Fail(ErrorCode::kOverloaded,
              "the queue holds {} tasks, its limit is {}, and {} more would not fit: try again in {:.0f} s",
              queued_, config_.max_queue_size, tasks, Seconds(RetryAfter()));
}

TaskSlot Scheduler::Impl::Insert(TaskSpec spec, RouteIndex route) {
  TaskSlot slot;
  if (free_tasks_.empty()) {
    slot = static_cast<TaskSlot>(tasks_.size());
    tasks_.emplace_back();
  } else {
    slot = free_tasks_.back();
    free_tasks_.pop_back();
  }
  Task& task = tasks_[slot];
  task.id = spec.id;
  task.route = route;
  task.strategy = spec.strategy.value_or(config_.default_strategy);
  task.own_strategy = spec.strategy.has_value();
  task.level = LevelIndex(config_, spec.priority.empty() ? config_.default_priority : spec.priority);
  task.size = SaneSize(spec.size_hint);
  task.memory = spec.estimated_memory;
  task.alone = spec.alone;
  task.accepted = table_.now() - Sane(spec.waited);
  task.place = {(task.accepted.time_since_epoch() + ranks_[task.level] * config_.aging).count(),
                next_sequence_++};
  const Duration timeout =
      std::min(config_.queue_timeout, spec.timeout.has_value() ? Sane(*spec.timeout) : kLongestWait);
  task.deadline = table_.now() + timeout;
  ids_.emplace(spec.id, slot);
  table_.CountArrival(route);
  return slot;
}

Result<Accepted> Scheduler::Impl::Submit(TimePoint now, TaskSpec spec) {
  SetNow(now);
  ALTLAS_TRY_VOID(CheckSpec(spec));
  const RouteIndex route = table_.FindRoute(spec.type, spec.model);
  Accepted accepted{spec.id, {}, WhyNever(spec, route)};
  if (accepted.cannot_run.has_value()) return accepted;
  if (!spec.recovered) ALTLAS_TRY_VOID(CheckRoom(1));
  const TaskSlot slot = Insert(std::move(spec), route);
  Enqueue(slot);
  accepted.device = DeviceId(tasks_[slot].wait.device());
  return accepted;
}

std::string Scheduler::Impl::DeviceId(DeviceIndex device) const { return table_.device(device).state.id; }

void Scheduler::Impl::Forget(TaskSlot slot) {
  Task& task = tasks_[slot];
  if (!task.running) Dequeue(slot);
  LeaveGroup(slot);
  ids_.erase(task.id);
  tasks_[slot] = Task();
  free_tasks_.push_back(slot);
  changed_ = true;
}

bool Scheduler::Impl::Cancel(TimePoint now, const TaskId& id) {
  SetNow(now);
  const TaskSlot slot = FindTask(id);
  if (slot == kNone) return false;
  Forget(slot);
  return true;
}

bool Scheduler::Impl::Finish(TimePoint now, const TaskId& id, Outcome outcome, Duration service) {
  SetNow(now);
  const TaskSlot slot = FindTask(id);
  if (slot == kNone || !tasks_[slot].running) return false;
  const Task& task = tasks_[slot];
  if (outcome == Outcome::kDone) table_.Learn(task.route, task.run.device(), slot, task.size, service);
  if (queued_ > 0 && last_finish_.has_value()) {
    const double interval = Seconds(table_.now() - *last_finish_);
    finish_interval_ = finish_interval_ == 0 ? interval : 0.9 * finish_interval_ + 0.1 * interval;
  }
  last_finish_ = table_.now();
  Forget(slot);
  if (table_.TakeAvailabilityChange()) OnAvailabilityChange();
  return true;
}

bool Scheduler::Impl::Requeue(TimePoint now, const TaskId& id, std::string_view exclude, bool alone) {
  SetNow(now);
  const TaskSlot slot = FindTask(id);
  if (slot == kNone || !tasks_[slot].running) return false;
  Task& task = tasks_[slot];
  task.run.Release();
  task.running = false;
  task.reason = Reason::kNone;
  if (!exclude.empty()) task.exclude = table_.Find(exclude);
  task.alone = task.alone || alone;
  task.deadline = table_.now() + std::max(task.budget, kLeastAfterLoss);
  Enqueue(slot);
  return true;
}

// Not where its own device, which it could not have when that one was kept for it, is back.
bool Scheduler::Impl::StillKept(const Task& task) {
  if (!table_.Serves(task.route, task.kept)) return false;
  if (task.strategy != Strategy::kTaskSpecific || lanes_[task.lane].key.pin != kNoDevice) return true;
  const PlacementView view(table_, config_, random_, NeedsOf(task));
  return view.Mapped() == task.kept || !view.Available(view.Mapped());
}

void Scheduler::Impl::OnAvailabilityChange() {
  table_.TakeAvailabilityChange();
  std::vector<std::uint32_t> lost;  // groups whose device cannot run them now
  for (std::uint32_t g = 0; g < groups_.size(); ++g) {
    const Group& group = groups_[g];
    if (group.tasks == 0 || group.bound == kNoDevice) continue;
    const bool serves = std::all_of(group.routes.begin(), group.routes.end(),
                                    [&](RouteIndex r) { return table_.Serves(r, group.bound); });
    if (!serves) lost.push_back(g);
  }
  for (const std::uint32_t g : lost) Unbind(g);
  std::vector<TaskSlot> waiting;
  for (const std::uint32_t lane : active_lanes_) {
    for (const auto& entry : lanes_[lane].heap.entries()) waiting.push_back(entry.id);
  }
  std::sort(waiting.begin(), waiting.end(),
            [this](TaskSlot a, TaskSlot b) { return tasks_[a].place < tasks_[b].place; });
  for (const TaskSlot slot : waiting) {
    Task& task = tasks_[slot];
    if (task.kept == kNoDevice || StillKept(task)) continue;
    table_.KeepFor(std::exchange(task.kept, kNoDevice), kNone);
  }
  for (const TaskSlot slot : waiting) tasks_[slot].wait.Release();
  for (const TaskSlot slot : waiting) Predict(slot);
  for (Group& group : groups_) {
    for (const auto& entry : group.parked.entries()) Predict(entry.id);
  }
}

Duration Scheduler::Impl::RetryAfter() const {
  const double tenth = static_cast<double>(config_.max_queue_size) / 10;
  return FromSeconds(std::clamp(std::ceil(finish_interval_ * std::max(1.0, tenth)), 1.0, 60.0));
}

std::optional<TimePoint> Scheduler::Impl::NextWake() const {
  TimePoint at = wake_;
  if (!timers_.empty()) at = std::min(at, timers_.top().key);
  if (at == TimePoint::max()) return std::nullopt;
  return at;
}

std::vector<std::pair<std::string, std::size_t>> Scheduler::Impl::QueuedByPriority() const {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (std::size_t i = 0; i < queued_by_level_.size(); ++i) {
    counts.emplace_back(config_.priority_levels[i].name, queued_by_level_[i]);
  }
  return counts;
}

std::vector<std::pair<std::string, Duration>> Scheduler::Impl::OldestWaits(TimePoint now) const {
  std::vector<std::pair<std::string, Duration>> waits;
  for (const PriorityLevel& level : config_.priority_levels) waits.emplace_back(level.name, 0);
  for (const auto& entry : timers_.entries()) {
    const Task& task = tasks_[entry.id];
    waits[task.level].second = std::max(waits[task.level].second, now - task.accepted);
  }
  return waits;
}

DeviceView Scheduler::Impl::View(DeviceIndex index) const {
  const DeviceRecord& d = table_.device(index);
  return {d.state.id,        d.state.kind,
          d.health,          d.why,
          d.slots,           d.running,
          d.waiting,         d.running + d.waiting,
          d.memory_reserved, table_.Backlog(index)};
}

std::optional<Placement> Scheduler::Impl::Where(const TaskId& id) const {
  const TaskSlot slot = FindTask(id);
  if (slot == kNone) return std::nullopt;
  const Task& task = tasks_[slot];
  return Placement{DeviceId(task.running ? task.run.device() : task.wait.device()), task.running};
}

Scheduler::Scheduler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Scheduler::~Scheduler() = default;

Result<std::unique_ptr<Scheduler>> Scheduler::Create(SchedConfig config, Random random) {
  ALTLAS_TRY_VOID(Impl::Check(config));
  auto impl = std::make_unique<Impl>(random);
  impl->Configure(TimePoint(), std::move(config));
  return std::unique_ptr<Scheduler>(new Scheduler(std::move(impl)));
}

Status Scheduler::Configure(TimePoint now, SchedConfig config) {
  ALTLAS_TRY_VOID(Impl::Check(config));
  impl_->Configure(now, std::move(config));
  return {};
}

const SchedConfig& Scheduler::config() const { return impl_->config(); }
void Scheduler::UpdateDevice(TimePoint now, DeviceState state) { impl_->UpdateDevice(now, std::move(state)); }
void Scheduler::RemoveDevice(TimePoint now, std::string_view id) { impl_->RemoveDevice(now, id); }
Result<Accepted> Scheduler::Submit(TimePoint now, TaskSpec spec) {
  return impl_->Submit(now, std::move(spec));
}
Result<BatchAccepted> Scheduler::SubmitBatch(TimePoint now, std::vector<TaskSpec> specs,
                                             std::optional<bool> split) {
  return impl_->SubmitBatch(now, std::move(specs), split);
}
bool Scheduler::Cancel(TimePoint now, const TaskId& task) { return impl_->Cancel(now, task); }
bool Scheduler::Finish(TimePoint now, const TaskId& task, Outcome outcome, Duration service) {
  return impl_->Finish(now, task, outcome, service);
}
bool Scheduler::Requeue(TimePoint now, const TaskId& task, std::string_view exclude, bool alone) {
  return impl_->Requeue(now, task, exclude, alone);
}
std::vector<Action> Scheduler::Poll(TimePoint now) { return impl_->Poll(now); }
std::optional<TimePoint> Scheduler::NextWake() const { return impl_->NextWake(); }
Duration Scheduler::RetryAfter() const { return impl_->RetryAfter(); }
std::size_t Scheduler::queued() const { return impl_->queued(); }
std::size_t Scheduler::running() const { return impl_->running(); }
std::vector<std::pair<std::string, std::size_t>> Scheduler::QueuedByPriority() const {
  return impl_->QueuedByPriority();
}
std::vector<std::pair<std::string, Duration>> Scheduler::OldestWaits(TimePoint now) const {
  return impl_->OldestWaits(now);
}

std::vector<DeviceView> Scheduler::Devices(TimePoint now) const {
  impl_->SetNow(now);
  std::vector<DeviceView> views;
  for (DeviceIndex d = 0; d < impl_->table().size(); ++d) {
    if (impl_->table().device(d).known) views.push_back(impl_->View(d));
  }
  return views;
}

std::optional<DeviceView> Scheduler::Device(TimePoint now, std::string_view id) const {
  impl_->SetNow(now);
  const DeviceIndex device = impl_->table().Find(id);
  if (device == kNoDevice) return std::nullopt;
  return impl_->View(device);
}

std::optional<Placement> Scheduler::Where(const TaskId& task) const { return impl_->Where(task); }

std::optional<Explanation> Scheduler::Explain(TimePoint now, const TaskId& task) const {
  const TaskSlot slot = impl_->FindTask(task);
  if (slot == kNone) return std::nullopt;
  return impl_->Explain(now, slot);
}

}  // namespace altlas::sched
