// SPDX-License-Identifier: Apache-2.0
#include "worker/model/load.h"

#include <set>

#include "base/file.h"
#include "worker/model/llama_model.h"
#include "worker/model/safetensors.h"

namespace altlas::model {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

std::string ShapeText(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

// Some writers keep tables that follow from the config, or the head beside the embedding that it is tied to.
bool MayBeIgnored(const std::string& name, const LlamaConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") || (config.tie_embeddings && name == "lm_head.weight");
}

// Holds the file's tensors against what the config asks for, before any memory is taken for them.
Status CheckTensors(const LlamaConfig& config, const ShardedTensors& tensors) {
  LlamaWeights shapes = AllocateLlama(config, at::TensorOptions().device(at::kMeta));
  std::set<std::string> known;
  for (const LlamaTensorPlace& place : LlamaTensorPlaces(config, shapes)) {
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
    if (known.contains(name) || MayBeIgnored(name, config)) continue;
    return Fail(ErrorCode::kCorrupt,
                "the weights hold the tensor {}, which {} with this config.json does not have",
                name.substr(0, 80), config.architecture);
  }
  return {};
}

Status CopyTensors(const LlamaConfig& config, const ShardedTensors& tensors, LlamaWeights& weights) {
  for (const LlamaTensorPlace& place : LlamaTensorPlaces(config, weights)) {
    const ShardedTensors::Found found = tensors.Find(place.name);
    ALTLAS_TRY_VOID(found.file->CopyTo(*found.entry, place.target->narrow(0, place.row, place.shape[0]))
                        .Context(place.name));
  }
  return {};
}

Result<std::string> ReadConfig(const std::filesystem::path& path) {
  Result<std::string> text = ReadFile(path, kMaxConfigBytes);
  if (!text.has_value() && text.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound,
                "{} is missing: a model is a Hugging Face folder with config.json, model.safetensors and "
                "tokenizer.json",
                path.string());
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<LlamaModel>> LlamaModel::Load(const std::filesystem::path& folder,
                                                     const LoadOptions& options, const CpuKernels* kernels) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return Fail(ErrorCode::kNotFound, "there is no model folder {}: give the path of a Hugging Face folder",
                folder.string());
  }
  const std::string where = "model folder " + folder.string();
  ALTLAS_TRY(const std::string config_text, ReadConfig(folder / "config.json"));
  std::string generation_text;
  if (std::filesystem::exists(folder / "generation_config.json", ignored)) {
    ALTLAS_TRY(generation_text, ReadFile(folder / "generation_config.json", kMaxConfigBytes));
  }
  ALTLAS_TRY(LlamaConfig config, ParseLlamaConfig(config_text, generation_text).Context(where));
  try {
    ALTLAS_TRY(const ShardedTensors tensors, ShardedTensors::Open(folder).Context(where));
    ALTLAS_TRY_VOID(CheckTensors(config, tensors).Context(where));
    const at::ScalarType dtype = options.dtype.value_or(options.device.is_cpu() ? at::kFloat : config.dtype);
    LlamaWeights weights = AllocateLlama(config, at::TensorOptions().dtype(dtype).device(options.device));
    ALTLAS_TRY_VOID(CopyTensors(config, tensors, weights).Context(where));
    const std::string name =
        !options.name.empty() ? options.name : std::filesystem::weakly_canonical(folder).filename().string();
    return std::make_unique<LlamaModel>(std::move(config), std::move(weights), name, kernels);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "{}: loading failed: {}", where, error.what());
  }
}

Result<std::unique_ptr<LanguageModel>> LoadLanguageModel(const std::filesystem::path& folder,
                                                         const LoadOptions& options) {
  ALTLAS_TRY(std::unique_ptr<LlamaModel> model, LlamaModel::Load(folder, options));
  return std::unique_ptr<LanguageModel>(std::move(model));
}

}  // namespace altlas::model
