// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "profile/gate.h"

// Plays the gate many times on noise that was recorded (or made up) to count how often it is right. Pure,
// deterministic by its seed; takes about 20 us a metric and trial.
namespace altlas::profile {

struct Noise {
  // Run times in the order in which they were recorded; only their ratios to the median count.
  std::vector<double> recorded;
  // True: a stretch of the record from a random place on, so that its drift and autocorrelation stay. False:
  // drawn one by one with replacement, so that runs are independent.
  bool in_order = false;
  double outlier_share = 0;    // so many runs are ...
  double outlier_size = 0;     // ... slower by this share
  double drift_per_run = 0;    // relative, over the whole experiment
  double autocorrelation = 0;  // of an added AR(1) noise of ...
  double added_noise = 0;      // ... this standard deviation
};

enum class Design : std::uint8_t {
  kBaselineFirst,  // all baseline runs, later the new ones; in_order: from another place of the record
  kInterleaved     // A B, B A, A B, ...
};

struct Simulation {
  Noise noise;
  Design design = Design::kInterleaved;
  std::size_t runs = 0;     // a side, screening
  std::size_t confirm = 0;  // a side
  std::size_t kernels = 0;  // watched metrics beside the wall time, each with the noise of its own draw
  double wall_regression = 0;
  double kernel_regression = 0;  // of the first kernel
  GateSettings settings;
};

struct Tally {
  std::size_t trials = 0;
  std::size_t pass = 0;
  std::size_t fail = 0;
  std::size_t inconclusive = 0;
  double detectable_median = 0;  // of the wall time, relative
  double FailShare() const {
    return trials == 0 ? 0 : static_cast<double>(fail) / static_cast<double>(trials);
  }
  double PassShare() const {
    return trials == 0 ? 0 : static_cast<double>(pass) / static_cast<double>(trials);
  }
};

Tally Simulate(const Simulation& simulation, std::size_t trials, std::uint64_t seed);

}  // namespace altlas::profile
