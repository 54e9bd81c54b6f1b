// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "worker/bench/roofline.h"

namespace altlas::bench {

// Bytes that the machine, or the control group, could still give (device::ReadMemory); 0 where it does not
// tell.
std::uint64_t AvailableMemory();

struct CpuLimitOptions {
  int threads = 1;
  double trial_seconds = 0.1;
  int trials = 5;
  std::uint64_t triad_bytes = 0;  // of the three arrays; 0: four times the last cache, at least 64 MiB
};

// Measures what `threads` threads of this machine reach at the same time, each figure the best of the trials:
// float32 multiply-adds in registers, and STREAM's triad over arrays that no cache holds (24 bytes an
// element, the line that a store fetches first not counted, as STREAM does). Blocks for trials *
// trial_seconds and a little more. kUnavailable without memory for the arrays, or where
// the system starts no more threads.
Result<MachineLimits> MeasureCpuLimits(const CpuLimitOptions& options);

}  // namespace altlas::bench
