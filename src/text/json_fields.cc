// SPDX-License-Identifier: Apache-2.0
#include "text/json_fields.h"

#include "text/unicode.h"

namespace altlas::text {

Result<Fields> Fields::Of(const Json& value, std::string path) {
  if (!value.is_object())
    return Fail(ErrorCode::kCorrupt, "{} must be an object, not {}", path, value.type_name());
  return Fields(value, std::move(path));
}

std::string Fields::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

Error Fields::Wrong(std::string_view name, std::string_view wanted) const {
  const auto found = value_->find(std::string(name));
  const std::string_view type = found == value_->end() ? "absent" : std::string_view(found->type_name());
  return Fail(ErrorCode::kCorrupt, "{} must be {}, and is {}", PathOf(name), wanted, type);
}

const Fields::Json* Fields::Find(const char* name) const {
  const auto found = value_->find(name);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

Result<const Fields::Json*> Fields::Array(const char* name) const {
  const auto* value = Find(name);
  if (value == nullptr || !value->is_array()) return Wrong(name, "an array");
  return value;
}

Result<Fields> Fields::Object(const char* name) const {
  const auto* value = Find(name);
  if (value == nullptr || !value->is_object()) return Wrong(name, "an object");
  return Fields(*value, PathOf(name));
}

Result<bool> Fields::Bool(const char* name, std::optional<bool> absent) const {
  const auto* value = Find(name);
  if (value == nullptr && absent) return *absent;
  if (value == nullptr || !value->is_boolean()) return Wrong(name, "true or false");
  return value->get<bool>();
}

Result<std::string> Fields::String(const char* name, std::optional<std::string> absent) const {
  const auto* value = Find(name);
  if (value == nullptr && absent) return std::move(*absent);
  if (value == nullptr || !value->is_string()) return Wrong(name, "a string");
  return value->get<std::string>();
}

Result<std::uint32_t> Fields::Number(const char* name, std::uint32_t limit) const {
  const auto* value = Find(name);
  const auto number = value == nullptr ? std::nullopt : SmallNumber(*value, limit);
  if (!number) return Wrong(name, fmt::format("a whole number from 0 to {}", limit));
  return *number;
}

Result<char32_t> Fields::Character(const char* name) const {
  ALTLAS_TRY(const std::string text, String(name));
  std::size_t at = 0;
  const char32_t c = text.empty() ? 0 : NextChar(text, at);
  if (text.empty() || at != text.size()) return Wrong(name, "a string of one character");
  return c;
}

std::optional<std::uint32_t> SmallNumber(const nlohmann::json& value, std::uint32_t limit) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > limit) return {};
  return static_cast<std::uint32_t>(value.get<std::uint64_t>());
}

}  // namespace altlas::text
