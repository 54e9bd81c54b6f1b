// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/request_json.h"

#include "base/utf8.h"

namespace altlas::serve {

Result<nlohmann::json> ParseRequestObject(std::string_view json) {
  // The parser recurses with the nesting; the object needs two levels.
  constexpr int kMaxDepth = 8;
  const auto depth_guard = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxDepth) throw std::length_error("nested too deeply");
    return true;
  };
  try {
    auto object = nlohmann::json::parse(json.begin(), json.end(), depth_guard);
    if (!object.is_object())
      return Fail(ErrorCode::kInvalidArgument, "the request is {}, not an object", object.type_name());
    return object;
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidArgument, "the request is not valid JSON: {}",
                ReplaceInvalidUtf8(error.what()));
  }
}

const nlohmann::json* FindRequestField(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string> ReadRequestText(const nlohmann::json& object) {
  const nlohmann::json* text = FindRequestField(object, "text");
  if (text == nullptr) return FailField("text", "text is missing; it holds the prompt");
  if (!text->is_string()) return FailField("text", "text is {}; it must be a string", text->type_name());
  return text->get<std::string>();
}

Result<std::optional<bool>> ReadRequestFlag(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = FindRequestField(object, key);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean())
    return FailField(key, "{} is {}; it must be true or false", key, value->type_name());
  return std::optional<bool>(value->get<bool>());
}

}  // namespace altlas::serve
