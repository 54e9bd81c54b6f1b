// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

// The subcommands. Each Add... describes itself to the parser and sets `run` when it was chosen; main() runs
// it.
namespace altlas::app {

// What every command may be given.
struct CommonOptions {
  std::string config;            // --config
  std::string state;             // --state
  std::string listen;            // --listen
  std::vector<std::string> set;  // --set
};

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no server, file or device there.";

// Runs and returns the process's exit code.
using Command = std::function<int()>;

void AddServe(CLI::App& root, CommonOptions& common, Command& run);
void AddKey(CLI::App& root, const CommonOptions& common, Command& run);
void AddGpus(CLI::App& root, const CommonOptions& common, Command& run);
void AddConfig(CLI::App& root, const CommonOptions& common, Command& run);
void AddCompletion(CLI::App& root, Command& run);

// `alt_las --validate-config`.
int ValidateConfig(const CommonOptions& common);

// Exit codes: 0 done; 1 it failed; 2 wrong usage or configuration; 3 no server answers, or a file or device
// is not there.
int ExitCode(const Error& error);
// Prints the error to standard error and gives its exit code.
int Complain(const Error& error);

}  // namespace altlas::app
