// SPDX-License-Identifier: Apache-2.0
#include "sched/service_stats.h"

#include <algorithm>
#include <cmath>

namespace altlas::sched {
namespace {

constexpr double kFade = 0.95;            // a sample counts half after about 14 more
constexpr double kOutlier = 8;            // a single time counts no more than this many times the mean
constexpr double kMinVariance = 0.05;     // of k: below, its effect cannot be told from noise
constexpr std::uint32_t kMinSamples = 4;  // the same

}  // namespace

void ServiceStats::Learn(double unit_seconds, double together) {
  if (!(unit_seconds >= 0) || !std::isfinite(unit_seconds)) return;
  const double x = std::isfinite(together) ? std::max(0.0, together - 1) : 0.0;
  double y = std::max(unit_seconds, 1e-9);
  // A first call may load and compile for seconds: the second sample replaces such a first one.
  if (samples_ == 1 && y * kOutlier < mean_y_) *this = ServiceStats();
  if (samples_ >= kMinSamples) y = std::min(y, kOutlier * mean_y_);
  ++samples_;
  weight_ = kFade * weight_ + 1;
  const double share = 1 / weight_;
  const double dx = x - mean_x_, dy = y - mean_y_;
  mean_x_ += share * dx;
  mean_y_ += share * dy;
  var_x_ = (1 - share) * (var_x_ + share * dx * dx);
  cov_ = (1 - share) * (cov_ + share * dx * dy);
  Fit();
}

void ServiceStats::Fit() {
  contention_ = 1;
  if (samples_ >= kMinSamples && var_x_ > kMinVariance) {
    const double slope = cov_ / var_x_;
    const double alone = mean_y_ - slope * mean_x_;
    contention_ = alone > 0 ? std::clamp(slope / alone, 0.0, 1.0) : 1.0;
  }
  unit_ = mean_y_ / (1 + contention_ * mean_x_);
}

}  // namespace altlas::sched
