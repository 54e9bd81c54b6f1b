// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

// What tensors take on a processor, counted where libtorch allocates them: to the byte, and without what the
// C library keeps. Process-wide, thread-safe.
namespace altlas::compute {

// Puts a counter in front of libtorch's allocator for processors; it stays until the process ends. What was
// allocated before is not counted. Costs one small allocation a tensor, so programs that serve do without.
void CountTensorMemory();

struct TensorMemory {
  std::uint64_t bytes = 0;
  std::uint64_t peak_bytes = 0;
};
TensorMemory ReadTensorMemory();  // zeros before CountTensorMemory
void ResetPeakTensorMemory();

}  // namespace altlas::compute
