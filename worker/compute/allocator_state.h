// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "tune/allocator.h"

namespace altlas::compute {

// What PyTorch's GPU allocator says that it is set to. Values of its own configuration, read after it has
// parsed the environment, not the environment itself.
struct AllocatorState {
  bool on_gpu = false;  // a GPU is in use by this process; without one nothing is allocated by these settings
  bool expandable_segments = false;
  std::uint64_t max_split_mib = 0;  // 0: no limit
  std::string settings;             // the text it parsed; empty: none
  std::string error;                // why it refused the text; empty: it did not
};
AllocatorState ReadAllocatorState(bool on_gpu);

// What was asked for and is not in force, a sentence each; empty where all is. `value` is the variable's
// text.
std::vector<std::string> NotInForce(const AllocatorState& state, std::string_view value);

// Logs what is in force on a GPU, or warns of what is not; on a processor says that it does not apply.
void LogAllocatorState(bool on_gpu);

// The first of PyTorch's variables that is set in this process's environment; of an empty name where none is.
tune::Variable AllocatorVariableSet();

}  // namespace altlas::compute
