// SPDX-License-Identifier: Apache-2.0
#include "sched/load_index.h"

#include <algorithm>
#include <cmath>

namespace altlas::sched {
namespace {

constexpr double kStepsPerOctave = 8;
constexpr double kContentionSteps = 8;

}  // namespace

LoadIndex::Rate LoadIndex::RateOf(double unit_seconds, double contention) {
  return {static_cast<int>(std::lround(std::log2(std::clamp(unit_seconds, 1e-12, 1e12)) * kStepsPerOctave)),
          static_cast<int>(std::lround(contention * kContentionSteps))};
}

std::uint32_t LoadIndex::ClassFor(Rate rate) {
  for (std::uint32_t i = 0; i < classes_.size(); ++i) {
    if (classes_[i].rate == rate) return i;
  }
  // Speeds drift, so classes fall empty: such a one is used again before another is made.
  for (std::uint32_t i = 0; i < classes_.size(); ++i) {
    if (!classes_[i].heap.empty()) continue;
    classes_[i].rate = rate;
    classes_[i].unit = std::exp2(rate.unit_step / kStepsPerOctave);
    classes_[i].contention = rate.contention_step / kContentionSteps;
    return i;
  }
  classes_.push_back({rate, std::exp2(rate.unit_step / kStepsPerOctave),
                      rate.contention_step / kContentionSteps,
                      IndexedHeap<LoadKey, PositionOf>(PositionOf{&home_})});
  return static_cast<std::uint32_t>(classes_.size() - 1);
}

void LoadIndex::Insert(DeviceIndex device, Rate rate, LoadKey key) {
  if (device >= home_.size()) home_.resize(device + 1);
  const std::uint32_t id = ClassFor(rate);
  home_[device].speed_class = id;
  if (classes_[id].heap.empty()) active_.push_back(id);
  classes_[id].heap.Push(device, key);
  ++size_;
}

void LoadIndex::Remove(DeviceIndex device) {
  const std::uint32_t id = home_[device].speed_class;
  classes_[id].heap.Remove(device);
  if (classes_[id].heap.empty()) std::erase(active_, id);
  --size_;
}

void LoadIndex::Update(DeviceIndex device, LoadKey key) {
  classes_[home_[device].speed_class].heap.Update(device, key);
}

}  // namespace altlas::sched
