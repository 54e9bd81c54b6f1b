// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include "base/result.h"
#include "worker/bench/roofline.h"

namespace altlas::bench {

// What the device can do at most, measured now, for kernels in `dtype`. On a processor in float32 by
// multiply-adds in registers (cpu_limits.h); in the shorter types, and on a GPU, by libtorch's largest matrix
// products in that type, the best of three sizes. The memory's speed by STREAM's triad: own loops on a
// processor, libtorch's on a GPU. Blocks for some seconds.
Result<MachineLimits> MeasureChipLimits(at::ScalarType dtype, const at::Device& device, int threads);

}  // namespace altlas::bench
