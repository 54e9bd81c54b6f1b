// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "base/result.h"
#include "worker/model/language_model.h"

namespace altlas::model {

struct LoadOptions {
  std::string name;  // empty: the folder's last part
  std::optional<at::ScalarType>
      dtype;  // kFloat, kBFloat16 or kHalf; none: float32 on a CPU, the folder's own elsewhere
  at::Device device = at::kCPU;
};

// Loads a Hugging Face folder (config.json, model.safetensors or its shards, generation_config.json if there
// is one) of the families in docs/guide/models.md. Weights are mapped, checked against the config and cast
// once to the dtype. The folder may be hostile: nothing outside it is read, and no length is believed before
// it is checked. Blocks for as long as reading takes. Errors, one clear sentence that names the file and the
// fix: kNotFound (folder or file missing), kUnsupported (another architecture, dtype or option), kCorrupt (a
// file that breaks its format or does not fit the config), kUnavailable (memory).
Result<std::unique_ptr<LanguageModel>> LoadLanguageModel(const std::filesystem::path& folder,
                                                         const LoadOptions& options = {});

// "float32", "bfloat16", "float16" and the short forms "fp32", "bf16", "fp16".
Result<at::ScalarType> ParseDtype(std::string_view name);
std::string_view DtypeName(at::ScalarType dtype);

}  // namespace altlas::model
