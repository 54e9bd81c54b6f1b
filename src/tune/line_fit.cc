// SPDX-License-Identifier: Apache-2.0
#include "tune/line_fit.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace altlas::tune {

double Student95(std::size_t degrees) {
  constexpr std::array kTable = {6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812};
  if (degrees == 0) return kTable[0];
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  // Cornish and Fisher's expansion around the normal quantile: right to three digits from 10 degrees on.
  constexpr double kZ = 1.6448536;
  constexpr double kCube = kZ * kZ * kZ;
  const auto v = static_cast<double>(degrees);
  return kZ + (kCube + kZ) / (4 * v) + (5 * kCube * kZ * kZ + 16 * kCube + 3 * kZ) / (96 * v * v);
}

LineFit FitLine(std::span<const Measured> points) {
  LineFit fit;
  fit.count = points.size();
  if (points.empty()) return fit;
  const auto n = static_cast<double>(points.size());
  double mean_y = 0;
  for (const auto& p : points) {
    fit.mean_x += p.x / n;
    mean_y += p.y / n;
  }
  double product = 0;
  for (const auto& p : points) {
    fit.spread_x += (p.x - fit.mean_x) * (p.x - fit.mean_x);
    product += (p.x - fit.mean_x) * (p.y - mean_y);
  }
  fit.slope = fit.spread_x > 0 ? product / fit.spread_x : 0;
  fit.intercept = mean_y - fit.slope * fit.mean_x;
  double squares = 0;
  for (const auto& p : points) {
    const double off = p.y - fit.At(p.x);
    squares += off * off;
    fit.worst = std::max(fit.worst, std::abs(off));
  }
  if (points.size() > 2) fit.residual = std::sqrt(squares / (n - 2));
  return fit;
}

double LineFit::UpperBound(double x) const {
  if (count < 3 || spread_x <= 0) return At(x);
  const double n = static_cast<double>(count);
  const double far = (x - mean_x) * (x - mean_x) / spread_x;
  return At(x) + Student95(count - 2) * residual * std::sqrt(1 + 1 / n + far);
}

}  // namespace altlas::tune
