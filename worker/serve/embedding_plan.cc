// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/embedding_plan.h"

#include <algorithm>
#include <numeric>

namespace altlas::serve {

std::vector<std::size_t> PlanEmbeddingStep(std::span<const std::int64_t> lengths,
                                           const EmbeddingLimits& limits) {
  if (lengths.empty()) return {};
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return lengths[a] < lengths[b]; });
  const auto oldest =
      static_cast<std::size_t>(std::find(order.begin(), order.end(), std::size_t{0}) - order.begin());
  std::vector<std::int64_t> sums(order.size() + 1, 0);
  for (std::size_t i = 0; i < order.size(); ++i) sums[i + 1] = sums[i] + lengths[order[i]];
  std::size_t first = oldest, last = oldest;
  std::int64_t padding = 0;
  for (std::size_t end = oldest; end < order.size(); ++end) {
    const auto longest = std::max<std::int64_t>(lengths[order[end]], 1);
    const auto room = std::min(static_cast<std::size_t>(limits.step_tokens / longest), limits.step_texts);
    if (room < end - oldest + 1) break;  // the oldest would not be among them
    const auto count = std::min(room, end + 1);
    const auto begin = std::min(oldest, end + 1 - count);
    const auto wasted = longest * static_cast<std::int64_t>(end + 1 - begin) - (sums[end + 1] - sums[begin]);
    const auto more = end - begin, now = last - first;
    if (more < now || (more == now && (wasted >= padding && end != oldest))) continue;
    first = begin;
    last = end;
    padding = wasted;
  }
  return {order.begin() + static_cast<std::ptrdiff_t>(first),
          order.begin() + static_cast<std::ptrdiff_t>(last + 1)};
}

}  // namespace altlas::serve
