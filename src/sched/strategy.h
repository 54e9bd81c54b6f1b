// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <memory>
#include <string>

#include "base/random.h"
#include "sched/device_table.h"

namespace altlas::sched {

// What a strategy sees of the pool for one task: the devices that can start it now, and predictions. Valid
// during one Pick.
class PlacementView {
 public:
  struct Needs {
    RouteIndex route = kNoRoute;
    double size = 1;
    std::uint64_t estimated_memory = 0;
    DeviceIndex exclude = kNoDevice;                // not on this one
    bool alone = false;                             // only where nothing runs
    const std::vector<RouteIndex>* also = nullptr;  // and it must be open for these routes too
  };
  PlacementView(DeviceTable& table, const SchedConfig& config, Random& random, Needs needs);

  // The devices that can start the task now, in order of registration: First() then Next(d), kNoDevice at the
  // end.
  DeviceIndex First() const { return NextFrom(0); }
  DeviceIndex Next(DeviceIndex after) const { return NextFrom(after + 1); }
  bool CanStart(DeviceIndex device) const;
  // An upper bound of how many there are; exact where the task needs no memory.
  std::size_t OpenCount() const { return route_->open_count; }
  std::size_t DeviceCount() const { return table_.size(); }

  // Predicted seconds until the task is done on the device, if it starts there now.
  double Finish(DeviceIndex device) const { return table_.Finish(needs_.route, device, needs_.size); }
  double Work(DeviceIndex device) const { return table_.Work(needs_.route, device, needs_.size); }
  // The device of least Finish among those that can start the task. Quick also in a large pool.
  DeviceIndex LeastFinish() const;
  bool Measured() const { return route_->learned; }

  std::uint64_t Room(DeviceIndex device) const { return table_.Room(device); }
  double Utilization(DeviceIndex device) const { return table_.device(device).state.utilization_by_others; }

  // The device the configuration maps the task's type to: its id (empty: none), and the device where it is
  // known.
  std::string_view MappedId() const;
  DeviceIndex Mapped() const;
  // Healthy, loaded and large enough, though perhaps busy.
  bool Available(DeviceIndex device) const;
  MappingAnswer OnUnavailable() const { return config_.mapping_answer; }
  std::string WhyUnavailable(DeviceIndex device) const;

  // round_robin's place in the ring of devices, kept for each kind of task.
  DeviceIndex& Cursor() { return route_->cursor; }
  Random& Dice() { return random_; }

  const DeviceTable& table() const { return table_; }
  const Route& route() const { return *route_; }
  const Needs& needs() const { return needs_; }

 private:
  DeviceIndex NextFrom(DeviceIndex from) const;

  DeviceTable& table_;
  const SchedConfig& config_;
  Random& random_;
  Needs needs_;
  Route* route_;
};

struct Pick {
  enum class Kind : std::uint8_t {
    kNone,      // none can start it: it waits for the next slot that comes free
    kPlace,     // on `device`
    kHold,      // it is better off waiting for a busy device, at most for `hold`; `device` could take it now
    kFallBack,  // to be placed by the default strategy, because of `message`
    kFail,      // it cannot run, because of `message`
  };
  Kind kind = Kind::kNone;
  DeviceIndex device = kNoDevice;
  Reason reason = Reason::kNone;
  double score = 0;
  Duration hold{};
  // kHold: the device is better given to the task this many places further back than left idle; 0: left idle.
  std::size_t yield_to = 0;
  std::string message = {};
};

// Chooses the device of a task among those that can start it now. Implementations: one file
// strategy_<name>.cc each. They keep no state of their own: what has to be remembered lies in the view.
class PlacementStrategy {
 public:
  virtual ~PlacementStrategy() = default;
  virtual Pick Choose(PlacementView& view) const = 0;
};

std::unique_ptr<PlacementStrategy> MakeRoundRobin();
std::unique_ptr<PlacementStrategy> MakeLeastLoaded();
std::unique_ptr<PlacementStrategy> MakeMemoryOptimized();
std::unique_ptr<PlacementStrategy> MakeTaskSpecific();
std::unique_ptr<PlacementStrategy> MakeRandom();

// One of each, indexed by Strategy.
using StrategySet = std::array<std::unique_ptr<PlacementStrategy>, kStrategyCount>;
StrategySet MakeStrategies();

}  // namespace altlas::sched
