// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "wire/messages.h"
#include "worker/serve/phases.h"

namespace altlas::serve {

// Times the operators of the engine's thread while it is on. Implementation: OperatorTotals (libtorch).
class OperatorWatch {
 public:
  virtual ~OperatorWatch() = default;
  // On the engine's thread alone.
  virtual void Switch(bool on) = 0;
  // The share of operators that is timed.
  virtual double sampling() const = 0;
  // The costliest since the last call, at most so many, and forgets all. Any thread.
  virtual std::vector<wire::ProfileReport::Operator> Take(std::size_t most) = 0;
};

// The steps of equal work: the sizes that are counted together with `size`. Each size up to 15 alone, above
// that ranges of an eighth of the power of two: 16-17, 18-19, ..., 32-35, 36-39, ...
struct StepSizes {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  auto operator<=>(const StepSizes&) const = default;
};
StepSizes SizesLike(std::uint32_t size);

// A short sample of what this worker does, from Begin to Finish: how often and how long each phase of each
// model, by the size of its steps; sums exact, medians of at most kKeptSteps steps of each kind (of more than
// that every second, fourth, ... is kept). While nobody asks, a phase costs one look at an atomic flag. Owns
// its listeners; the clock and what it is given must outlive it. Begin and Finish may come from any thread,
// one at a time.
class PeriodicSampler {
 public:
  static constexpr std::size_t kKeptSteps = 4096;
  static constexpr std::size_t kMostSeries = 1024;  // kinds of steps of one model; more are not counted
  explicit PeriodicSampler(const Clock& clock, OperatorWatch* operators = nullptr);
  ~PeriodicSampler();
  PeriodicSampler(const PeriodicSampler&) = delete;
  PeriodicSampler& operator=(const PeriodicSampler&) = delete;

  // The listener for a model's engine, which hands everything on to `next` (may be null). Any thread.
  PhaseListener* For(std::string model, PhaseListener* next);

  void Begin(const wire::ProfileAsk& ask);
  // What happened since Begin.
  wire::ProfileReport Finish();

 private:
  class Listener;
  struct Series {
    std::uint64_t count = 0;
    std::uint64_t tokens = 0;
    Duration sum{};
    std::uint64_t stride = 1;            // every so many steps one is kept
    std::vector<std::int64_t> kept;      // nanoseconds
    std::vector<double> kept_per_token;  // seconds
  };
  struct Kind {
    profile::ServingPhase phase{};
    StepSizes sizes;
    auto operator<=>(const Kind&) const = default;
  };
  struct Model {
    std::string name;
    std::uint64_t requests = 0;
    std::uint64_t prompt_tokens = 0;
    std::uint64_t generated_tokens = 0;
    std::map<Kind, Series> series;
  };
  void SwitchOperators();
  void Count(Model& model, profile::ServingPhase phase, const PhaseMark& mark, TimePoint end);
  static wire::ProfileReport::Phase Told(const Kind& kind, Series& series);
  static wire::ProfileReport::Model Told(Model& model);

  const Clock& clock_;
  OperatorWatch* const operators_;
  std::atomic<bool> active_{false};
  std::atomic<bool> watch_operators_{false};
  bool operators_on_ = false;  // touched by the engine's thread alone
  Mutex mutex_;
  std::vector<std::unique_ptr<Listener>> listeners_ ALTLAS_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Model>> models_ ALTLAS_GUARDED_BY(mutex_);  // what they point to too
  wire::ProfileAsk ask_ ALTLAS_GUARDED_BY(mutex_);
  TimePoint began_ ALTLAS_GUARDED_BY(mutex_){};
  double processor_began_ ALTLAS_GUARDED_BY(mutex_) = 0;
};

}  // namespace altlas::serve
