// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/load.h"

// The table and the effective values, printed. All pure; every text ends with a newline.
namespace altlas::config {

// JSON Schema (draft 2020-12) of the file, for editors and checkers.
std::string FormatJsonSchema();

// The reference page, docs/reference/configuration.md (Markdown).
std::string FormatReference();

// Every key with its value; each line ends in a comment that says where the value came from. Reads back as a
// configuration.
std::string FormatEffectiveYaml(const LoadedConfig& loaded);

// {"file", "runtime_file", "config": {nested as in the file}, "origins": {"gpu.enabled": {"origin",
// "persisted", "line"}}}
std::string FormatEffectiveJson(const LoadedConfig& loaded);

}  // namespace altlas::config
