// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "worker/serve/serving_engine.h"

namespace altlas::serve {

// The thread on which all models of a worker compute: it steps the engines that have work in turn, so that no
// model starves another. A second thread tokenizes prompts, so that a long one stalls nobody. Owns the
// engines. All calls are thread-safe and do not wait for a step; events are handed to `sink` on the engine
// thread, in order (those of refused jobs on the second one). The destructor stops after the step at hand and
// drops what is unfinished without further events.
class EngineThread {
 public:
  // The events are the sink's to move from; the span is reused. Called on both threads, so it must be
  // thread-safe.
  using Sink = std::function<void(std::span<EngineEvent>)>;

  // `setup` runs first on the engine thread (thread-local settings of the tensor library).
  explicit EngineThread(Sink sink, std::function<void()> setup = {});
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // kConflict where the name is taken.
  Status AddModel(std::string name, std::unique_ptr<ServingEngine> engine);
  // Queues the job; one that the engine refuses ends with a kFailed event. kNotFound, naming the models there
  // are, where no model has the name; kConflict for an id that is being prepared already.
  Status Submit(std::string_view model, EngineJob job);
  // The job ends with a kFailed event (kCanceled) unless it ends by itself first; an unknown id is ignored.
  void Cancel(std::uint64_t id);
  // The sum over all models, as of the last step; jobs being tokenized count as waiting.
  EngineCounters counters() const;

 private:
  struct Model {
    std::string name;
    std::unique_ptr<ServingEngine> engine;  // but for Prepare, touched by the engine thread alone
  };
  struct Unprepared {
    ServingEngine* engine;
    EngineJob job;
  };
  struct Command {
    ServingEngine* engine = nullptr;  // null: cancel
    PreparedJob job{};
    std::uint64_t cancel_id = 0;
  };

  void RunPreparing();
  void RunEngines();
  // Waits for work where `idle`; false when stopping.
  bool TakeCommands(std::vector<Command>& commands, std::vector<ServingEngine*>& engines, bool idle);
  void Apply(std::vector<Command>& commands, const std::vector<ServingEngine*>& engines,
             std::vector<EngineEvent>& events);
  void Publish(const std::vector<ServingEngine*>& engines);

  const Sink sink_;
  const std::function<void()> setup_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Model> models_ ALTLAS_GUARDED_BY(mutex_);
  std::deque<Unprepared> unprepared_ ALTLAS_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, bool> preparing_ ALTLAS_GUARDED_BY(mutex_);  // id -> canceled meanwhile
  std::vector<Command> commands_ ALTLAS_GUARDED_BY(mutex_);
  EngineCounters published_ ALTLAS_GUARDED_BY(mutex_);
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread preparing_thread_;
  std::thread engine_thread_;
};

}  // namespace altlas::serve
