// SPDX-License-Identifier: Apache-2.0
#include "profile_commands.h"

namespace altlas::app {

void AddProfile(CLI::App& root, CommonOptions& common, Command& run) {
  auto* profile = root.add_subcommand("profile", "Capture where the time and the memory go, and read it");
  profile->require_subcommand(1);
  profile->footer(
      "Examples:\n"
      "  alt_las profile run -- python train.py                 record a program, print the folder of its "
      "captures\n"
      "  alt_las profile analyze capture.sqlite trace.json.gz   what it says: tables, findings, "
      "profile_summary.json\n"
      "  alt_las profile report capture.sqlite                  the same as one page to look at\n"
      "  alt_las profile diff before.json after.json            what changed, by kernel and phase\n"
      "  alt_las profile gate --baseline base.json -- ./bench   pass or fail a change\n"
      "  alt_las profile history                                samples of the running server\n" +
      std::string(kExitCodes));
  AddProfileAnalyze(*profile, run);
  AddProfileDiff(*profile, run);
  AddProfileRedact(*profile, run);
  AddProfileGate(*profile, run);
  AddProfileRun(*profile, run);
  AddProfileReport(*profile, run);
  AddProfileHistory(*profile, common, run);
}

}  // namespace altlas::app
