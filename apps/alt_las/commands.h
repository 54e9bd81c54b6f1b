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
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no server answers, no such file or "
    "device.";

// Runs and returns the process's exit code.
using Command = std::function<int()>;

void AddServe(CLI::App& root, CommonOptions& common, Command& run);
void AddKey(CLI::App& root, CommonOptions& common, Command& run);
void AddGpus(CLI::App& root, CommonOptions& common, Command& run);
void AddConfig(CLI::App& root, CommonOptions& common, Command& run);
void AddProfile(CLI::App& root, CommonOptions& common, Command& run);
void AddBench(CLI::App& root, Command& run);
void AddTune(CLI::App& root, CommonOptions& common, Command& run);
void AddCompletion(CLI::App& root, Command& run);

// --config and --state: each command takes them itself, so that its help and the completion name them.
void AddPlaces(CLI::App& command, CommonOptions& common);

// `alt_las --validate-config`.
int ValidateConfig(const CommonOptions& common);

// Exit codes: 0 done; 1 it failed, or its output could not be written; 2 wrong usage or configuration; 3 no
// server answers, or a file or device is not there.
int ExitCode(const Error& error);
// Prints the error to standard error and gives its exit code.
int Complain(const Error& error);

}  // namespace altlas::app
