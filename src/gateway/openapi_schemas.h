// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

namespace altlas::gateway {

// The schemas of the OpenAPI document: one JSON object, name -> schema.
std::string_view OpenApiSchemas();

}  // namespace altlas::gateway
