// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace altlas::config {

struct NamedValue;

// A value of the configuration without its C++ type: what the table's keys are read into, compared as and
// printed from. Durations are seconds (double), sizes bytes (int64), enumerators and paths text; monostate is
// an optional key not set.
struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<NamedValue>;  // names are unique
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data;

  bool IsNull() const { return std::holds_alternative<std::monostate>(data); }
  bool AsBool() const { return std::get<bool>(data); }
  std::int64_t AsInt() const { return std::get<std::int64_t>(data); }
  double AsDouble() const { return std::get<double>(data); }
  const std::string& AsText() const { return std::get<std::string>(data); }
  const List& AsList() const { return std::get<List>(data); }
  const Map& AsMap() const { return std::get<Map>(data); }
  bool operator==(const Value& other) const;
};

struct NamedValue {
  std::string name;
  Value value;
  bool operator==(const NamedValue& other) const = default;
};

inline bool Value::operator==(const Value& other) const { return data == other.data; }

}  // namespace altlas::config
