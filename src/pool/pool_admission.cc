// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.h"
#include "pool/pool_impl.h"

namespace altlas::pool {
namespace {

std::int64_t Millis(Duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

const sched::PriorityLevel* FindLevel(const sched::SchedConfig& config, std::string_view name) {
  for (const auto& level : config.priority_levels) {
    if (level.name == name) return &level;
  }
  return nullptr;
}

}  // namespace

// The level that the task asks for, as a label: nothing that is not configured becomes one.
std::string Pool::Impl::PriorityOf(const NewTask& task) const {
  const auto& config = sched_->config();
  const auto* level = FindLevel(config, task.priority.empty() ? config.default_priority : task.priority);
  return level == nullptr ? "unknown" : level->name;
}

Status Pool::Impl::CheckNew(const std::vector<NewTask>& tasks, bool batch) const {
  const auto& config = sched_->config();
  if (stopping_)
    return Fail(ErrorCode::kUnavailable,
                "the server is shutting down and takes no new tasks; send it again later");
  if (tasks.size() > config.max_queue_size)
    return Error{ErrorCode::kTooLarge,
                 fmt::format("{} tasks at once never fit a queue of {} (gpu.multi_gpu.max_queue_size); send "
                             "them in several requests",
                             tasks.size(), config.max_queue_size),
                 batch ? "batch" : ""};
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto& task = tasks[i];
    const std::string item = batch ? fmt::format("batch[{}].", i) : "";
    if (task.strategy && std::find(config.strategies.begin(), config.strategies.end(), *task.strategy) ==
                             config.strategies.end())
      return FailField(item + "gpu_options.strategy",
                       "strategy \"{}\" is not among those that gpu.multi_gpu.strategies allows",
                       StrategyName(*task.strategy));
    if (!task.priority.empty() && FindLevel(config, task.priority) == nullptr) {
      std::string names;
      for (const auto& level : config.priority_levels) names += (names.empty() ? "" : ", ") + level.name;
      return FailField(item + "priority", "priority \"{}\" is unknown; use one of {}", task.priority, names);
    }
  }
  const auto waiting = sched_->queued() + accepting_;
  if (waiting + tasks.size() > config.max_queue_size)
    return Fail(ErrorCode::kOverloaded,
                "the queue holds {} of at most {} tasks (gpu.multi_gpu.max_queue_size), {} more do not fit; "
                "try again later",
                waiting, config.max_queue_size, tasks.size());
  return {};
}

void Pool::Impl::Submit(Uuid key_id, std::vector<NewTask> tasks, std::optional<bool> split,
                        std::optional<store::IdempotencyClaim> claim, SubmitCallback done) {
  ALTLAS_CHECK(!tasks.empty(), "a submission has at least one task");
  if (auto status = CheckNew(tasks, split.has_value()); !status.has_value()) {
    if (claim)
      return ReplayOr(std::move(status).error(), std::move(tasks), std::move(*claim), std::move(done));
    metrics_.Refused(ErrorCodeName(status.error().code), PriorityOf(tasks.front()));
    loop_.Post([done = std::move(done), error = std::move(status).error()] { done(error); });
    return;
  }
  const auto& config = sched_->config();
  const bool unsplit = split.has_value() && !*split;
  const Uuid batch = unsplit ? ids_.Next() : Uuid{};
  std::vector<store::TaskRecord> records;
  for (auto& task : tasks) {
    store::TaskRecord r;
    r.id = ids_.Next();
    r.key_id = key_id;
    r.batch_id = batch;
    r.model = task.model;
    r.type = task.type;
    r.priority_name = task.priority.empty() ? config.default_priority : task.priority;
    r.priority = FindLevel(config, r.priority_name)->number;
    r.strategy = task.strategy ? StrategyName(*task.strategy) : std::string_view();
    r.estimated_memory_bytes =
        static_cast<std::int64_t>(std::min<std::uint64_t>(task.estimated_memory, INT64_MAX));
    r.budget_ms = Millis(std::min(task.timeout.value_or(config.queue_timeout), config.queue_timeout));
    r.created_ms = clock_.WallNow();
    r.request = std::move(task.request);
    records.push_back(std::move(r));
  }
  accepting_ += records.size();
  store::AcceptBatch batch_to_store{records, std::move(claim)};
  store_.tasks().Accept(
      std::move(batch_to_store),
      Later([records = std::move(records), tasks = std::move(tasks), split, done = std::move(done)](
                Impl& self, Result<store::AcceptOutcome> outcome) mutable {
        self.accepting_ -= records.size();
        if (!outcome.has_value()) {
          self.metrics_.Refused(ErrorCodeName(outcome.error().code), self.PriorityOf(tasks.front()));
          return done(std::move(outcome).error());
        }
        if (outcome->replayed) return self.Replay(*outcome, done);
        self.Admit(std::move(records), std::move(tasks), split, done);
      }));
}

// A request that was accepted before is answered as then, whatever keeps new ones out now.
void Pool::Impl::ReplayOr(Error refusal, std::vector<NewTask> tasks, store::IdempotencyClaim claim,
                          SubmitCallback done) {
  store::AcceptBatch lookup;
  for (std::size_t i = 0; i < tasks.size(); ++i) lookup.tasks.emplace_back().id = ids_.Next();
  lookup.idempotency = std::move(claim);
  lookup.only_replay = true;
  std::string priority = PriorityOf(tasks.front());
  store_.tasks().Accept(std::move(lookup),
                        Later([refusal = std::move(refusal), priority = std::move(priority),
                               done = std::move(done)](Impl& self, Result<store::AcceptOutcome> outcome) {
                          if (outcome.has_value()) return self.Replay(*outcome, done);
                          const bool unknown = outcome.error().code == ErrorCode::kNotFound;
                          const Error& error = unknown ? refusal : outcome.error();
                          self.metrics_.Refused(ErrorCodeName(error.code), priority);
                          done(error);
                        }));
}

sched::TaskSpec Pool::Impl::SpecOf(const Entry& entry) const {
  sched::TaskSpec spec;
  spec.id = entry.record.id;
  spec.type = entry.record.type;
  spec.model = entry.record.model;
  spec.strategy = entry.strategy;
  spec.priority = entry.record.priority_name;
  spec.estimated_memory = static_cast<std::uint64_t>(entry.record.estimated_memory_bytes);
  spec.size_hint = entry.size_hint;
  spec.timeout = std::chrono::milliseconds(std::max<std::int64_t>(entry.record.budget_ms, 0));
  spec.alone = entry.record.worker_losses > 0;
  // The bound was checked before the commit: what is durable must find its place.
  spec.recovered = true;
  return spec;
}

void Pool::Impl::Admit(std::vector<store::TaskRecord> records, std::vector<NewTask> tasks,
                       std::optional<bool> split, const SubmitCallback& done) {
  std::vector<TaskId> ids;
  std::vector<sched::TaskSpec> specs;
  const auto now = clock_.Now();
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto entry = std::make_unique<Entry>();
    entry->record = std::move(records[i]);
    entry->strategy = tasks[i].strategy;
    entry->size_hint = tasks[i].size_hint;
    entry->queued_at = now;
    ids.push_back(entry->record.id);
    specs.push_back(SpecOf(*entry));
    metrics_.Accepted(entry->record);
    tasks_.emplace(ids.back(), std::move(entry));
  }
  if (split.has_value()) {
    auto batch = sched_->SubmitBatch(now, specs, *split);
    ALTLAS_INFO("sched", "batch accepted", {"tasks", ids.size()}, {"batch_split", *split},
                {"first_task", ids.front().ToString()});
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (batch.has_value()) {
        Enter(*Find(ids[i]), batch->tasks[i]);
      } else {
        Enter(*Find(ids[i]), batch.error());
      }
    }
  } else {
    Enter(*Find(ids.front()), sched_->Submit(now, specs.front()));
  }
  Pump();
  SubmitOutcome answer;
  answer.split = split.value_or(true);
  for (const auto& id : ids)
    answer.tasks.push_back(
        AnswerFor(id).value_or(SubmitOutcome::Task{id, std::nullopt, store::TaskStatus::kQueued}));
  done(std::move(answer));
}

void Pool::Impl::Enter(Entry& entry, Result<sched::Accepted> accepted) {
  if (!accepted.has_value())
    return End(entry, store::TaskStatus::kFailed, std::nullopt, std::move(accepted).error());
  if (accepted->cannot_run)
    return End(entry, store::TaskStatus::kFailed, std::nullopt, *accepted->cannot_run);
  entry.phase = Entry::Phase::kQueued;
}

std::optional<SubmitOutcome::Task> Pool::Impl::AnswerFor(const TaskId& id) const {
  if (const auto found = tasks_.find(id);
      found != tasks_.end() && found->second->phase != Entry::Phase::kZombie)
    return SubmitOutcome::Task{id, DeviceOf(*found->second), ShownStatus(*found->second)};
  auto stored = store_.reader().Head(id);
  if (!stored.has_value()) return std::nullopt;
  auto view = ViewOfStored(std::move(*stored));
  return SubmitOutcome::Task{id, std::move(view.device), view.record.status};
}

void Pool::Impl::Replay(const store::AcceptOutcome& outcome, const SubmitCallback& done) const {
  SubmitOutcome answer;
  answer.replayed = true;
  for (const auto& id : outcome.ids) {
    if (auto task = AnswerFor(id)) {
      answer.tasks.push_back(std::move(*task));
      continue;
    }
    return done(Fail(ErrorCode::kNotFound,
                     "this Idempotency-Key belongs to task {}, which ended and was deleted since; send the "
                     "request with a new key to run it again",
                     id.ToString()));
  }
  answer.split = outcome.note != "unsplit";
  done(std::move(answer));
}

}  // namespace altlas::pool
