// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::text {

// A JSON object with the path that leads to it ("model.vocab"), read field by field: a wrong type is an error
// that names the path. Borrows the value. Included by the readers of tokenizer.json alone (nlohmann is costly
// to compile).
class Fields {
 public:
  using Json = nlohmann::json;

  // kCorrupt where `value` is no object.
  static Result<Fields> Of(const Json& value, std::string path);

  const std::string& path() const { return path_; }
  // Null where the field is absent or null.
  const Json* Find(const char* name) const;
  Result<const Json*> Array(const char* name) const;
  Result<Fields> Object(const char* name) const;
  Result<bool> Bool(const char* name, std::optional<bool> absent = {}) const;
  Result<std::string> String(const char* name, std::optional<std::string> absent = {}) const;
  // At most `limit`.
  Result<std::uint32_t> Number(const char* name, std::uint32_t limit) const;
  // A string of exactly one code point.
  Result<char32_t> Character(const char* name) const;

  Error Wrong(std::string_view name, std::string_view wanted) const;
  std::string PathOf(std::string_view name) const;

 private:
  Fields(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}
  const Json* value_;
  std::string path_;
};

// A number of a JSON value, at most `limit`; nothing for another type or a larger one.
std::optional<std::uint32_t> SmallNumber(const nlohmann::json& value, std::uint32_t limit);

}  // namespace altlas::text
