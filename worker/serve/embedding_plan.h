// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace altlas::serve {

struct EmbeddingLimits {
  std::int64_t step_tokens = 1024;  // of one step's texts, all padded to the longest of them
  std::size_t step_texts = 256;
};

// Which of the waiting texts one step computes. `lengths` holds their tokens, the oldest first. A step always
// takes the oldest, so that nobody waits for good; with it go those of like length, as many as the limits
// allow, and among equally many the choice with the least padding. A text longer than the limit goes alone.
// Returns indices into `lengths`, by length. Pure; n log n.
std::vector<std::size_t> PlanEmbeddingStep(std::span<const std::int64_t> lengths,
                                           const EmbeddingLimits& limits);

}  // namespace altlas::serve
