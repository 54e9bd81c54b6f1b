// SPDX-License-Identifier: Apache-2.0
// The bodies of PeakLoops, compiled once per instruction set: the including file defines ALTLAS_PEAK (a
// namespace), ALTLAS_PEAK_NAME and ALTLAS_PEAK_BYTES (of a register).
#include "worker/bench/peak_loops.h"

// NOLINTBEGIN(misc-definitions-in-headers): a body rather than a header, in a namespace of its own each time
namespace altlas::bench {
namespace ALTLAS_PEAK {
namespace {

typedef float Lanes __attribute__((vector_size(ALTLAS_PEAK_BYTES)));

// Twelve sums: enough to hide four cycles of latency on two units and a reload on three, and few enough to
// stay in sixteen registers.
#define ALTLAS_PEAK_EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)

__attribute__((no_sanitize("address", "undefined"))) float MultiplyAdd(std::int64_t rounds, float start) {
  const Lanes factor = Lanes{} + 0.999999F;
  const Lanes term = Lanes{} + start * 1e-6F;
#define ALTLAS_PEAK_START(i) Lanes sum##i = Lanes{} + (start + static_cast<float>(i));
#define ALTLAS_PEAK_STEP(i) sum##i = sum##i * factor + term;
#define ALTLAS_PEAK_KEEP(i) all += sum##i;
  ALTLAS_PEAK_EACH(ALTLAS_PEAK_START)
  for (std::int64_t round = 0; round < rounds; ++round) {
    ALTLAS_PEAK_EACH(ALTLAS_PEAK_STEP)
  }
  Lanes all = {};
  ALTLAS_PEAK_EACH(ALTLAS_PEAK_KEEP)
#undef ALTLAS_PEAK_START
#undef ALTLAS_PEAK_STEP
#undef ALTLAS_PEAK_KEEP
  return all[0] + all[1];
}

__attribute__((no_sanitize("address", "undefined"))) void Triad(double* __restrict a,
                                                                const double* __restrict b,
                                                                const double* __restrict c, double scale,
                                                                std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) a[i] = b[i] + scale * c[i];
}

}  // namespace

extern const PeakLoops kLoops;
const PeakLoops kLoops = {ALTLAS_PEAK_NAME, MultiplyAdd,
                          12 * 2 * static_cast<std::int64_t>(ALTLAS_PEAK_BYTES / sizeof(float)), Triad};

}  // namespace ALTLAS_PEAK
}  // namespace altlas::bench
// NOLINTEND(misc-definitions-in-headers)
