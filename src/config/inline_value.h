// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace altlas::config {

// One key and its value as YAML or JSON, from the command line or a request.
struct InlineValue {
  std::string_view key;
  std::string_view value;
  std::string source;
  OriginKind kind;
};
// Reads it over `reader`'s configuration, which is `loaded`'s. What is wrong with it has no line and column.
void ReadInline(const InlineValue& given, Reader& reader, LoadedConfig& loaded, std::vector<Problem>& errors);

}  // namespace altlas::config
