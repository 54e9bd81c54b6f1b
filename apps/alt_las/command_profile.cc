// SPDX-License-Identifier: Apache-2.0
#include "profile_commands.h"

namespace altlas::app {

void AddProfile(CLI::App& root, CommonOptions& common, Command& run) {
  auto* profile = root.add_subcommand("profile", "Capture where the time and the memory go, and read it");
  profile->require_subcommand(1);
  AddProfileAnalyze(*profile, run);
  AddProfileDiff(*profile, run);
  AddProfileRedact(*profile, run);
  AddProfileGate(*profile, run);
  AddProfileRun(*profile, run);
  AddProfileReport(*profile, run);
  AddProfileHistory(*profile, common, run);
}

}  // namespace altlas::app
