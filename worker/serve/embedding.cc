// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/embedding.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/json_writer.h"
#include "worker/serve/request_json.h"

namespace altlas::serve {

Result<EmbeddingRequest> ParseEmbeddingRequest(std::string_view json) {
  ALTLAS_TRY(const auto object, ParseRequestObject(json));
  EmbeddingRequest request;
  ALTLAS_TRY(request.text, ReadRequestText(object));
  ALTLAS_TRY(request.normalize, ReadRequestFlag(object, "normalize"));
  ALTLAS_TRY(const auto truncate, ReadRequestFlag(object, "truncate"));
  request.truncate = truncate.value_or(false);
  return request;
}

std::string FormatEmbedding(const EmbeddingResult& result) {
  std::string list = "[";
  std::array<char, 32> digits;
  for (const float value : result.embedding) {
    if (list.size() > 1) list += ',';
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    list.append(digits.data(), end);
  }
  list += ']';
  JsonWriter writer;
  writer.BeginObject().Key("embedding").Raw(list);
  writer.Key("dimensions").Unsigned(result.embedding.size());
  writer.Key("tokens").Int(result.tokens).Key("truncated").Bool(result.truncated).EndObject();
  return writer.Take();
}

void NormalizeVector(std::vector<float>& vector) {
  double square = 0;
  for (const float value : vector) square += static_cast<double>(value) * value;
  if (square == 0) return;
  const double scale = 1 / std::sqrt(square);
  for (float& value : vector) value = static_cast<float>(value * scale);
}

}  // namespace altlas::serve
