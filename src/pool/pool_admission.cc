// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.h"
#include "pool/pool_impl.h"

namespace altlas::pool {
namespace {

const sched::PriorityLevel* FindLevel(const sched::SchedConfig& config, std::string_view name) {
  for (const auto& level : config.priority_levels) {
    if (level.name == name) return &level;
  }
  return nullptr;
}

// A level's name as a label: nothing that is not configured becomes one.
std::string LabelOf(const sched::SchedConfig& config, std::string_view name) {
  const auto* level = FindLevel(config, name);
  return level == nullptr ? "unknown" : level->name;
}

}  // namespace

std::string Pool::Impl::PriorityOf(const NewTask& task) const {
  const auto& config = sched_->config();
  return LabelOf(config, task.priority.empty() ? config.default_priority : task.priority);
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
  const bool unsplit = split.has_value() && !*split;
  const Uuid batch = unsplit ? ids_.Next() : Uuid{};
  const auto created = clock_.WallNow();
  auto submission = std::make_shared<Submission>(Submission{{}, split, std::move(done)});
  store::AcceptBatch to_store{{}, std::move(claim)};
  submission->entries.reserve(tasks.size());
  to_store.tasks.reserve(tasks.size());
  for (auto& task : tasks) {
    submission->entries.push_back(NewEntry(std::move(task), key_id, batch, created));
    to_store.tasks.push_back(submission->entries.back()->record);
  }
  accepting_ += tasks.size();
  store_.tasks().Accept(std::move(to_store), Later([submission = std::move(submission)](
                                                       Impl& self, Result<store::AcceptOutcome> outcome) {
                          self.Stored(*submission, std::move(outcome));
                        }));
}

std::unique_ptr<Entry> Pool::Impl::NewEntry(NewTask task, Uuid key_id, Uuid batch, WallMillis created) {
  const auto& config = sched_->config();
  auto entry = std::make_unique<Entry>();
  entry->strategy = task.strategy;
  entry->size_hint = task.size_hint;
  auto& r = entry->record;
  r.id = ids_.Next();
  r.key_id = key_id;
  r.batch_id = batch;
  r.model = std::move(task.model);
  r.type = std::move(task.type);
  r.priority_name = task.priority.empty() ? config.default_priority : std::move(task.priority);
  r.priority = FindLevel(config, r.priority_name)->number;
  if (task.strategy) r.strategy = StrategyName(*task.strategy);
  r.estimated_memory_bytes =
      static_cast<std::int64_t>(std::min<std::uint64_t>(task.estimated_memory, INT64_MAX));
  r.budget_ms = Millis(std::min(task.timeout.value_or(config.queue_timeout), config.queue_timeout));
  r.created_ms = created;
  r.request = std::move(task.request);
  return entry;
}

void Pool::Impl::Stored(Submission& submission, Result<store::AcceptOutcome> outcome) {
  accepting_ -= submission.entries.size();
  if (!outcome.has_value()) {
    const auto& asked_for = submission.entries.front()->record.priority_name;
    metrics_.Refused(ErrorCodeName(outcome.error().code), LabelOf(sched_->config(), asked_for));
    return submission.done(std::move(outcome).error());
  }
  if (outcome->replayed) return Replay(*outcome, submission.done);
  Admit(submission);
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

void Pool::Impl::Admit(Submission& submission) {
  const auto now = clock_.Now();
  std::vector<Entry*> entries;
  entries.reserve(submission.entries.size());
  for (auto& owned : submission.entries) {
    Entry& entry = *entries.emplace_back(owned.get());
    entry.queued_at = now;
    metrics_.Accepted(entry.record);
    tasks_.emplace(entry.record.id, std::move(owned));
  }
  std::vector<TaskId> ids;
  ids.reserve(entries.size());
  for (const Entry* entry : entries) ids.push_back(entry->record.id);
  if (const auto split = submission.split) {
    std::vector<sched::TaskSpec> specs;
    for (const Entry* entry : entries) specs.push_back(SpecOf(*entry));
    auto batch = sched_->SubmitBatch(now, std::move(specs), *split);
    ALTLAS_INFO("sched", "batch accepted", {"tasks", ids.size()}, {"batch_split", *split},
                {"first_task", ids.front().ToString()});
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (batch.has_value()) {
        Enter(*entries[i], batch->tasks[i]);
      } else {
        Enter(*entries[i], batch.error());
      }
    }
  } else {
    Enter(*entries.front(), sched_->Submit(now, SpecOf(*entries.front())));
  }
  Pump();
  SubmitOutcome answer;
  answer.split = submission.split.value_or(true);
  answer.tasks.reserve(ids.size());
  for (const auto& id : ids)
    answer.tasks.push_back(
        AnswerFor(id).value_or(SubmitOutcome::Task{id, std::nullopt, store::TaskStatus::kQueued}));
  submission.done(std::move(answer));
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
