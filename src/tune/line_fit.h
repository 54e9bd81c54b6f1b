// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

namespace altlas::tune {

struct Measured {
  double x = 0;
  double y = 0;
};

// y = intercept + slope * x by least squares, with what is needed to say how sure it is.
struct LineFit {
  double intercept = 0;
  double slope = 0;
  double residual = 0;  // sqrt(sum of squares / (count - 2)); 0 where count < 3
  double worst = 0;     // the largest distance of a point from the line
  std::size_t count = 0;
  double mean_x = 0;
  double spread_x = 0;  // sum of (x - mean_x)^2

  double At(double x) const { return intercept + slope * x; }
  // One-sided 95 % bound of a further measurement at x, above the line: At(x) + t * residual * sqrt(1 + 1/n +
  // (x - mean)^2 / spread), t being Student's with n - 2 degrees of freedom. With fewer than 3 points: At(x).
  double UpperBound(double x) const;
};

// Two points or more, not all at one x (otherwise slope 0 through the mean).
LineFit FitLine(std::span<const Measured> points);

// Student's t, one-sided 95 %; `degrees` at least 1.
double Student95(std::size_t degrees);

}  // namespace altlas::tune
