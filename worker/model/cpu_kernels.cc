// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu_kernels.h"

namespace altlas::model {

namespace generic {
extern const CpuKernels kKernels;
}
#ifdef ALTLAS_X86_KERNELS
namespace avx2 {
extern const CpuKernels kKernels;
}
namespace avx512 {
extern const CpuKernels kKernels;
}
#endif

std::vector<const CpuKernels*> AvailableCpuKernels() {
  std::vector<const CpuKernels*> sets;
#ifdef ALTLAS_X86_KERNELS
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) sets.push_back(&avx512::kKernels);
  if (avx2) sets.push_back(&avx2::kKernels);
#endif
  sets.push_back(&generic::kKernels);
  return sets;
}

const CpuKernels& BestCpuKernels() {
  static const CpuKernels& best = *AvailableCpuKernels().front();
  return best;
}

}  // namespace altlas::model
