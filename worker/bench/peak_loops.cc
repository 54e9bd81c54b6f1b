// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/peak_loops.h"

namespace altlas::bench {

namespace peak_generic {
extern const PeakLoops kLoops;
}
#ifdef ALTLAS_X86_KERNELS
namespace peak_avx2 {
extern const PeakLoops kLoops;
}
namespace peak_avx512 {
extern const PeakLoops kLoops;
}
#endif

const PeakLoops& BestPeakLoops() {
#ifdef ALTLAS_X86_KERNELS
  if (__builtin_cpu_supports("avx512f")) return peak_avx512::kLoops;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return peak_avx2::kLoops;
#endif
  return peak_generic::kLoops;
}

}  // namespace altlas::bench
