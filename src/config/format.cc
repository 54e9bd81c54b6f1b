// SPDX-License-Identifier: Apache-2.0
#include "config/format.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "config/emit.h"
#include "config/key_spec.h"
#include "config/reader.h"
#include "config/scalar.h"

namespace altlas::config {
namespace {

Origin OriginOf(const LoadedConfig& loaded, const std::string& path) {
  const auto found = loaded.origins.find(path);
  return found == loaded.origins.end() ? Origin{} : found->second;
}

// A path inside a comment: one line, whatever the file is called.
std::string CommentPath(const std::filesystem::path& path, int line) {
  std::string name = Shown(path.filename().string(), true);
  return line > 0 ? fmt::format("{}:{}", name, line) : name;
}

std::string OriginComment(const LoadedConfig& loaded, const std::string& path) {
  const auto origin = OriginOf(loaded, path);
  switch (origin.kind) {
    case OriginKind::kDefault:
      return "default";
    case OriginKind::kFile:
      return loaded.path.empty() ? "file" : CommentPath(loaded.path, origin.line);
    case OriginKind::kPersisted:
      return CommentPath(loaded.runtime_path, origin.line);
    case OriginKind::kCommandLine:
      return "command line";
    case OriginKind::kRuntime:
      return "run time, not kept over a restart";
  }
  return {};
}

void WriteSection(JsonWriter& json, const KeySpec& section, const void* owner) {
  json.BeginObject();
  for (const auto& child : section.children) {
    json.Key(child.name);
    if (child.type == KeyType::kSection) {
      WriteSection(json, child, child.member(const_cast<void*>(owner)));
    } else {
      WriteJson(json, child, child.load(owner));
    }
  }
  json.EndObject();
}

void WriteOrigin(JsonWriter& json, const Origin& origin) {
  json.BeginObject().Key("origin").String(Name(origin.kind));
  if (origin.kind == OriginKind::kRuntime) json.Key("persisted").Bool(false);
  if (origin.kind == OriginKind::kPersisted) json.Key("persisted").Bool(true);
  if (origin.line > 0) json.Key("line").Int(origin.line);
  json.EndObject();
}

}  // namespace

std::string FormatEffectiveYaml(const LoadedConfig& loaded) {
  std::map<std::string, Value> values;
  ForEachKey(&loaded.config,
             [&](const KeySpec& key, const void* owner) { values[key.path] = key.load(owner); });
  std::string out = fmt::format("# The values in force, each with where it comes from. File: {}\n",
                                loaded.path.empty() ? "none" : Shown(loaded.path.string(), true));
  EmitSections(
      [&](const KeySpec& key, const std::string& indent, std::string& text) {
        const auto& value = values.at(key.path);
        const auto comment = OriginComment(loaded, key.path);
        const bool items = key.type == KeyType::kObjects && !value.AsList().empty();
        text += fmt::format("{}{}:{}  # {}\n", indent, key.name, items ? "" : " " + YamlText(key, value),
                            comment);
        if (!items) return;
        for (const auto& item : value.AsList()) {
          const auto one = YamlText(key, {Value::List{item}});
          text += fmt::format("{}  - {}\n", indent, std::string_view(one).substr(1, one.size() - 2));
        }
      },
      out);
  return out;
}

std::string FormatEffectiveJson(const LoadedConfig& loaded) {
  JsonWriter json;
  const auto path = [&](const std::filesystem::path& p) {
    p.empty() ? json.Null() : json.String(p.string());
  };
  json.BeginObject().Key("file");
  path(loaded.path);
  json.Key("runtime_file");
  path(loaded.runtime_path);
  json.Key("config");
  WriteSection(json, KeyTable(), &loaded.config);
  json.Key("origins").BeginObject();
  ForEachKey(&loaded.config, [&](const KeySpec& key, const void*) {
    json.Key(key.path);
    WriteOrigin(json, OriginOf(loaded, key.path));
  });
  json.EndObject().EndObject();
  return json.Take() + "\n";
}

}  // namespace altlas::config
