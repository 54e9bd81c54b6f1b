// SPDX-License-Identifier: Apache-2.0
#include "worker/model/folder.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "worker/model/config_fields.h"
#include "worker/model/json_strict.h"

namespace altlas::model {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

}  // namespace

Result<FolderTexts> ReadFolderTexts(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return Fail(ErrorCode::kNotFound, "there is no model folder {}: give the path of a Hugging Face folder",
                folder.string());
  }
  auto config = ReadFile(folder / "config.json", kMaxConfigBytes);
  if (!config.has_value() && config.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound,
                "{} is missing: a model is a Hugging Face folder with config.json, model.safetensors and "
                "tokenizer.json",
                (folder / "config.json").string());
  }
  if (!config.has_value()) return std::move(config).error();
  FolderTexts texts{std::move(*config), {}};
  if (std::filesystem::exists(folder / "generation_config.json", ignored)) {
    ALTLAS_TRY(texts.generation, ReadFile(folder / "generation_config.json", kMaxConfigBytes));
  }
  return texts;
}

Result<Family> FamilyOf(const std::filesystem::path& folder) {
  ALTLAS_TRY(const FolderTexts texts, ReadFolderTexts(folder));
  ALTLAS_TRY(const auto json,
             ParseJsonStrict(texts.config, "config.json").Context("model folder " + folder.string()));
  const auto type = json.find("model_type");
  if (type != json.end() && type->is_string()) return *type == "bert" ? Family::kBert : Family::kLlama;
  const nlohmann::json* list = FindField(json, "architectures");
  const bool named = list != nullptr && list->is_array() && !list->empty() && list->front().is_string();
  return named && list->front().get<std::string>().starts_with("Bert") ? Family::kBert : Family::kLlama;
}

std::string NameOf(const std::filesystem::path& folder, const LoadOptions& options) {
  return !options.name.empty() ? options.name : std::filesystem::weakly_canonical(folder).filename().string();
}

}  // namespace altlas::model
