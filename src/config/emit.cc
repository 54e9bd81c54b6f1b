// SPDX-License-Identifier: Apache-2.0
#include "config/emit.h"

#include <fmt/format.h>

#include "config/scalar.h"

namespace altlas::config {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+@";

// A float shows that it is one: 7.0.
std::string FloatText(double number) {
  auto text = FormatNumber(number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string FlowList(const KeySpec& key, const Value::List& list) {
  std::string text = "[";
  for (const auto& item : list) {
    if (text.size() > 1) text += ", ";
    text += YamlText(key, item);
  }
  return text + "]";
}

// The keys of an item that are set.
std::string FlowItem(const KeySpec& objects, const Value::Map& item) {
  std::string text = "{";
  for (const auto& [name, value] : item) {
    if (value.IsNull()) continue;
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}: {}", name, YamlText(*objects.Find(name), value));
  }
  return text + "}";
}

void EmitSection(const KeySpec& section, const std::string& indent, const LeafWriter& leaf,
                 std::string& out) {
  for (const auto& child : section.children) {
    if (child.type != KeyType::kSection) {
      leaf(child, indent, out);
      continue;
    }
    std::string inside;
    EmitSection(child, indent + "  ", leaf, inside);
    if (!inside.empty()) out += fmt::format("{}{}:\n{}", indent, child.name, inside);
  }
}

}  // namespace

std::string YamlScalar(const std::string& text) {
  const bool plain = !text.empty() && (kLetters.find(text[0]) != std::string_view::npos || text[0] == '/') &&
                     text.find_first_not_of(kPlain) == std::string::npos && !LooksLikeOtherType(text);
  if (plain) return text;
  std::string quoted;
  AppendJsonString(quoted, text);
  return quoted;
}

std::string YamlText(const KeySpec& key, const Value& value) {
  if (value.IsNull()) return "null";
  switch (key.type) {
    case KeyType::kBool:
      return value.AsBool() ? "true" : "false";
    case KeyType::kInt:
    case KeyType::kBytes:
      return fmt::format("{}", value.AsInt());
    case KeyType::kFloat:
      return FloatText(value.AsDouble());
    case KeyType::kSeconds:
      return FormatNumber(value.AsDouble());
    case KeyType::kList:
      return FlowList(key.children.front(), value.AsList());
    case KeyType::kMap: {
      std::string text = "{";
      for (const auto& [name, item] : value.AsMap()) {
        if (text.size() > 1) text += ", ";
        text += fmt::format("{}: {}", YamlScalar(name), YamlText(key.children.front(), item));
      }
      return text + "}";
    }
    case KeyType::kObjects: {
      std::string text = "[";
      for (const auto& item : value.AsList()) {
        if (text.size() > 1) text += ", ";
        text += FlowItem(key, item.AsMap());
      }
      return text + "]";
    }
    default:
      return YamlScalar(value.AsText());
  }
}

void WriteJson(JsonWriter& json, const KeySpec& key, const Value& value) {
  if (value.IsNull()) {
    json.Null();
    return;
  }
  switch (key.type) {
    case KeyType::kBool:
      json.Bool(value.AsBool());
      break;
    case KeyType::kInt:
    case KeyType::kBytes:
      json.Int(value.AsInt());
      break;
    case KeyType::kFloat:
    case KeyType::kSeconds:
      json.Double(value.AsDouble());
      break;
    case KeyType::kList:
      json.BeginArray();
      for (const auto& item : value.AsList()) WriteJson(json, key.children.front(), item);
      json.EndArray();
      break;
    case KeyType::kMap:
      json.BeginObject();
      for (const auto& [name, item] : value.AsMap()) WriteJson(json.Key(name), key.children.front(), item);
      json.EndObject();
      break;
    case KeyType::kObjects:
      json.BeginArray();
      for (const auto& item : value.AsList()) {
        json.BeginObject();
        for (const auto& [name, field] : item.AsMap()) WriteJson(json.Key(name), *key.Find(name), field);
        json.EndObject();
      }
      json.EndArray();
      break;
    default:
      json.String(value.AsText());
  }
}

void EmitSections(const LeafWriter& leaf, std::string& out) { EmitSection(KeyTable(), "", leaf, out); }

}  // namespace altlas::config
