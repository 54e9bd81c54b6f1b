// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/named_shapes.h"

#include <algorithm>

#include "worker/model/bert_weights.h"

namespace altlas::bench {
namespace {

struct LlamaSizes {
  const char* name;
  std::int64_t vocab, hidden, inner, layers, heads, kv_heads, context;
  double theta;
  bool tied;
};
// llama-1b and llama-8b: the sizes of Llama 3.2 1B and Llama 3.1 8B; llama-7b: of Llama 2 7B; llama-110m: of
// the models trained on TinyStories at 110 million parameters.
constexpr LlamaSizes kLlamas[] = {
    {"llama-tiny", 512, 64, 192, 2, 4, 2, 512, 10'000, true},
    {"llama-110m", 32'000, 768, 2048, 12, 12, 12, 1024, 10'000, true},
    {"llama-1b", 128'256, 2048, 8192, 16, 32, 8, 131'072, 500'000, true},
    {"llama-7b", 32'000, 4096, 11'008, 32, 32, 32, 4096, 10'000, false},
    {"llama-8b", 128'256, 4096, 14'336, 32, 32, 8, 131'072, 500'000, false},
};

model::LlamaConfig ConfigOf(const LlamaSizes& sizes) {
  model::LlamaConfig config;
  config.architecture = "LlamaForCausalLM";
  config.vocab_size = sizes.vocab;
  config.hidden_size = sizes.hidden;
  config.intermediate_size = sizes.inner;
  config.layers = sizes.layers;
  config.heads = sizes.heads;
  config.kv_heads = sizes.kv_heads;
  config.head_dim = sizes.hidden / sizes.heads;
  config.max_positions = sizes.context;
  config.context_length = sizes.context;
  config.rms_norm_eps = 1e-5;
  config.rope.theta = sizes.theta;
  config.tie_embeddings = sizes.tied;
  config.layer_windows.assign(static_cast<std::size_t>(sizes.layers), 0);
  config.bos_ids = {1};
  config.eos_ids = {2};
  return config;
}

model::BertConfig BertTiny() {
  model::BertConfig config = model::BertBase();
  config.vocab_size = 512;
  config.hidden_size = 64;
  config.intermediate_size = 256;
  config.layers = 2;
  config.heads = 2;
  return config;
}

template <typename Weights>
std::int64_t CountParameters(Weights weights) {
  std::int64_t count = 0;
  for (const at::Tensor* one : weights.Parameters()) count += one->numel();
  return count;
}

}  // namespace

std::optional<NamedShape> FindShape(std::string_view name) {
  if (name == "bert-base") return NamedShape{"bert-base", model::BertBase()};
  if (name == "bert-tiny") return NamedShape{"bert-tiny", BertTiny()};
  for (const auto& sizes : kLlamas) {
    if (name == sizes.name) return NamedShape{sizes.name, ConfigOf(sizes)};
  }
  return std::nullopt;
}

std::vector<std::string> ShapeNames() {
  std::vector<std::string> names = {"bert-base", "bert-tiny"};
  for (const auto& sizes : kLlamas) names.emplace_back(sizes.name);
  return names;
}

Result<ModelChoice> ChooseModel(const std::string& model) {
  std::error_code error;
  const std::filesystem::path folder = model;
  const bool is_folder = std::filesystem::is_directory(folder, error);
  const bool is_denied = error == std::errc::permission_denied;
  if (is_folder && std::filesystem::exists(folder / "config.json", error))
    return ModelChoice{folder, std::nullopt};
  if (is_denied || error == std::errc::permission_denied)
    return Fail(ErrorCode::kDenied, "the model folder {} cannot be read: permission denied", model);
  if (auto shape = FindShape(model)) return ModelChoice{{}, std::move(shape)};
  if (is_folder)
    return Fail(ErrorCode::kNotFound, "{} holds no config.json: --model wants a Hugging Face model folder",
                model);
  std::string names;
  for (const auto& name : ShapeNames()) names += (names.empty() ? "" : ", ") + name;
  return Fail(
      ErrorCode::kNotFound,
      "there is no model folder {}, and no built-in shape of that name: give the path of a Hugging Face "
      "folder, or one of {}",
      model, names);
}

std::int64_t ParametersOf(const NamedShape& shape) {
  const auto meta = at::TensorOptions().device(at::kMeta);
  if (const auto* llama = std::get_if<model::LlamaConfig>(&shape.config))
    return CountParameters(model::AllocateLlama(*llama, meta));
  return CountParameters(model::AllocateBert(std::get<model::BertConfig>(shape.config), meta));
}

}  // namespace altlas::bench
