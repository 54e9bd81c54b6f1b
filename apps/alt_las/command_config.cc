// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"
#include "config/format.h"
#include "machine_checks.h"
#include "open_state.h"
#include "output.h"
#include "settings.h"

namespace altlas::app {

int ValidateConfig(const CommonOptions& common) {
  const auto source = ConfigSource(common);
  if (!source.has_value()) return Complain(source.error());
  const auto loaded = config::LoadConfig(*source);
  if (!loaded.has_value()) {
    Note("{}\n", loaded.error().message);
    return ExitCode(loaded.error());
  }
  const auto machine = CheckMachine(*loaded, SystemClock().WallNow());
  for (const auto* warnings : {&loaded->warnings, &machine.warnings}) {
    for (const auto& warning : *warnings) Note("warning: {}\n", config::FormatProblem(warning));
  }
  const auto probe = MakeProbe(*loaded);
  if (!machine.errors.empty()) Note("{}\n", config::FormatProblems(machine.errors));
  if (!probe.has_value()) Note("{}\n", probe.error().message);
  if (!machine.errors.empty() || !probe.has_value()) return 2;
  Say("{}: valid\n", loaded->path.empty() ? "no configuration file, the defaults" : loaded->path.string());
  return 0;
}

namespace {

// What a running server answers to GET /api/v1/config.
struct Running {
  std::string text;
  nlohmann::json json;  // an object
  // Of the key, or empty where it is null.
  std::string Path(const char* key) const {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
  }
};

Result<config::LoadedConfig> ConfigOf(const Running& running) {
  const auto& json = running.json;
  if (!json.contains("config") || !json.contains("origins"))
    return Fail(ErrorCode::kInternal, "the server's answer is not readable");
  // JSON is YAML.
  auto checked = config::CheckConfig({"the server's answer", json["config"].dump()});
  if (!checked.errors.empty()) return Error{ErrorCode::kInternal, config::FormatProblems(checked.errors)};
  auto loaded = std::move(checked.loaded);
  loaded.path = running.Path("file");
  loaded.runtime_path = running.Path("runtime_file");
  loaded.origins.clear();
  for (const auto& [key, origin] : json["origins"].items()) {
    using config::OriginKind;
    const auto name = origin.value("origin", "");
    const auto kind = name == "file"                     ? OriginKind::kFile
                      : name == "command_line"           ? OriginKind::kCommandLine
                      : name != "runtime"                ? OriginKind::kDefault
                      : origin.value("persisted", false) ? OriginKind::kPersisted
                                                         : OriginKind::kRuntime;
    if (kind != OriginKind::kDefault) loaded.origins[key] = {kind, origin.value("line", 0), 0};
  }
  return loaded;
}

// What the running server has in force; nothing where there is none, or where another file was asked for.
Result<std::optional<Running>> AskServer(const CommonOptions& common) {
  const std::optional<Running> none;
  if (!common.set.empty() || !common.listen.empty()) return none;
  const auto state = LookAtState(common);
  if (!state.has_value()) return none;
  auto answer = AdminClient(*state).Call("GET", "/api/v1/config");
  if (!answer.has_value() && answer.error().code == ErrorCode::kTimeout) return answer.error();
  if (!answer.has_value()) return none;
  auto json = nlohmann::json::parse(*answer, nullptr, false);
  if (!json.is_object()) return none;
  Running running{std::move(*answer), std::move(json)};
  const auto file = running.Path("file");
  std::error_code error;
  if (!common.config.empty() && !std::filesystem::equivalent(common.config, file, error)) {
    Note("a server runs with {}; this is what {} says\n", file.empty() ? "no file" : file, common.config);
    return none;
  }
  return std::optional(std::move(running));
}

int Show(const CommonOptions& common, bool json) {
  // A running server knows what was changed since; without one the files tell.
  const auto answer = AskServer(common);
  if (!answer.has_value()) return Complain(answer.error());
  const auto& running = *answer;
  if (running && json) {
    Say("{}\n", running->text);
    return 0;
  }
  const auto loaded = running ? ConfigOf(*running) : ReadConfig(common);
  if (!loaded.has_value()) return Complain(loaded.error());
  WriteOut(json ? config::FormatEffectiveJson(*loaded) : config::FormatEffectiveYaml(*loaded));
  return 0;
}

}  // namespace

void AddConfig(CLI::App& root, CommonOptions& common, Command& run) {
  auto* command = root.add_subcommand("config", "Show, check and describe the configuration");
  command->require_subcommand(1);
  command->fallthrough();
  command->footer(
      "Examples:\n"
      "  alt_las config show --effective          every key with its value and where that came from\n"
      "  alt_las config schema > alt_las.schema.json\n"
      "  alt_las config validate --config pool.yaml\n" +
      std::string(kExitCodes));

  auto* show =
      command->add_subcommand("show",
                              "Print the configuration in force: every key, its value, its origin; with a "
                              "server running, its values of this moment");
  show->fallthrough();
  AddPlaces(*show, common);
  show->footer(kExitCodes);
  auto json = std::make_shared<bool>(false);
  auto effective = std::make_shared<bool>(false);
  show->add_flag("--json", *json, "As JSON");
  show->add_flag("--effective", *effective,
                 "With the defaults filled in (always so; the flag is there to say it)");
  show->callback([&run, &common, json, effective] { run = [&common, json] { return Show(common, *json); }; });

  auto* schema =
      command->add_subcommand("schema", "Print the JSON Schema of the file, for editors and checkers");
  schema->footer(kExitCodes);
  schema->callback([&run] {
    run = [] {
      WriteOut(config::FormatJsonSchema());
      return 0;
    };
  });
  auto* reference = command->add_subcommand("reference", "Print the reference of all keys as Markdown");
  reference->footer(kExitCodes);
  reference->callback([&run] {
    run = [] {
      WriteOut(config::FormatReference());
      return 0;
    };
  });
  auto* validate = command->add_subcommand("validate", "Check the file, as --validate-config does");
  validate->fallthrough();
  AddPlaces(*validate, common);
  validate->footer(kExitCodes);
  validate->callback([&run, &common] { run = [&common] { return ValidateConfig(common); }; });
}

}  // namespace altlas::app
