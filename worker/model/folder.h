// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>

#include "base/result.h"
#include "worker/model/load.h"

namespace altlas::model {

// What families serve. A new family adds itself here.
enum class Family {
  kLlama,  // a LanguageModel (load.h)
  kBert    // an EmbeddingModel (embedding_model.h)
};

struct FolderTexts {
  std::string config;      // config.json
  std::string generation;  // generation_config.json; empty: not there
};

// The JSON files of a model folder that say what it is. Blocks. kNotFound, saying what a model folder holds;
// kTooLarge past 1 MiB a file.
Result<FolderTexts> ReadFolderTexts(const std::filesystem::path& folder);

// The family that config.json names by model_type or architectures; kLlama for whatever no other family
// claims, so that its reader refuses it by name. Blocks. Errors: ReadFolderTexts's, kCorrupt.
Result<Family> FamilyOf(const std::filesystem::path& folder);

// The name that the loader was told, else the folder's last part.
std::string NameOf(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace altlas::model
