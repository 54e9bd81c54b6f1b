// SPDX-License-Identifier: Apache-2.0
#include "sched/strategy.h"

namespace altlas::sched {
namespace {

// The next device in the ring that can start the task.
class RoundRobin final : public PlacementStrategy {
 public:
  Pick Choose(PlacementView& view) const override {
    DeviceIndex& cursor = view.Cursor();
    DeviceIndex device = cursor == kNoDevice ? view.First() : view.Next(cursor);
    if (device == kNoDevice) device = view.First();
    if (device == kNoDevice) return {};
    cursor = device;
    return {Pick::Kind::kPlace, device, Reason::kNextInTurn, view.Finish(device)};
  }
};

}  // namespace

std::unique_ptr<PlacementStrategy> MakeRoundRobin() { return std::make_unique<RoundRobin>(); }

}  // namespace altlas::sched
