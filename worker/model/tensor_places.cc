// SPDX-License-Identifier: Apache-2.0
#include "worker/model/tensor_places.h"

#include <set>

namespace altlas::model {
namespace {

std::string ShapeText(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

}  // namespace

Status CheckTensors(const std::vector<TensorPlace>& places, const ShardedTensors& tensors,
                    std::string_view architecture,
                    const std::function<bool(const std::string& name)>& may_be_ignored) {
  std::set<std::string> known;
  for (const TensorPlace& place : places) {
    known.insert(place.name);
    const ShardedTensors::Found found = tensors.Find(place.name);
    if (found.entry == nullptr) {
      return Fail(
          ErrorCode::kCorrupt,
          "the weights lack the tensor {}: the folder is incomplete or its config.json is another model's",
          place.name);
    }
    if (found.entry->shape != place.shape) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor {} has shape {}, config.json asks for {}",
                  found.file->name(), place.name, ShapeText(found.entry->shape), ShapeText(place.shape));
    }
  }
  for (const std::string& name : tensors.Names()) {
    if (known.contains(name) || may_be_ignored(name)) continue;
    return Fail(ErrorCode::kCorrupt,
                "the weights hold the tensor {}, which {} with this config.json does not have",
                name.substr(0, 80), architecture);
  }
  return {};
}

Status CopyTensors(const std::vector<TensorPlace>& places, const ShardedTensors& tensors) {
  for (const TensorPlace& place : places) {
    const ShardedTensors::Found found = tensors.Find(place.name);
    ALTLAS_TRY_VOID(found.file->CopyTo(*found.entry, place.target->narrow(0, place.row, place.shape[0]))
                        .Context(place.name));
  }
  return {};
}

}  // namespace altlas::model
