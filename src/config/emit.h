// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>

#include "base/json_writer.h"
#include "config/key_spec.h"

// Values as text. Pure.
namespace altlas::config {

// On one line, lists and maps in the flow form; what the reader reads back to the same value.
std::string YamlText(const KeySpec& key, const Value& value);
// A text as a YAML scalar: plain where every reader takes it for a text, else in quotes.
std::string YamlScalar(const std::string& text);

void WriteJson(JsonWriter& json, const KeySpec& key, const Value& value);

// Writes the sections of the table, nested, two spaces a level; `leaf` writes the lines of a key that holds a
// value. A section in which `leaf` writes nothing is left out.
using LeafWriter = std::function<void(const KeySpec& key, const std::string& indent, std::string& out)>;
void EmitSections(const LeafWriter& leaf, std::string& out);

}  // namespace altlas::config
