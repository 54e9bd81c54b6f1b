// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace altlas::sched {

// What was learned of one model on one device: how long one unit of size takes alone, and how much tasks that
// run together slow one another down. Measured times are fitted by y = unit * (1 + contention * (k - 1)),
// where k is the mean number of tasks that ran together, by least squares with exponentially fading weights.
// A plain value.
class ServiceStats {
 public:
  // One finished task: its seconds divided by its size, and the mean number of tasks on the device meanwhile
  // (>= 1).
  void Learn(double unit_seconds, double together);

  bool learned() const { return samples_ > 0; }
  std::uint32_t samples() const { return samples_; }
  double unit_seconds() const { return unit_; }
  // 0: tasks run side by side at no cost; 1: they share the device, two take twice as long. 1 until it is
  // known better.
  double contention() const { return contention_; }

 private:
  void Fit();

  std::uint32_t samples_ = 0;
  double weight_ = 0, mean_x_ = 0, mean_y_ = 0, var_x_ = 0, cov_ = 0;
  double unit_ = 0;
  double contention_ = 1;
};

}  // namespace altlas::sched
