// SPDX-License-Identifier: Apache-2.0
#include "sched/strategy.h"

namespace altlas::sched {
namespace {

// Any device that can start the task, each with the same chance.
class RandomChoice final : public PlacementStrategy {
 public:
  Pick Choose(PlacementView& view) const override {
    if (view.OpenCount() == 0) return {};
    // Throwing darts at all devices is uniform over those that can start the task, and quick while most can.
    for (int dart = 0; dart < 16; ++dart) {
      const auto device = static_cast<DeviceIndex>(view.Dice().Below(view.DeviceCount()));
      if (view.CanStart(device)) return Place(view, device);
    }
    std::uint64_t seen = 0;
    DeviceIndex chosen = kNoDevice;
    for (DeviceIndex d = view.First(); d != kNoDevice; d = view.Next(d)) {
      if (view.Dice().Below(++seen) == 0) chosen = d;
    }
    return chosen == kNoDevice ? Pick{} : Place(view, chosen);
  }

 private:
  static Pick Place(const PlacementView& view, DeviceIndex device) {
    return {Pick::Kind::kPlace, device, Reason::kDrawn, view.Finish(device)};
  }
};

}  // namespace

std::unique_ptr<PlacementStrategy> MakeRandom() { return std::make_unique<RandomChoice>(); }

}  // namespace altlas::sched
