// SPDX-License-Identifier: Apache-2.0
#include "worker/model/load.h"

#include "worker/model/folder.h"
#include "worker/model/llama_model.h"
#include "worker/model/tensor_places.h"

namespace altlas::model {
namespace {

// Some writers keep tables that follow from the config, or the head beside the embedding that it is tied to.
bool MayBeIgnored(const std::string& name, const LlamaConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") || (config.tie_embeddings && name == "lm_head.weight");
}

}  // namespace

Result<std::unique_ptr<LlamaModel>> LlamaModel::Load(const std::filesystem::path& folder,
                                                     const LoadOptions& options, const CpuKernels* kernels) {
  ALTLAS_TRY(const FolderTexts texts, ReadFolderTexts(folder));
  const std::string where = "model folder " + folder.string();
  ALTLAS_TRY(LlamaConfig config, ParseLlamaConfig(texts.config, texts.generation).Context(where));
  try {
    ALTLAS_TRY(const ShardedTensors tensors, ShardedTensors::Open(folder).Context(where));
    LlamaWeights shapes = AllocateLlama(config, at::TensorOptions().device(at::kMeta));
    const auto ignored = [&](const std::string& name) { return MayBeIgnored(name, config); };
    ALTLAS_TRY_VOID(CheckTensors(LlamaTensorPlaces(config, shapes), tensors, config.architecture, ignored)
                        .Context(where));
    const at::ScalarType dtype = options.dtype.value_or(options.device.is_cpu() ? at::kFloat : config.dtype);
    LlamaWeights weights = AllocateLlama(config, at::TensorOptions().dtype(dtype).device(options.device));
    ALTLAS_TRY_VOID(CopyTensors(LlamaTensorPlaces(config, weights), tensors).Context(where));
    return std::make_unique<LlamaModel>(std::move(config), std::move(weights), NameOf(folder, options),
                                        kernels);
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
