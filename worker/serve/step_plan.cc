// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/step_plan.h"

#include <algorithm>

namespace altlas::serve {

std::span<const std::int64_t> StepPlanner::Plan(std::span<const std::int64_t> pending) {
  counts_.assign(pending.size(), 0);
  order_.clear();
  std::int64_t generating = 0;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (pending[i] == 1) {
      counts_[i] = 1;
      ++generating;
    } else if (pending[i] > 1) {
      order_.push_back(i);
    }
  }
  if (order_.empty()) return counts_;
  std::int64_t left = std::max(limits_.step_tokens - generating, limits_.min_prefill_tokens);
  const auto give = [&](std::size_t i, std::int64_t most) {
    const std::int64_t count = std::min({pending[i] - counts_[i], most, left});
    counts_[i] += count;
    left -= count;
  };
  const std::size_t oldest = order_.front();
  give(oldest, (left + 1) / 2);
  std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
    return pending[a] != pending[b] ? pending[a] < pending[b] : a < b;
  });
  for (const auto i : order_) {
    if (i != oldest) give(i, left);
  }
  give(oldest, left);
  return counts_;
}

}  // namespace altlas::serve
