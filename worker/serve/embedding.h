// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace altlas::serve {

// One embedding request, as the gateway has validated and completed it.
struct EmbeddingRequest {
  std::string text;
  std::optional<bool> normalize;  // to length 1; absent: as the model's folder says
  bool truncate = false;          // a text past the context is cut instead of failing
};

struct EmbeddingResult {
  std::vector<float> embedding;
  std::int64_t tokens = 0;  // of the text as computed, those of the template included
  bool truncated = false;
};

// The request of a lease of type embedding. kInvalidArgument with the field at fault for JSON that the
// gateway would not have let through. Fields it does not know are ignored. Pure.
Result<EmbeddingRequest> ParseEmbeddingRequest(std::string_view json);

// The result object of a task as JSON: embedding (each value in the shortest form that reads back as the same
// float), dimensions, tokens, truncated. Pure.
std::string FormatEmbedding(const EmbeddingResult& result);

// Divides the vector by its length; one of length 0 stays as it is. In double, so that no square overflows.
void NormalizeVector(std::vector<float>& vector);

}  // namespace altlas::serve
