// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace altlas::bench {

// Loops that reach what a core can do, one set for each instruction set.
struct PeakLoops {
  std::string_view name;
  // `rounds` rounds of independent multiply-adds in registers; flop_per_round float32 operations each.
  // Returns a value that depends on all of them.
  float (*multiply_add)(std::int64_t rounds, float start);
  std::int64_t flop_per_round;
  // a[i] = b[i] + scale * c[i]: STREAM's triad (McCalpin 1995), here in float64.
  void (*triad)(double* a, const double* b, const double* c, double scale, std::int64_t count);
};

// The widest set that this processor runs.
const PeakLoops& BestPeakLoops();

}  // namespace altlas::bench
