// SPDX-License-Identifier: Apache-2.0
#include "worker/model/config_fields.h"

#include <nlohmann/json.hpp>

namespace altlas::model {

const nlohmann::json* FindField(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::int64_t> SizeField(const nlohmann::json& object, const char* name, std::int64_t limit,
                               std::optional<std::int64_t> fallback) {
  const nlohmann::json* value = FindField(object, name);
  if (value == nullptr) {
    if (fallback) return *fallback;
    return Fail(ErrorCode::kCorrupt, "config.json lacks {}", name);
  }
  const bool whole =
      value->is_number_integer() && !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
  if (!whole || value->get<std::int64_t>() < 1 || value->get<std::int64_t>() > limit) {
    return Fail(ErrorCode::kCorrupt, "config.json: {} is {}, it must be a whole number from 1 to {}", name,
                value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 40), limit);
  }
  return value->get<std::int64_t>();
}

Result<double> NumberField(const nlohmann::json& object, const char* name, double low, double high,
                           double fallback, std::string_view file) {
  const nlohmann::json* value = FindField(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
    return Fail(ErrorCode::kCorrupt, "{}: {} is {}, it must be a number from {} to {}", file, name,
                value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 40), low,
                high);
  }
  return value->get<double>();
}

Result<bool> FlagField(const nlohmann::json& object, const char* name, bool fallback) {
  const nlohmann::json* value = FindField(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return Fail(ErrorCode::kCorrupt, "config.json: {} must be true or false", name);
  return value->get<bool>();
}

Result<std::string> TextField(const nlohmann::json& object, const char* name, std::string fallback) {
  const nlohmann::json* value = FindField(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return Fail(ErrorCode::kCorrupt, "config.json: {} must be a string", name);
  return value->get<std::string>();
}

}  // namespace altlas::model
