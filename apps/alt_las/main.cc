// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "commands.h"
#include "output.h"

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
  AddPlaces(root, common);
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
  AddProfile(root, common, run);
  AddBench(root, run);
  AddTune(root, common, run);
  AddCompletion(root, run);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return FinishOutput(root.exit(error) == 0 ? 0 : 2);
  }
  // A command's output is its own; a server sets the level that its configuration names.
  altlas::SetLogLevel(altlas::LogLevel::kWarn);
  return FinishOutput(validate ? ValidateConfig(common) : run());
}
