// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tune/platform.h"
#include "tune/torch_version.h"

// The settings of PyTorch's GPU memory allocator that fit a device (TUN-1), as the environment variable that
// its version reads, each with the reason. Pure.
namespace altlas::tune {

inline constexpr std::string_view kCudaAllocConf = "PYTORCH_CUDA_ALLOC_CONF";
inline constexpr std::string_view kAllocConf = "PYTORCH_ALLOC_CONF";
inline constexpr std::string_view kHipAllocConf = "PYTORCH_HIP_ALLOC_CONF";

struct Variable {
  std::string name;
  std::string value;
  bool operator==(const Variable&) const = default;
};

struct AllocatorQuestion {
  std::uint64_t memory_bytes = 0;  // of the device
  TorchVersion torch = kBundledTorch;
  Platform platform = Platform::kLinux;
  bool short_of_memory = false;  // after running out of memory: the smallest split size, whatever the device
};

struct AllocatorAdvice {
  Variable variable;                 // of an empty value where nothing is to be set
  bool expandable_segments = false;  // what the value says, to compare with what is in force
  std::uint64_t max_split_mib = 0;   // 0: not set
  std::vector<std::string> reasons;  // a sentence for each part, and for each part left out
};

// max_split_size_mb by the memory: 64 (6 GB or less), 128 (8 GB), 256 (12 GB and more), 512 (24 GB and more).
// A size between the rows takes the lower one. The rows mean a card's name, so they are compared in 10^9
// bytes: an "8 GB" card reports 7.8 to 8.0 GiB, a "24 GB" one 22.5 to 24.
std::uint64_t MaxSplitMib(std::uint64_t memory_bytes);

// Which variable this version reads, and which parts it and the platform accept.
AllocatorAdvice AdviseAllocator(const AllocatorQuestion& question);

// The variables by which the allocator may have been set already; the user's setting wins over ours.
std::vector<std::string_view> AllocatorVariables();

// The debug switch (TUN-5): CUDA_LAUNCH_BLOCKING and PYTORCH_NO_CUDA_MEMORY_CACHING.
std::vector<Variable> DebugVariables();
inline constexpr std::string_view kDebugIsSlow =
    "for finding faults only, many times slower: every kernel is waited for, every allocation goes to the "
    "driver";

// Whether `value` can be the text of the variable: key:value pairs after one another, of keys that PyTorch
// has known, within 1 KiB. kInvalidArgument names the part at fault.
Status CheckAllocatorText(std::string_view value);

}  // namespace altlas::tune
