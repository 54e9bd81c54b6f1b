// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/model/safetensors.h"

namespace altlas::model {

// One tensor of a Hugging Face folder and where it belongs: rows [row, row + shape[0]) of `target`.
struct TensorPlace {
  std::string name;
  std::vector<std::int64_t> shape;
  at::Tensor* target;
  std::int64_t row;
};

// Holds a folder's tensors against what its config asks for, before any memory is taken for them: each place
// has its tensor in its shape, and no tensor is left over but those that `may_be_ignored` accepts.
// kCorrupt, naming tensor and file. `architecture` is for the message.
Status CheckTensors(const std::vector<TensorPlace>& places, const ShardedTensors& tensors,
                    std::string_view architecture,
                    const std::function<bool(const std::string& name)>& may_be_ignored);

// Fills the places' targets, cast once. Errors: SafetensorsFile::CopyTo's.
Status CopyTensors(const std::vector<TensorPlace>& places, const ShardedTensors& tensors);

}  // namespace altlas::model
