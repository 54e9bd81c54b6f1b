// SPDX-License-Identifier: Apache-2.0
#include "sched/strategy.h"

#include <bit>

namespace altlas::sched {

PlacementView::PlacementView(DeviceTable& table, const SchedConfig& config, Random& random, Needs needs)
    : table_(table), config_(config), random_(random), needs_(needs), route_(&table.route(needs.route)) {}

bool PlacementView::CanStart(DeviceIndex device) const {
  if (!route_->members[device].open || device == needs_.exclude) return false;
  if (needs_.alone && table_.device(device).running > 0) return false;
  if (!table_.HasRoom(device, table_.MemoryNeed(needs_.route, device, needs_.estimated_memory))) return false;
  if (needs_.also == nullptr) return true;
  for (const RouteIndex r : *needs_.also) {
    if (!table_.Serves(r, device)) return false;
  }
  return true;
}

DeviceIndex PlacementView::NextFrom(DeviceIndex from) const {
  const auto& bits = route_->open_bits;
  for (std::size_t word = from / 64; word < bits.size(); ++word) {
    std::uint64_t rest = bits[word];
    if (word == from / 64) rest &= ~std::uint64_t{0} << (from % 64);
    for (; rest != 0; rest &= rest - 1) {
      const auto device = static_cast<DeviceIndex>(word * 64 + static_cast<unsigned>(std::countr_zero(rest)));
      if (CanStart(device)) return device;
    }
  }
  return kNoDevice;
}

DeviceIndex PlacementView::LeastFinish() const {
  const DeviceIndex best = table_.LeastFinish(needs_.route, needs_.size).device;
  if (best == kNoDevice || CanStart(best)) return best;
  // The index knows nothing of memory and exclusions: where its best is ruled out, look at all.
  DeviceIndex least = kNoDevice;
  for (DeviceIndex d = First(); d != kNoDevice; d = Next(d)) {
    if (least == kNoDevice || Finish(d) < Finish(least)) least = d;
  }
  return least;
}

std::string_view PlacementView::MappedId() const {
  const auto at = config_.task_specific_mappings.find(route_->type);
  return at == config_.task_specific_mappings.end() ? std::string_view() : at->second;
}

DeviceIndex PlacementView::Mapped() const { return MappedId().empty() ? kNoDevice : table_.Find(MappedId()); }

bool PlacementView::Available(DeviceIndex device) const {
  return device != kNoDevice && device != needs_.exclude && table_.Serves(needs_.route, device) &&
         table_.CouldServe(needs_.route, device, needs_.estimated_memory);
}

std::string PlacementView::WhyUnavailable(DeviceIndex device) const {
  if (MappedId().empty()) return fmt::format("no device is mapped to type {}", route_->type);
  const auto say = [this](std::string_view why) {
    return fmt::format("type {} is mapped to {}, which is not available: {}", route_->type, MappedId(), why);
  };
  if (device == kNoDevice) return say("there is no such device");
  if (device == needs_.exclude) return say("the task was lost there");
  const DeviceRecord& d = table_.device(device);
  if (d.health != DeviceHealth::kOk) return say(d.why);
  const Member& member = route_->members[device];
  if (!member.capable) return say("it does not serve this type and model");
  if (!member.model_ready) return say("it still loads the model");
  return say("the task needs more memory than it has");
}

StrategySet MakeStrategies() {
  StrategySet set;
  set[static_cast<std::size_t>(Strategy::kRoundRobin)] = MakeRoundRobin();
  set[static_cast<std::size_t>(Strategy::kLeastLoaded)] = MakeLeastLoaded();
  set[static_cast<std::size_t>(Strategy::kMemoryOptimized)] = MakeMemoryOptimized();
  set[static_cast<std::size_t>(Strategy::kTaskSpecific)] = MakeTaskSpecific();
  set[static_cast<std::size_t>(Strategy::kRandom)] = MakeRandom();
  return set;
}

}  // namespace altlas::sched
