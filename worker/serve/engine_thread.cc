// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/engine_thread.h"

#include <algorithm>

namespace altlas::serve {
namespace {

EngineEvent FailedEvent(std::uint64_t id, Error error) {
  EngineEvent event;
  event.kind = EngineEvent::Kind::kFailed;
  event.id = id;
  event.error = std::move(error);
  return event;
}

}  // namespace

EngineThread::EngineThread(Sink sink, std::function<void()> setup)
    : sink_(std::move(sink)), setup_(std::move(setup)) {
  preparing_thread_ = std::thread([this] { RunPreparing(); });
  engine_thread_ = std::thread([this] { RunEngines(); });
}

EngineThread::~EngineThread() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  preparing_thread_.join();
  engine_thread_.join();
}

Status EngineThread::AddModel(std::string name, std::unique_ptr<ServingEngine> engine) {
  MutexLock lock(mutex_);
  for (const auto& model : models_) {
    if (model.name == name) return Fail(ErrorCode::kConflict, "a model named \"{}\" is loaded already", name);
  }
  models_.push_back({std::move(name), std::move(engine)});
  return {};
}

Status EngineThread::Submit(std::string_view model, EngineJob job) {
  MutexLock lock(mutex_);
  std::string names;
  ServingEngine* engine = nullptr;
  for (const auto& known : models_) {
    if (known.name == model) engine = known.engine.get();
    names += (names.empty() ? "" : ", ") + known.name;
  }
  if (engine == nullptr) {
    return Fail(ErrorCode::kNotFound, "no model \"{}\" is loaded here; loaded: {}", model,
                names.empty() ? "none" : names);
  }
  if (!preparing_.emplace(job.id, false).second) {
    return Fail(ErrorCode::kConflict, "job {} is being prepared already", job.id);
  }
  unprepared_.push_back({engine, std::move(job)});
  changed_.NotifyAll();
  return {};
}

void EngineThread::Cancel(std::uint64_t id) {
  MutexLock lock(mutex_);
  if (const auto it = preparing_.find(id); it != preparing_.end()) {
    it->second = true;
    return;
  }
  commands_.push_back({.cancel_id = id});
  changed_.NotifyAll();
}

EngineCounters EngineThread::counters() const {
  MutexLock lock(mutex_);
  auto counters = published_;
  counters.waiting += preparing_.size();
  return counters;
}

void EngineThread::RunPreparing() {
  while (true) {
    Unprepared next;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && unprepared_.empty()) changed_.Wait(mutex_);
      if (stopping_) return;
      next = std::move(unprepared_.front());
      unprepared_.pop_front();
    }
    const auto id = next.job.id;
    auto prepared = next.engine->Prepare(std::move(next.job));
    bool canceled = false;
    {
      MutexLock lock(mutex_);
      canceled = preparing_[id];
      preparing_.erase(id);
      if (!canceled && prepared.has_value()) {
        commands_.push_back({.engine = next.engine, .job = std::move(*prepared)});
        changed_.NotifyAll();
        continue;
      }
    }
    auto event =
        FailedEvent(id, canceled ? Fail(ErrorCode::kCanceled, "canceled before it began") : prepared.error());
    sink_({&event, 1});
  }
}

void EngineThread::RunEngines() {
  if (setup_) setup_();
  std::vector<Command> commands;
  std::vector<ServingEngine*> engines;
  std::vector<EngineEvent> events;
  bool idle = true;
  while (TakeCommands(commands, engines, idle)) {
    Apply(commands, engines, events);
    idle = true;
    for (ServingEngine* engine : engines) {
      engine->Step(events);
      const auto counters = engine->counters();
      idle = idle && counters.running + counters.waiting == 0;
      // Before the events: who hears of a token or an end also finds it counted.
      Publish(engines);
      if (!events.empty()) sink_(events);
      events.clear();
    }
  }
}

bool EngineThread::TakeCommands(std::vector<Command>& commands, std::vector<ServingEngine*>& engines,
                                bool idle) {
  MutexLock lock(mutex_);
  while (!stopping_ && idle && commands_.empty()) changed_.Wait(mutex_);
  commands.clear();
  commands.swap(commands_);
  engines.clear();
  for (const auto& model : models_) engines.push_back(model.engine.get());
  return !stopping_;
}

void EngineThread::Apply(std::vector<Command>& commands, const std::vector<ServingEngine*>& engines,
                         std::vector<EngineEvent>& events) {
  for (auto& command : commands) {
    if (command.engine == nullptr) {
      for (ServingEngine* engine : engines) engine->Cancel(command.cancel_id);
      continue;
    }
    const auto id = command.job.job.id;
    const auto status = command.engine->Submit(std::move(command.job));
    if (!status.has_value()) events.push_back(FailedEvent(id, status.error()));
  }
}

void EngineThread::Publish(const std::vector<ServingEngine*>& engines) {
  EngineCounters sum;
  for (const ServingEngine* engine : engines) {
    const auto counters = engine->counters();
    sum.steps += counters.steps;
    sum.prompt_tokens += counters.prompt_tokens;
    sum.generated_tokens += counters.generated_tokens;
    sum.running += counters.running;
    sum.waiting += counters.waiting;
  }
  MutexLock lock(mutex_);
  published_ = sum;
}

}  // namespace altlas::serve
