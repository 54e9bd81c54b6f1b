// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/tensor_memory.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <mutex>

namespace altlas::compute {
namespace {

std::atomic<std::uint64_t> counted_bytes{0};
std::atomic<std::uint64_t> counted_peak{0};

void Took(std::uint64_t bytes) {
  const auto now = counted_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  auto peak = counted_peak.load(std::memory_order_relaxed);
  while (now > peak && !counted_peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

// What a tensor's memory is given back by: the allocator's own pointer, and its size.
struct Block {
  c10::DataPtr inner;
  std::size_t size;
};

void GiveBack(void* context) {
  auto* block = static_cast<Block*>(context);
  counted_bytes.fetch_sub(block->size, std::memory_order_relaxed);
  delete block;
}

class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator* inner) : inner_(inner) {}
  c10::DataPtr allocate(std::size_t size) override {
    auto block = std::make_unique<Block>(Block{inner_->allocate(size), size});
    Took(size);
    void* data = block->inner.get();
    const auto device = block->inner.device();
    return {data, block.release(), &GiveBack, device};
  }
  // None: raw_allocate needs a context that is the memory itself.
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t count) const override {
    default_copy_data(to, from, count);
  }

 private:
  c10::Allocator* inner_;
};

}  // namespace

void CountTensorMemory() {
  static std::once_flag once;
  // Never destroyed: tensors of static objects may outlive whatever would own it.
  std::call_once(once, [] {
    constexpr std::uint8_t kAboveTheDefault = 1;
    c10::SetCPUAllocator(new CountingAllocator(c10::GetCPUAllocator()), kAboveTheDefault);
  });
}

TensorMemory ReadTensorMemory() { return {counted_bytes, counted_peak}; }

void ResetPeakTensorMemory() { counted_peak = counted_bytes.load(); }

}  // namespace altlas::compute
