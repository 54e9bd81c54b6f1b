// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace altlas::model {

// Parses a JSON object of a model folder. Refuses duplicate keys at any depth, nesting past 32 and anything
// after the object. `what` names the file in errors (kCorrupt).
Result<nlohmann::json> ParseJsonStrict(std::string_view text, std::string_view what);

}  // namespace altlas::model
