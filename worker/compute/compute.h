// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tune/batch_search.h"

// The compute interface of the memory guide (TUN-2): which device computes, what its memory does, and the
// batch that fits it. The names are those of python/altlas/compute.py in our spelling. GiB are 2^30 bytes. On
// a processor every figure of video memory is 0, because there is none; the ram_ figures are this process's
// and machine's.
namespace altlas::compute {

enum class ComputeMode {
  kCpu,
  kGpu,     // an error where there is none
  kHybrid,  // a GPU where there is one, else the processor
};
Result<ComputeMode> ParseComputeMode(std::string_view name);  // "cpu", "gpu", "hybrid"
std::string_view ComputeModeName(ComputeMode mode);

struct VramUsage {
  double used = 0;      // GiB that tensors take
  double reserved = 0;  // GiB that the allocator holds
};

struct MemoryStats {
  std::string device;  // "cpu", "cuda:0"
  double allocated_gib = 0;
  double reserved_gib = 0;
  double max_allocated_gib = 0;
  double max_reserved_gib = 0;
  double total_gib = 0;
  double free_gib = 0;
  double utilization_percent = 0;    // allocated of total
  double fragmentation_percent = 0;  // of what is reserved: free pieces that cannot be given back
  std::int64_t alloc_retries = 0;
  std::int64_t ooms = 0;
  double ram_used_gib = 0;  // resident, of this process
  double ram_peak_gib = 0;  // since ResetPeakMemoryStats
  double ram_total_gib = 0;
  double ram_available_gib = 0;
  double ram_utilization_percent = 0;  // used of total
  double tensors_gib = 0;              // on a processor, where CountTensorMemory() counts
  double max_tensors_gib = 0;
};

struct BatchRequest {
  double vram_usage_multiplier =
      0.9;                  // the share of what this process holds and what is free, above 0, at most 1
  double memory_gib = 0;    // a limit for the whole process instead; 0: the device's memory
  double margin_gib = 0.5;  // kept free beside the share
  std::uint64_t most = 65'536;
};

struct BatchSuggestion {
  std::uint64_t batch = 0;  // 0: not even one sample fits, or there is no room for any
  bool measured = false;    // false: an estimate, and `why` says of what
  std::string why;
  tune::BatchAnswer answer;  // where it was measured
};

// Runs one step of so many samples. kTooLarge: it ran out of memory; any other error ends the search.
using RunStep = std::function<Status(std::uint64_t batch)>;

// The device that computes, and its memory. Not thread-safe. Calls read small files of /proc or ask the
// driver: some microseconds to a millisecond; SuggestBatchSize runs steps.
class Compute {
 public:
  // kUnavailable for kGpu where there is none, with the ways out. Loads libtorch's CUDA library where there
  // is a GPU.
  static Result<std::unique_ptr<Compute>> Create(ComputeMode mode);

  ComputeMode mode() const { return mode_; }
  at::Device device() const { return device_; }

  VramUsage VramUsageGib() const;
  MemoryStats GetMemoryStats() const;
  // One line to the log, at level info; returns it.
  std::string LogMemoryStats() const;
  void ResetPeakMemoryStats();
  // Gives memory that nothing uses back to the system. Returns the GiB given back. What tensors hold stays.
  double CleanupAfterTraining();
  // The same where the memory lies in pieces (over 10 % of what is reserved), or always with `aggressive`.
  double OptimizeMemory(bool aggressive = false);
  // The largest batch whose step stays within the share (tune/batch_search.h). With no step the last measured
  // line is scaled, else a figure of the guide: estimates, and they say so. Errors: kInvalidArgument for a
  // share outside its bounds; what `step` answered, but for kTooLarge.
  Result<BatchSuggestion> SuggestBatchSize(const BatchRequest& request, const RunStep& step = {});

 private:
  Compute(ComputeMode mode, at::Device device) : mode_(mode), device_(device) {}
  std::uint64_t Held() const;  // bytes of the device's memory, by this process
  std::uint64_t Free() const;
  Result<double> Room(const BatchRequest& request) const;
  Result<std::uint64_t> PeakOf(const RunStep& step, std::uint64_t batch);
  void Settle();

  const ComputeMode mode_;
  const at::Device device_;
  tune::BatchAnswer last_;  // of batch 0: nothing was measured yet
};

// The process's Compute, since the guide's programs ask for one everywhere: the one exception to our rule
// against singletons. InitializeCompute replaces it (pointers to the former end); GetCompute makes it kHybrid
// where nobody did, which cannot fail. Both are thread-safe, what they return is not.
Result<Compute*> InitializeCompute(ComputeMode mode);
Compute& GetCompute();

}  // namespace altlas::compute
