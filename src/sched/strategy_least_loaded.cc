// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <vector>

#include "sched/strategy.h"

namespace altlas::sched {
namespace {

constexpr double kClearly = 0.9;         // waiting must save at least a tenth of the time
constexpr std::size_t kMostSlots = 128;  // looked at for the question whether to wait; with more, do not wait
constexpr std::size_t kMostWaiting = 256;
constexpr double kShareOfLater = 0.25;  // of the tasks behind, those that start later; found by simulation

struct Slot {
  double free_at;  // predicted seconds from now
  double work;     // seconds the task takes there
};

// The slots of healthy, full devices that would finish the task before `finish`.
std::vector<Slot> FasterSlots(const PlacementView& view, double finish) {
  std::vector<Slot> slots;
  const auto& members = view.route().members;
  for (DeviceIndex d = 0; d < members.size(); ++d) {
    if (members[d].open || d == view.needs().exclude || !view.Available(d)) continue;
    const DeviceRecord& device = view.table().device(d);
    if (device.kept_for != UINT32_MAX || device.slots == 0) continue;
    const double work = view.Work(d) * (1 + members[d].contention * (device.slots - 1));
    if (work >= finish) continue;
    for (const double free_at : view.table().Releases(d)) slots.push_back({free_at, work});
    if (slots.size() > kMostSlots) return {};
  }
  return slots;
}

// Least predicted finish. Where the only devices with a free slot are slow ones, a fast one that is busy may
// still finish the task earlier: then it waits. The slow device goes to the first waiting task for which the
// fast ones come too late.
class LeastLoaded final : public PlacementStrategy {
 public:
  Pick Choose(PlacementView& view) const override {
    const DeviceIndex device = view.LeastFinish();
    if (device == kNoDevice) return {};
    const double finish = view.Finish(device);
    const std::optional<std::size_t> taker = FirstTaker(view, device, finish);
    if (taker == std::size_t{0}) {
      const Reason reason = view.Measured() ? Reason::kLeastFinish : Reason::kLeastCount;
      return {Pick::Kind::kPlace, device, reason, finish};
    }
    Pick pick;
    pick.kind = Pick::Kind::kHold;
    pick.device = device;
    pick.hold = FromSeconds(std::min(finish, 1e6));
    pick.yield_to = taker.value_or(0);
    return pick;
  }

 private:
  // Which of the waiting tasks, counted from this one, `device` should take, that would end it in `finish`
  // seconds. Each waiting task is thought to take the fast slot that ends it first. What it gains by that is
  // weighed against what it costs the tasks behind it, now and until the fast slots are idle: each of them
  // starts later by one task.
  static std::optional<std::size_t> FirstTaker(const PlacementView& view, DeviceIndex device, double finish) {
    const Route& route = view.route();
    if (!route.learned || route.members[device].guess || route.waiting > kMostWaiting) return 0;
    if (view.OpenCount() == route.members.size() || view.needs().alone) return 0;
    if (route.reference_unit * view.needs().size >= kClearly * finish) return 0;
    std::vector<Slot> slots = FasterSlots(view, kClearly * finish);
    const std::size_t waiting = std::max<std::size_t>(1, route.waiting);
    double rate = 0, backlog = static_cast<double>(waiting);  // tasks a second; tasks
    for (const Slot& slot : slots) {
      rate += 1 / slot.work;
      backlog += slot.free_at / slot.work;
    }
    const double arrivals = view.table().ArrivalRate(view.needs().route);
    if (arrivals >= rate) return 0;
    const double later = arrivals * backlog / (rate - arrivals);  // arrivals before the fast slots are idle
    for (std::size_t task = 0; task < waiting; ++task) {
      const auto next = std::min_element(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) {
        return a.free_at + a.work < b.free_at + b.work;
      });
      const double gain = kClearly * finish - next->free_at - next->work;
      const double cost = kShareOfLater * (static_cast<double>(waiting - 1 - task) + later) / rate;
      if (gain <= cost) return task;
      next->free_at += next->work;
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<PlacementStrategy> MakeLeastLoaded() { return std::make_unique<LeastLoaded>(); }

}  // namespace altlas::sched
