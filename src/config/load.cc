// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "config/emit.h"
#include "config/inline_value.h"
#include "config/overlay.h"
#include "config/reader.h"

namespace altlas::config {
namespace {

// Reads `source` over `reader`'s configuration. False where it is no YAML at all.
bool ReadText(const ConfigText& source, OriginKind kind, Reader& reader, std::vector<Problem>& errors) {
  auto document = ParseYaml(source.name, source.text);
  std::move(document.problems.begin(), document.problems.end(), std::back_inserter(errors));
  if (document.root.has_value()) reader.ReadTree(*document.root, source.name, kind);
  return document.root.has_value();
}

// In the order of the places, file after file.
void Sort(std::vector<Problem>& problems, const SourceNames& names) {
  const auto rank = [&](const Problem& p) {
    const int source = p.file == names.file ? 0 : p.file == names.persisted ? 1 : 2;
    return std::tuple(source, p.line, p.column);
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

void RememberPersisted(LoadedConfig& loaded) {
  ForEachKey(&loaded.config, [&](const KeySpec& key, const void* owner) {
    const auto origin = loaded.origins.find(key.path);
    if (origin != loaded.origins.end() && origin->second.kind == OriginKind::kPersisted)
      loaded.persisted[key.path] = YamlText(key, key.load(owner));
  });
}

// Nothing but blanks and comments, and what such a text parses as.
bool HoldsNoKey(std::string_view text) {
  const auto document = ParseYaml("", text);
  return document.root.has_value() && document.root->kind == Node::Kind::kNull;
}

// The text of runtime.yaml; nothing where there is none.
Result<std::optional<std::string>> ReadOverlay(const std::filesystem::path& path) {
  if (path.empty()) return std::optional<std::string>();
  auto text = ReadFile(path, kMaxFileBytes);
  if (text.has_value()) return std::optional(std::move(*text));
  if (text.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  return std::move(text).error();
}

}  // namespace

std::string_view Name(OriginKind kind) {
  switch (kind) {
    case OriginKind::kDefault:
      return "default";
    case OriginKind::kFile:
      return "file";
    case OriginKind::kCommandLine:
      return "command_line";
    case OriginKind::kPersisted:
    case OriginKind::kRuntime:
      return "runtime";
  }
  return {};
}

std::string FormatProblem(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += fmt::format(":{}:{}", problem.line, problem.column);
  if (!text.empty()) text += ": ";
  if (!problem.key.empty()) text += problem.key + ": ";
  return text + problem.message;
}

std::string FormatProblems(std::span<const Problem> problems) {
  std::string text;
  for (const auto& problem : problems) {
    if (!text.empty()) text += '\n';
    text += FormatProblem(problem);
  }
  return text;
}

Result<std::filesystem::path> FindConfigFile(const std::optional<std::filesystem::path>& explicit_path,
                                             const std::filesystem::path& cwd,
                                             const std::filesystem::path& install_root,
                                             const std::filesystem::path& system_folder) {
  std::error_code ignored;
  if (explicit_path.has_value()) {
    if (std::filesystem::exists(*explicit_path, ignored)) return *explicit_path;
    return Fail(ErrorCode::kNotFound, "there is no configuration file {}", explicit_path->string());
  }
  for (const auto& folder : {cwd, install_root, system_folder}) {
    if (folder.empty()) continue;
    auto path = folder / "config.yaml";
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return std::filesystem::path();
}

CheckedConfig CheckConfig(const ConfigText& file, const std::optional<ConfigText>& runtime,
                          std::span<const std::pair<std::string, std::string>> overrides) {
  CheckedConfig checked;
  const SourceNames names{file.name, runtime.has_value() ? runtime->name : ""};
  Reader reader(checked.loaded, checked.errors);
  bool readable = ReadText(file, OriginKind::kFile, reader, checked.errors);
  if (runtime.has_value()) {
    readable = ReadText(*runtime, OriginKind::kPersisted, reader, checked.errors) && readable;
    RememberPersisted(checked.loaded);
  }
  for (const auto& [path, place] : reader.facts().item_places)
    checked.loaded.origins[path] = {OriginKind::kFile, place.line, place.column};
  for (const auto& [key, value] : overrides)
    ReadInline({key, value, names.Of(OriginKind::kCommandLine), OriginKind::kCommandLine}, reader,
               checked.loaded, checked.errors);
  if (readable) CheckAcross(checked.loaded, reader.facts(), names, checked.errors);
  Sort(checked.errors, names);
  return checked;
}

Result<LoadedConfig> LoadConfig(const LoadOptions& options) {
  std::string text;
  if (!options.path.empty()) {
    ALTLAS_TRY(text, ReadFile(options.path, kMaxFileBytes));
    if (options.refuse_empty && HoldsNoKey(text))
      return Fail(ErrorCode::kInvalidArgument, "{} holds no key; write {{}} for the defaults",
                  options.path.string());
  }
  auto runtime_path = options.runtime_path;
  if (runtime_path.empty() && !options.path.empty())
    runtime_path = options.path.parent_path() / "runtime.yaml";
  ALTLAS_TRY(const auto overlay, ReadOverlay(runtime_path));
  const auto other = overlay.has_value() ? OtherOwner(*overlay, options.path) : std::string();
  std::optional<ConfigText> runtime;
  if (overlay.has_value() && other.empty()) runtime = ConfigText{runtime_path.string(), *overlay};

  const auto name = options.path.empty() ? std::string("defaults") : options.path.string();
  auto checked = CheckConfig({name, text}, runtime, options.overrides);
  if (!checked.errors.empty()) return Error{ErrorCode::kInvalidArgument, FormatProblems(checked.errors)};
  checked.loaded.path = options.path;
  checked.loaded.runtime_path = runtime_path;
  if (!other.empty())
    checked.loaded.warnings.push_back(
        {runtime_path.string(), 0, 0, "",
         fmt::format(
             "belongs to {} and is left out; to keep changes at run time, give each configuration file a "
             "folder of its own",
             other)});
  return std::move(checked.loaded);
}

void LogWhatWasRead(const LoadedConfig& loaded) {
  ALTLAS_INFO("config",
              loaded.path.empty() ? "no configuration file, the defaults hold" : "configuration read",
              {"file", loaded.path.empty() ? "none" : loaded.path.string()},
              {"runtime_file", loaded.persisted.empty() ? "none" : loaded.runtime_path.string()});
  for (const auto& warning : loaded.warnings) ALTLAS_WARN("config", FormatProblem(warning));
}

Problem AboutKey(const LoadedConfig& loaded, const std::string& key, std::string message) {
  const SourceNames names{loaded.path.string(), loaded.runtime_path.string()};
  Problem problem{names.Of(OriginKind::kFile), 0, 0, key, std::move(message)};
  if (const auto origin = loaded.origins.find(key); origin != loaded.origins.end()) {
    problem.file = names.Of(origin->second.kind);
    problem.line = origin->second.line;
    problem.column = origin->second.column;
  }
  return problem;
}

std::vector<Problem> DeviceWarnings(const LoadedConfig& loaded, std::span<const std::string> device_ids) {
  std::vector<Problem> warnings;
  const auto check = [&](const std::string& id, const std::string& origin_key, const std::string& key) {
    if (std::find(device_ids.begin(), device_ids.end(), id) != device_ids.end()) return;
    const auto origin = loaded.origins.find(origin_key);
    const auto place = origin == loaded.origins.end() ? Origin{} : origin->second;
    warnings.push_back({loaded.path.string(), place.line, place.column, key,
                        fmt::format("there is no device {}; there are {}", id, fmt::join(device_ids, ", "))});
  };
  constexpr auto kMappings = "gpu.multi_gpu.task_specific_mappings";
  for (const auto& [type, id] : loaded.config.gpu.multi_gpu.task_specific_mappings)
    check(id, kMappings, fmt::format("{}.{}", kMappings, type));
  for (std::size_t i = 0; i < loaded.config.models.size(); ++i) {
    for (const auto& id : loaded.config.models[i].devices.value_or(std::vector<std::string>()))
      check(id, "models", fmt::format("models[{}].devices", i));
  }
  return warnings;
}

std::filesystem::path ResolvePath(const LoadedConfig& loaded, const std::filesystem::path& path) {
  return path.is_absolute() ? path : loaded.path.parent_path() / path;
}

}  // namespace altlas::config
