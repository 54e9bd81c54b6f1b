// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <vector>

namespace altlas::sched {

// Cuts `items` into one share for each weight, proportional to the weights by largest remainder. Every share
// is either 0 or at least `min_share`; where the items are too few for all, the heaviest weights share them.
// Where they are fewer than `min_share`, one takes all. Equal weights: the earlier first. Weights <= 0 get
// nothing; without a positive weight the answer is all zero. Pure. The shares add up to `items`.
std::vector<std::size_t> PlanShares(std::size_t items, std::size_t min_share,
                                    const std::vector<double>& weights);

}  // namespace altlas::sched
