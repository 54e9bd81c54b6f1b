// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "commands.h"

// The subcommands of `alt_las profile`, one file each (profile_NAME.cc). Each describes itself to `profile`
// and sets `run` when it was chosen.
namespace altlas::app {

void AddProfileAnalyze(CLI::App& profile, Command& run);
void AddProfileDiff(CLI::App& profile, Command& run);
void AddProfileRedact(CLI::App& profile, Command& run);
void AddProfileGate(CLI::App& profile, Command& run);
// Its `record`; the command, so that `gate` knows whether it was chosen.
CLI::App* AddProfileGateRecord(CLI::App& gate, Command& run);
void AddProfileRun(CLI::App& profile, Command& run);
void AddProfileReport(CLI::App& profile, Command& run);
void AddProfileHistory(CLI::App& profile, CommonOptions& common, Command& run);

}  // namespace altlas::app
