// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>

#include "profile/summary.h"

namespace altlas::profile {

// a + b, at most the largest and at least the smallest 64-bit number: sums of a hostile capture stop there.
std::int64_t AddSaturated(std::int64_t a, std::int64_t b);
// The same of bytes.
std::uint64_t AddBytes(std::uint64_t a, std::uint64_t b);
// a - b, likewise.
std::int64_t SubtractSaturated(std::int64_t a, std::int64_t b);

// The Timing of some durations, exact. Reorders them.
Timing TimingOf(std::span<std::int64_t> durations);

// The median and the p95 alone, as Timing defines them; 0 for none. Reorders.
double MedianOf(std::span<std::int64_t> values);
std::int64_t P95Of(std::span<std::int64_t> values);

}  // namespace altlas::profile
