// SPDX-License-Identifier: Apache-2.0
#include "sched/load_index.h"

#include <algorithm>
#include <cmath>

namespace altlas::sched {
namespace {

constexpr double kStepsPerOctave = 32;
constexpr double kContentionSteps = 8;

}  // namespace

LoadIndex::Rate LoadIndex::RateOf(double unit_seconds, double contention) {
  return {static_cast<int>(std::lround(std::log2(std::clamp(unit_seconds, 1e-12, 1e12)) * kStepsPerOctave)),
          static_cast<int>(std::lround(contention * kContentionSteps))};
}

std::uint32_t LoadIndex::ClassFor(double unit_seconds, double contention) {
  const Rate rate = RateOf(unit_seconds, contention);
  // Speeds drift, so classes fall empty: such a one is used again before another is made.
  std::uint32_t empty = static_cast<std::uint32_t>(classes_.size());
  for (std::uint32_t i = 0; i < classes_.size(); ++i) {
    if (classes_[i].heap.empty()) {
      empty = i;
    } else if (classes_[i].rate == rate) {
      return i;
    }
  }
  if (empty == classes_.size()) {
    classes_.push_back({{}, 0, 0, IndexedHeap<LoadKey, PositionOf>(PositionOf{&home_})});
  }
  // The first one's exact speed stands for the class, so that equal devices compare exactly.
  classes_[empty].rate = rate;
  classes_[empty].unit = unit_seconds;
  classes_[empty].contention = contention;
  return empty;
}

void LoadIndex::Insert(DeviceIndex device, double unit_seconds, double contention, LoadKey key) {
  if (device >= home_.size()) home_.resize(device + 1);
  const std::uint32_t id = ClassFor(unit_seconds, contention);
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
