// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace altlas::serve {

struct StepLimits {
  std::int64_t step_tokens = 256;        // tokens computed in one step
  std::int64_t min_prefill_tokens = 16;  // of them for prompts, even where running sequences leave less
};

// How many tokens of each running sequence one step computes. `pending` holds, in the order of joining, the
// tokens that each sequence has and its cache has not; one pending token means that the sequence generates
// (or that only the prompt's last token is left). Every such sequence gets its token in every step. What is
// left of the limit goes to the prompts: half of it to the oldest, so that it always gets on, the rest to
// those with the fewest tokens left, so that a short prompt does not wait for a long one. Writes one count
// for each sequence, 0 for those that wait. Pure; allocates only to grow `counts` and `order`.
class StepPlanner {
 public:
  explicit StepPlanner(StepLimits limits) : limits_(limits) {}
  std::span<const std::int64_t> Plan(std::span<const std::int64_t> pending);

 private:
  StepLimits limits_;
  std::vector<std::int64_t> counts_;
  std::vector<std::size_t> order_;
};

}  // namespace altlas::serve
