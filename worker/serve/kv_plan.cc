// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/kv_plan.h"

#include <algorithm>

namespace altlas::serve {

Result<KvPlan> PlanKvCache(std::int64_t bytes_per_token, std::int64_t context, std::int64_t max_batch,
                           std::int64_t budget_bytes) {
  if (bytes_per_token < 1 || context < 1 || max_batch < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "{} bytes a token, a context of {} and a batch of {} must be at least 1", bytes_per_token,
                context, max_batch);
  }
  const std::int64_t tokens = budget_bytes / bytes_per_token;
  if (tokens >= context) return KvPlan{std::min(max_batch, tokens / context), context};
  const std::int64_t least = std::min<std::int64_t>(64, context);
  if (tokens < least) {
    return Fail(ErrorCode::kTooLarge,
                "a KV cache of {} bytes holds {} tokens of this model; give it at least {} bytes ({} for its "
                "whole context)",
                budget_bytes, std::max<std::int64_t>(tokens, 0), least * bytes_per_token,
                context * bytes_per_token);
  }
  return KvPlan{1, tokens};
}

}  // namespace altlas::serve
