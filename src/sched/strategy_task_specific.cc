// SPDX-License-Identifier: Apache-2.0
#include "sched/strategy.h"

namespace altlas::sched {
namespace {

// The device that the configuration maps the task's type to.
class TaskSpecific final : public PlacementStrategy {
 public:
  Pick Choose(PlacementView& view) const override {
    const DeviceIndex device = view.Mapped();
    if (view.Available(device)) {
      if (!view.CanStart(device)) return {};
      return {Pick::Kind::kPlace, device, Reason::kMapped, view.Finish(device)};
    }
    Pick pick;
    const MappingAnswer answer = view.OnUnavailable();
    if (answer == MappingAnswer::kWait && !view.MappedId().empty()) return pick;
    pick.kind = answer == MappingAnswer::kFail ? Pick::Kind::kFail : Pick::Kind::kFallBack;
    pick.reason = answer == MappingAnswer::kFail ? Reason::kMappingUnavailable : Reason::kMappingFellBack;
    pick.message = view.WhyUnavailable(device);
    return pick;
  }
};

}  // namespace

std::unique_ptr<PlacementStrategy> MakeTaskSpecific() { return std::make_unique<TaskSpecific>(); }

}  // namespace altlas::sched
