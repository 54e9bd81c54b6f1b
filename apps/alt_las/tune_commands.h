// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "commands.h"

// The subcommands of `alt_las tune`, one file each (tune_NAME.cc). Each describes itself to `tune` and sets
// `run` when it was chosen.
namespace altlas::app {

void AddTuneEnv(CLI::App& tune, CommonOptions& common, Command& run);
void AddTuneBatch(CLI::App& tune, CommonOptions& common, Command& run);
// `alt_las tune` itself, with no subcommand.
void DescribeTuneMachine(CLI::App& tune, CommonOptions& common, Command& run);

}  // namespace altlas::app
