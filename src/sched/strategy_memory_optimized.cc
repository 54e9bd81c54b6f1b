// SPDX-License-Identifier: Apache-2.0
#include <tuple>

#include "sched/strategy.h"

namespace altlas::sched {
namespace {

// Best fit: of the devices with room, the one with the least room, so that large gaps stay for large tasks.
class MemoryOptimized final : public PlacementStrategy {
 public:
  Pick Choose(PlacementView& view) const override {
    DeviceIndex best = kNoDevice;
    std::tuple<std::uint64_t, double, double> best_key;
    for (DeviceIndex d = view.First(); d != kNoDevice; d = view.Next(d)) {
      const std::tuple key(view.Room(d), view.Finish(d), view.Utilization(d));
      if (best != kNoDevice && !(key < best_key)) continue;
      best = d;
      best_key = key;
    }
    if (best == kNoDevice) return {};
    return {Pick::Kind::kPlace, best, Reason::kBestFit, static_cast<double>(std::get<0>(best_key))};
  }
};

}  // namespace

std::unique_ptr<PlacementStrategy> MakeMemoryOptimized() { return std::make_unique<MemoryOptimized>(); }

}  // namespace altlas::sched
