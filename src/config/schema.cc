// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "base/json_writer.h"
#include "config/emit.h"
#include "config/format.h"
#include "config/key_spec.h"
#include "config/text_checks.h"

namespace altlas::config {
namespace {

constexpr std::string_view kTimePattern = "^[0-9]+(\\.[0-9]+)? ?(ms|s|m|h|d)$";
constexpr std::string_view kSizePattern = "^[0-9]+(\\.[0-9]+)? ?(B|[KMGT]iB|[KMGT]B)$";

void WriteType(JsonWriter& json, const KeySpec& key);

std::string Description(const KeySpec& key) {
  std::string text = key.sentence;
  if (!key.unit.empty()) text += fmt::format(" Unit: {}.", key.unit);
  if (!key.absent.empty()) text += fmt::format(" Not set: {}.", key.absent);
  if (key.run_time) text += " Can be changed at run time.";
  return text;
}

void WriteRange(JsonWriter& json, const KeySpec& key) {
  if (!key.IsNumber()) return;
  json.Key("minimum").Double(key.minimum).Key("maximum").Double(key.maximum);
}

// `names` of JSON types; a second one where the key may be null.
void WriteTypeName(JsonWriter& json, const KeySpec& key, std::string_view name) {
  json.Key("type");
  if (!key.optional) {
    json.String(name);
    return;
  }
  json.BeginArray().String(name).String("null").EndArray();
}

// A number, or a text with a unit.
void WriteQuantity(JsonWriter& json, const KeySpec& key) {
  json.Key("anyOf").BeginArray().BeginObject().Key("type").String("number");
  WriteRange(json, key);
  json.EndObject().BeginObject().Key("type").String("string").Key("pattern");
  json.String(key.type == KeyType::kSeconds ? kTimePattern : kSizePattern).EndObject();
  if (key.optional) json.BeginObject().Key("type").String("null").EndObject();
  json.EndArray();
}

void WriteProperties(JsonWriter& json, const KeySpec& section) {
  json.Key("additionalProperties").Bool(false).Key("properties").BeginObject();
  for (const auto& child : section.children) {
    json.Key(child.name).BeginObject();
    WriteType(json, child);
    json.EndObject();
  }
  json.EndObject();
}

void WriteItem(JsonWriter& json, const KeySpec& objects) {
  json.Key("items").BeginObject().Key("type").String("object");
  WriteProperties(json, objects);
  json.Key("required").BeginArray();
  for (const auto& child : objects.children) {
    if (child.required) json.String(child.name);
  }
  json.EndArray().EndObject();
}

// A list, map or section may stand empty, which YAML reads as null.
void WriteContainer(JsonWriter& json, const KeySpec& key) {
  const bool map = key.type == KeyType::kMap || key.type == KeyType::kSection;
  json.Key("type");
  if (key.min_items == 0 || key.optional) {
    json.BeginArray().String(map ? "object" : "array").String("null").EndArray();
  } else {
    json.String(map ? "object" : "array");
  }
  if (key.type == KeyType::kSection) {
    WriteProperties(json, key);
    return;
  }
  json.Key(map ? "minProperties" : "minItems").Unsigned(key.min_items);
  json.Key(map ? "maxProperties" : "maxItems").Unsigned(key.max_items);
  if (key.type == KeyType::kObjects) {
    WriteItem(json, key);
    return;
  }
  if (!map) json.Key("uniqueItems").Bool(true);
  json.Key(map ? "additionalProperties" : "items").BeginObject();
  WriteType(json, key.children.front());
  json.EndObject();
}

// What the checks in code demand, as far as a pattern can say it.
void WritePattern(JsonWriter& json, const KeySpec& key) {
  if (key.check == CheckEndpoint) json.Key("pattern").String("^/[A-Za-z0-9/_.-]+$");
  if (key.check == CheckModelName) json.Key("pattern").String("^[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,127}$");
}

void WriteType(JsonWriter& json, const KeySpec& key) {
  if (!key.sentence.empty()) json.Key("description").String(Description(key));
  switch (key.type) {
    case KeyType::kBool:
      WriteTypeName(json, key, "boolean");
      break;
    case KeyType::kInt:
      WriteTypeName(json, key, "integer");
      WriteRange(json, key);
      break;
    case KeyType::kFloat:
      WriteTypeName(json, key, "number");
      WriteRange(json, key);
      break;
    case KeyType::kChoice:
      json.Key("enum").BeginArray();
      for (const auto& choice : key.choices) json.String(choice);
      if (key.optional) json.Null();
      json.EndArray();
      break;
    case KeyType::kSeconds:
    case KeyType::kBytes:
      WriteQuantity(json, key);
      break;
    case KeyType::kText:
    case KeyType::kPath:
      WriteTypeName(json, key, "string");
      json.Key("minLength").Int(1);
      WritePattern(json, key);
      break;
    default:
      WriteContainer(json, key);
  }
}

// The defaults go in last, found by walking the table and the default configuration together.
void WriteSectionSchema(JsonWriter& json, const KeySpec& section, const void* owner) {
  json.Key("type").BeginArray().String("object").String("null").EndArray();
  json.Key("additionalProperties").Bool(false).Key("properties").BeginObject();
  for (const auto& child : section.children) {
    json.Key(child.name).BeginObject();
    if (child.type == KeyType::kSection) {
      json.Key("description").String(child.sentence);
      WriteSectionSchema(json, child, child.member(const_cast<void*>(owner)));
    } else {
      WriteType(json, child);
      WriteJson(json.Key("default"), child, child.load(owner));
    }
    json.EndObject();
  }
  json.EndObject();
}

// The same JSON with line breaks and two spaces a level. Requires valid compact JSON.
std::string Indented(std::string_view compact) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] { out.append("\n").append(2 * depth, ' '); };
  for (std::size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += compact[++i];
      if (c == '"') in_string = false;
      continue;
    }
    const bool opens = c == '{' || c == '[';
    const bool empty = opens && i + 1 < compact.size() && (compact[i + 1] == '}' || compact[i + 1] == ']');
    if (empty) {
      out.append(compact.substr(i, 2));
      ++i;
      continue;
    }
    if (c == '}' || c == ']') {
      --depth;
      new_line();
    }
    out += c;
    if (c == '"') in_string = true;
    if (c == ':') out += ' ';
    if (opens) ++depth;
    if (opens || c == ',') new_line();
  }
  return out;
}

}  // namespace

std::string FormatJsonSchema() {
  const Config defaults;
  JsonWriter json;
  json.BeginObject()
      .Key("$schema")
      .String("https://json-schema.org/draft/2020-12/schema")
      .Key("title")
      .String("alt_las configuration")
      .Key("description")
      .String(KeyTable().sentence);
  WriteSectionSchema(json, KeyTable(), &defaults);
  json.EndObject();
  return Indented(json.text()) + "\n";
}

}  // namespace altlas::config
