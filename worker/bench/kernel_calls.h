// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/bench/roofline.h"

namespace altlas::bench {

// One way to compute a kernel: `call` computes it once on its own random inputs and gives the output.
struct KernelCall {
  std::string implementation;  // "torch": libtorch; "alt_las": the worker's own loops
  std::function<at::Tensor()> call;
};

// Every way that computes this size in this dtype on this device: libtorch first. kTooLarge where the tensors
// do not fit the free memory, kUnavailable where they cannot be had.
Result<std::vector<KernelCall>> MakeKernelCalls(const KernelSize& size, at::ScalarType dtype,
                                                const at::Device& device);

}  // namespace altlas::bench
