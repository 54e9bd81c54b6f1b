// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/Device.h>

#include <string_view>

#include "base/result.h"

namespace altlas::serve {

enum class AcceleratorKind { kCpu, kCuda };
Result<AcceleratorKind> ParseAccelerator(std::string_view name);  // "cpu", "cuda"

// Makes the accelerator usable by this process and names its device; for CUDA the first that the process may
// see (CUDA_VISIBLE_DEVICES). The program itself links no CUDA: libtorch's CUDA library is loaded here, which
// registers its operations with ATen. Call it before any other use of libtorch's devices; blocks for the
// seconds that loading takes. kUnavailable with what is missing and the ways out; nothing falls back to the
// processor unasked.
Result<at::Device> OpenAccelerator(AcceleratorKind kind);

}  // namespace altlas::serve
