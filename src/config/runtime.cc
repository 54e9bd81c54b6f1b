// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "config/emit.h"
#include "config/inline_value.h"
#include "config/load.h"
#include "config/overlay.h"
#include "config/scalar.h"

namespace altlas::config {
namespace {

// The key of a path that holds a value; null for sections and what is no key.
const KeySpec* FindValueKey(std::string_view path) {
  const auto* key = path.empty() ? nullptr : FindKey(path);
  return key == nullptr || key->type == KeyType::kSection ? nullptr : key;
}

std::string UnknownKey(std::string_view path) {
  if (const auto* section = path.empty() ? nullptr : FindKey(path); section != nullptr) {
    if (section->children.empty()) return "is a section, and it has no keys yet";
    std::vector<std::string> some;
    for (const auto& child : section->children) {
      if (some.size() < 3) some.push_back(child.path);
    }
    return fmt::format("is a section of keys; give one of them, such as {}", fmt::join(some, ", "));
  }
  const auto hint = DidYouMean(path);
  return hint.empty() ? "unknown key" : "unknown key; " + hint;
}

Error KeyError(ErrorCode code, std::string_view key, std::string message) {
  return Error{code, fmt::format("{}: {}", Shown(key, true), message), std::string(key)};
}

std::string OverlayText(const std::filesystem::path& config_file,
                        const std::map<std::string, std::string>& persisted) {
  auto text = std::string(
      "# Changed while the server ran, and kept. These values win over the configuration file beside this "
      "one;\n"
      "# delete a line, or the whole file, to go back to that.\n");
  text += OwnerLine(config_file);
  EmitSections(
      [&](const KeySpec& key, const std::string& indent, std::string& out) {
        if (const auto found = persisted.find(key.path); found != persisted.end())
          out += fmt::format("{}{}: {}\n", indent, key.name, found->second);
      },
      text);
  return text;
}

}  // namespace

void ReadInline(const InlineValue& given, Reader& reader, LoadedConfig& loaded,
                std::vector<Problem>& errors) {
  const auto* key = FindValueKey(given.key);
  if (key == nullptr) {
    errors.push_back({given.source, 0, 0, Shown(given.key, true), UnknownKey(given.key)});
    return;
  }
  const auto first = errors.size();
  auto document = ParseYaml(given.source, given.value);
  std::move(document.problems.begin(), document.problems.end(), std::back_inserter(errors));
  if (document.root.has_value())
    reader.ReadKey(*key, *document.root, OwnerOf(&loaded.config, key->path), given.source, given.kind);
  if (const auto origin = loaded.origins.find(key->path);
      origin != loaded.origins.end() && origin->second.kind == given.kind)
    origin->second = {given.kind, 0, 0};
  for (auto i = first; i < errors.size(); ++i) {
    errors[i].line = errors[i].column = 0;
    if (errors[i].key.empty()) errors[i].key = key->path;
  }
}

Result<LoadedConfig> SetRuntime(const LoadedConfig& base, std::string_view path, std::string_view value) {
  const auto* key = FindValueKey(path);
  if (key == nullptr) return KeyError(ErrorCode::kNotFound, path, UnknownKey(path));
  if (!key->run_time)
    return KeyError(ErrorCode::kConflict, path,
                    "takes effect at a start only: set it in the configuration file and restart");
  auto changed = base;
  std::vector<Problem> errors;
  Reader reader(changed, errors);
  ReadInline({path, value, "", OriginKind::kRuntime}, reader, changed, errors);
  if (errors.empty()) {
    const SourceNames names{base.path.string(), base.runtime_path.string()};
    CheckAcross(changed, {}, names, errors);
  }
  if (errors.empty()) return changed;
  std::string message;
  for (const auto& problem : errors)
    message += (message.empty() ? "" : "; ") + problem.key + ": " + problem.message;
  return Error{ErrorCode::kInvalidArgument, std::move(message), std::string(path)};
}

Result<LoadedConfig> PersistRuntime(const LoadedConfig& base, std::span<const std::string> keys) {
  if (base.runtime_path.empty())
    return Fail(ErrorCode::kUnavailable,
                "there is no configuration file, so there is no place to keep the change");
  const auto there = ReadFile(base.runtime_path, kMaxFileBytes);
  if (const auto other = there.has_value() ? OtherOwner(*there, base.path) : std::string(); !other.empty())
    return Fail(
        ErrorCode::kConflict,
        "{} belongs to {}, another configuration file in the same folder, so the change cannot be kept: "
        "give each a folder of its own, or take {} away",
        base.runtime_path.string(), other, base.runtime_path.filename().string());
  auto written = base;
  std::vector<std::string> unchanged(keys.begin(), keys.end());
  ForEachKey(&written.config, [&](const KeySpec& key, const void* owner) {
    const auto origin = written.origins.find(key.path);
    const bool runtime = origin != written.origins.end() && (origin->second.kind == OriginKind::kRuntime ||
                                                             origin->second.kind == OriginKind::kPersisted);
    const bool named = keys.empty() || std::find(keys.begin(), keys.end(), key.path) != keys.end();
    if (!runtime || !named) return;
    std::erase(unchanged, key.path);
    origin->second = {OriginKind::kPersisted, 0, 0};
    written.persisted[key.path] = YamlText(key, key.load(owner));
  });
  if (!unchanged.empty())
    return KeyError(ErrorCode::kInvalidArgument, unchanged.front(),
                    "was not changed at run time, so there is nothing to keep");
  ALTLAS_TRY_VOID(WriteFileAtomically(base.runtime_path, OverlayText(base.path, written.persisted))
                      .Context("keeping a run-time change"));
  ALTLAS_INFO("config", "run-time changes kept", {"runtime_file", base.runtime_path.string()});
  return written;
}

ConfigDiff DiffConfig(const Config& before, const Config& after) {
  ConfigDiff diff;
  std::vector<Value> old_values;
  ForEachKey(&before, [&](const KeySpec& key, const void* owner) { old_values.push_back(key.load(owner)); });
  std::size_t i = 0;
  ForEachKey(&after, [&](const KeySpec& key, const void* owner) {
    const auto& old_value = old_values[i++];
    const auto new_value = key.load(owner);
    if (old_value == new_value) return;
    auto& changes = key.run_time ? diff.at_run_time : diff.need_restart;
    changes.push_back({key.path, YamlText(key, old_value), YamlText(key, new_value)});
  });
  return diff;
}

}  // namespace altlas::config
