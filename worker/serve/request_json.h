// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::serve {

// What the requests of all task types share. Null counts as absent, as everywhere in the interface. Errors:
// kInvalidArgument with the field at fault. Pure.

// The JSON object of a lease's request.
Result<nlohmann::json> ParseRequestObject(std::string_view json);
// Null where the field is absent or null.
const nlohmann::json* FindRequestField(const nlohmann::json& object, const char* key);
// "text", which must be there.
Result<std::string> ReadRequestText(const nlohmann::json& object);
Result<std::optional<bool>> ReadRequestFlag(const nlohmann::json& object, const char* key);

}  // namespace altlas::serve
