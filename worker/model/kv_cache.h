// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace altlas::model {

struct LanguageModelInfo;

// K and V of all sequences that run, allocated once: per layer two tensors [slots, kv_heads, max_tokens,
// head_dim] of the model's dtype, zero at first. Owned by the engine, filled by LanguageModel::Forward. A
// slot has no state of its own: its owner knows how many positions are filled, and reuses it by starting
// again at position 0. On a CPU only positions that were filled once take memory, so slots that are never
// used cost nothing; elsewhere all of it is taken at once. Not thread-safe.
class KvCache {
 public:
  // The bytes that Create would take at most.
  static std::int64_t BytesFor(const LanguageModelInfo& info, std::int64_t slots,
                               std::int64_t max_tokens_per_slot);

  // Slots that fit a budget, at most `max_slots`; 0 where not even one does.
  static std::int64_t SlotsWithin(const LanguageModelInfo& info, std::int64_t max_slots,
                                  std::int64_t max_tokens_per_slot, std::int64_t budget_bytes);

  // Errors: kInvalidArgument for slots or tokens below 1; kTooLarge past budget_bytes (the message says what
  // would fit); kUnavailable where the memory cannot be had.
  static Result<KvCache> Create(const LanguageModelInfo& info, std::int64_t slots,
                                std::int64_t max_tokens_per_slot, std::int64_t budget_bytes);

  std::int64_t slots() const { return slots_; }
  std::int64_t max_tokens() const { return max_tokens_; }
  std::int64_t kv_heads() const { return keys_.empty() ? 0 : keys_[0].size(1); }
  std::int64_t head_dim() const { return keys_.empty() ? 0 : keys_[0].size(3); }
  std::int64_t bytes() const { return bytes_; }  // at most
  at::Tensor& keys(std::size_t layer) { return keys_[layer]; }
  at::Tensor& values(std::size_t layer) { return values_[layer]; }
  std::size_t layers() const { return keys_.size(); }

 private:
  std::int64_t slots_ = 0;
  std::int64_t max_tokens_ = 0;
  std::int64_t bytes_ = 0;
  std::vector<at::Tensor> keys_;
  std::vector<at::Tensor> values_;
};

}  // namespace altlas::model
