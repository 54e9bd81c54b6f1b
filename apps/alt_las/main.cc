// SPDX-License-Identifier: Apache-2.0
#include "../cli_checks.h"
#include "base/log.h"
#include "commands.h"

int main(int argc, char** argv) {
  using namespace altlas::app;
  CLI::App root{
      "ALT_LAS turns unequal GPU machines into one pool that serves models.\n"
      "Without a subcommand it serves, as `alt_las serve` does.",
      "alt_las"};
  root.set_version_flag("--version", std::string("alt_las ") + ALTLAS_VERSION);
  root.footer(
      "Examples:\n"
      "  alt_las                                  serve with the defaults on http://127.0.0.1:8080\n"
      "  alt_las --config pool.yaml               serve with a configuration of your own\n"
      "  alt_las --validate-config --config F     check F and say everything that is wrong with it\n"
      "  alt_las key create --name ci             make an API key\n"
      "  alt_las gpus --watch                     watch the devices\n" +
      std::string(kExitCodes));
  CommonOptions common;
  root.add_option("--config", common.config,
                  "The configuration file (default: config.yaml here, beside the program, in /etc/alt_las)")
      ->check(NotEmpty())
      ->type_name("PATH");
  root.add_option("--state", common.state,
                  "The state directory (default: $XDG_STATE_HOME/alt_las, else ~/.local/state/alt_las)")
      ->check(NotEmpty())
      ->type_name("DIR");
  bool validate = false;
  root.add_flag("--validate-config", validate,
                "Check the configuration, print every error with its place, and exit");
  root.require_subcommand(0, 1);
  root.fallthrough();

  Command run;
  AddServe(root, common, run);
  AddKey(root, common, run);
  AddGpus(root, common, run);
  AddConfig(root, common, run);
  AddCompletion(root, run);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = root.exit(error);
    return code == 0 ? 0 : 2;
  }
  // A command's output is its own; a server sets the level that its configuration names.
  altlas::SetLogLevel(altlas::LogLevel::kWarn);
  if (validate) return ValidateConfig(common);
  return run();
}
