// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"
#include "commands.h"
#include "config/format.h"
#include "open_state.h"

namespace altlas::app {

int ValidateConfig(const CommonOptions& common) {
  const auto source = ConfigSource(common);
  if (!source.has_value()) return Complain(source.error());
  const auto loaded = config::LoadConfig(*source);
  if (!loaded.has_value()) {
    fmt::print(stderr, "{}\n", loaded.error().message);
    return ExitCode(loaded.error());
  }
  for (const auto& warning : loaded->warnings)
    fmt::print(stderr, "warning: {}\n", config::FormatProblem(warning));
  fmt::print("{}: valid\n",
             loaded->path.empty() ? "no configuration file, the defaults" : loaded->path.string());
  return 0;
}

namespace {

int Show(const CommonOptions& common, bool json) {
  // A running server knows what was changed since; without one the files tell.
  if (json) {
    if (const auto state = StateFolder(common); state.has_value()) {
      if (const auto running = AdminClient(*state).Call("GET", "/api/v1/config"); running.has_value()) {
        fmt::print("{}\n", *running);
        return 0;
      }
    }
  }
  const auto loaded = ReadConfig(common);
  if (!loaded.has_value()) return Complain(loaded.error());
  fmt::print("{}", json ? config::FormatEffectiveJson(*loaded) + "\n" : config::FormatEffectiveYaml(*loaded));
  return 0;
}

}  // namespace

void AddConfig(CLI::App& root, const CommonOptions& common, Command& run) {
  auto* command = root.add_subcommand("config", "Show, check and describe the configuration");
  command->require_subcommand(1);
  command->fallthrough();
  command->footer(
      "Examples:\n"
      "  alt_las config show --effective          every key with its value and where that came from\n"
      "  alt_las config schema > alt_las.schema.json\n"
      "  alt_las config validate --config pool.yaml");

  auto* show =
      command->add_subcommand("show", "Print the configuration in force: every key, its value, its origin");
  auto json = std::make_shared<bool>(false);
  auto effective = std::make_shared<bool>(false);
  show->add_flag("--json", *json, "As JSON; with a server running, its values of this moment");
  show->add_flag("--effective", *effective,
                 "With the defaults filled in (always so; the flag is there to say it)");
  show->callback([&run, &common, json, effective] { run = [&common, json] { return Show(common, *json); }; });

  auto* schema =
      command->add_subcommand("schema", "Print the JSON Schema of the file, for editors and checkers");
  schema->callback([&run] {
    run = [] {
      fmt::print("{}", config::FormatJsonSchema());
      return 0;
    };
  });
  auto* reference = command->add_subcommand("reference", "Print the reference of all keys as Markdown");
  reference->callback([&run] {
    run = [] {
      fmt::print("{}", config::FormatReference());
      return 0;
    };
  });
  auto* validate = command->add_subcommand("validate", "Check the file, as --validate-config does");
  validate->callback([&run, &common] { run = [&common] { return ValidateConfig(common); }; });
}

}  // namespace altlas::app
