// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "worker/model/bert_config.h"
#include "worker/model/llama_config.h"
#include "worker/model/llama_weights.h"

namespace altlas::bench {

// Sizes of well-known models, for measurements that need no download: with random weights they take the time
// and the memory of the real ones.
struct NamedShape {
  std::string name;
  std::variant<model::LlamaConfig, model::BertConfig> config;
};
std::optional<NamedShape> FindShape(std::string_view name);
std::vector<std::string> ShapeNames();

// What --model means: a folder where `model` is one that holds a config.json, else a shape. kNotFound names
// both ways.
struct ModelChoice {
  std::filesystem::path folder;  // empty: the shape
  std::optional<NamedShape> shape;
};
Result<ModelChoice> ChooseModel(const std::string& model);

// Parameters of the shape, without allocating them.
std::int64_t ParametersOf(const NamedShape& shape);

// Weights of the shape: matrices uniform with deviation 0.02, vectors ones and zeros. Same seed, same values
// whatever the number of threads. kUnavailable without memory.
Result<model::LlamaWeights> RandomLlama(const model::LlamaConfig& config, std::uint64_t seed,
                                        const at::TensorOptions& options);

// Writes the shape with random weights of `dtype` as a Hugging Face folder without a tokenizer. Blocks on the
// disk. kStorageFull where the disk has not the room.
Status WriteRandomFolder(const NamedShape& shape, std::uint64_t seed, at::ScalarType dtype,
                         const std::filesystem::path& folder);

}  // namespace altlas::bench
