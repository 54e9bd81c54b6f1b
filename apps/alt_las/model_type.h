// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string_view>

namespace altlas::app {

// The task type that a model folder's family serves, by model_type or architectures of its config.json, as
// the worker tells families apart (worker/model/folder.h): embedding for BERT, text_generation for any other
// that has such a file, so that the worker refuses by name what it does not know. Nothing where the folder or
// its file cannot be read: the worker says what is wrong. Blocks shortly.
std::optional<std::string_view> TypeOfFolder(const std::filesystem::path& folder);

}  // namespace altlas::app
