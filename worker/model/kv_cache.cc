// SPDX-License-Identifier: Apache-2.0
#include "worker/model/kv_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "worker/model/language_model.h"

namespace altlas::model {
namespace {

// Zeros that the system provides page by page when they are first written.
at::Tensor LazyZeros(at::IntArrayRef shape, at::TensorOptions options, std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(bytes);
  void* memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return at::from_blob(
      memory, shape, [size](void* data) { ::munmap(data, size); }, options);
}

at::Tensor Zeros(at::IntArrayRef shape, at::TensorOptions options, std::int64_t bytes) {
  return options.device().is_cpu() ? LazyZeros(shape, options, bytes) : at::zeros(shape, options);
}

}  // namespace

std::int64_t KvCache::BytesFor(const LanguageModelInfo& info, std::int64_t slots,
                               std::int64_t max_tokens_per_slot) {
  return info.kv_bytes_per_token * slots * max_tokens_per_slot;
}

std::int64_t KvCache::SlotsWithin(const LanguageModelInfo& info, std::int64_t max_slots,
                                  std::int64_t max_tokens_per_slot, std::int64_t budget_bytes) {
  const std::int64_t one = std::max<std::int64_t>(1, BytesFor(info, 1, max_tokens_per_slot));
  return std::clamp<std::int64_t>(budget_bytes / one, 0, max_slots);
}

Result<KvCache> KvCache::Create(const LanguageModelInfo& info, std::int64_t slots,
                                std::int64_t max_tokens_per_slot, std::int64_t budget_bytes) {
  if (slots < 1 || max_tokens_per_slot < 1) {
    return Fail(ErrorCode::kInvalidArgument, "a KV cache needs at least 1 slot and 1 token, not {} and {}",
                slots, max_tokens_per_slot);
  }
  const std::int64_t bytes = BytesFor(info, slots, max_tokens_per_slot);
  if (bytes > budget_bytes) {
    return Fail(ErrorCode::kTooLarge,
                "the KV cache of {} for {} sequences of {} tokens takes {} bytes, the budget is {}: at most "
                "{} sequences "
                "of that length fit",
                info.name, slots, max_tokens_per_slot, bytes, budget_bytes,
                SlotsWithin(info, slots, max_tokens_per_slot, budget_bytes));
  }
  KvCache cache;
  cache.slots_ = slots;
  cache.max_tokens_ = max_tokens_per_slot;
  cache.bytes_ = bytes;
  try {
    const auto options = at::TensorOptions().dtype(info.dtype).device(info.device);
    const std::int64_t shape[] = {slots, info.kv_heads, max_tokens_per_slot, info.head_dim};
    const std::int64_t one = bytes / (2 * info.layers);
    for (std::int64_t layer = 0; layer < info.layers; ++layer) {
      cache.keys_.push_back(Zeros(shape, options, one));
      cache.values_.push_back(Zeros(shape, options, one));
    }
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "no memory for a KV cache of {} bytes: {}", bytes, error.what());
  }
  return cache;
}

}  // namespace altlas::model
