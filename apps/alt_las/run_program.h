// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace altlas::app {

struct ProgramOutcome {
  int exit_code = 0;   // where `signal` is 0
  int signal = 0;      // that ended it
  std::string output;  // at most 1 MiB of each; what comes after that is read and dropped
  std::string errors;
};

// Runs a program to its end, with variables added to this process's environment, and keeps what it prints.
// Blocks. kNotFound, kDenied, kUnavailable where it cannot be started.
Result<ProgramOutcome> RunProgram(const std::filesystem::path& program, std::vector<std::string> arguments,
                                  const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace altlas::app
