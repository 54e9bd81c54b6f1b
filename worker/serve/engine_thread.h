// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "worker/serve/engine.h"

namespace altlas::serve {

// The one thread on which all models of a worker compute: it steps the engines that have work in turn, so that no model
// starves another. Owns the engines. Submit, Cancel and counters are thread-safe and do not wait for a step; events are
// handed to `sink` on the engine thread, in batches, in order. The destructor stops after the step at hand and drops what is
// unfinished without further events.
class EngineThread {
 public:
  using Sink = std::function<void(std::vector<EngineEvent>)>;

  EngineThread(const Clock& clock, Sink sink);
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Adds a model before or after Start. kConflict where the name is taken.
  Status AddModel(std::string name, std::unique_ptr<Engine> engine);
  bool HasModel(const std::string& name) const;
  // `setup` runs first on the new thread (thread-local settings of the tensor library).
  void Start(std::function<void()> setup = {});

  // Queues the job. A job that the engine refuses ends with a kFailed event. kNotFound where no model has the name.
  Status Submit(const std::string& model, EngineJob job);
  // The job ends with a kFailed event (kCanceled) unless it ends by itself first; an unknown id is ignored.
  void Cancel(std::uint64_t id);
  // The sum over all models, as of the last step.
  EngineCounters counters() const;

 private:
  struct Model {
    std::string name;
    std::unique_ptr<Engine> engine;  // touched by the engine thread alone once it is in models_
  };
  struct Command {
    enum class Kind { kSubmit, kCancel } kind = Kind::kSubmit;
    std::size_t model = 0;
    EngineJob job;
  };

  void Run();
  bool TakeCommands(std::vector<Command>& commands, bool idle);
  void Apply(std::vector<Command>& commands, std::vector<EngineEvent>& events);
  void PublishCounters();

  const Clock& clock_;
  const Sink sink_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<Model>> models_ ALTLAS_GUARDED_BY(mutex_);
  std::vector<Command> commands_ ALTLAS_GUARDED_BY(mutex_);
  EngineCounters published_ ALTLAS_GUARDED_BY(mutex_);
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace altlas::serve
