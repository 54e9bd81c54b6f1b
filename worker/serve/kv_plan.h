// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "base/result.h"

namespace altlas::serve {

struct KvPlan {
  std::int64_t slots = 0;
  std::int64_t tokens_per_slot = 0;  // the context that a sequence gets
};

// Divides a memory budget into slots of the whole context: as many as fit, at most `max_batch`. A budget too
// small for one whole context gives one slot with a shorter context. kTooLarge where not even 64 tokens fit.
// Pure.
Result<KvPlan> PlanKvCache(std::int64_t bytes_per_token, std::int64_t context, std::int64_t max_batch,
                           std::int64_t budget_bytes);

}  // namespace altlas::serve
