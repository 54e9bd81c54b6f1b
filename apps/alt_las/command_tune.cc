// SPDX-License-Identifier: Apache-2.0
#include "tune_commands.h"

namespace altlas::app {

void AddTune(CLI::App& root, CommonOptions& common, Command& run) {
  auto* tune = root.add_subcommand("tune", "Measure this machine and a model, and say what to set and why");
  tune->require_subcommand(0, 1);
  tune->fallthrough();
  AddPlaces(*tune, common);
  DescribeTuneMachine(*tune, common, run);
  AddTuneEnv(*tune, common, run);
  AddTuneBatch(*tune, common, run);
}

}  // namespace altlas::app
