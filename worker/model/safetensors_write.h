// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace altlas::model {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// Writes a safetensors file, atomically: 8-byte little-endian header length, header JSON padded to 8 bytes,
// data without holes. Tensors must be float32, bfloat16 or float16 on the CPU; names unique. Blocks. Errors:
// kInvalidArgument, and the file's own.
Status WriteSafetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors);

}  // namespace altlas::model
