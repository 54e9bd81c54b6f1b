// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "replicates.h"

// Where the runs of `profile gate` and `profile gate record` come from: files, or a command run again and
// again under a progress bar.
namespace altlas::app {

struct MeasureOptions {
  std::vector<std::string> files;  // summaries of runs already made
  std::vector<std::string> words;  // the command after --
  std::string against;             // a line for the shell, run in turns with the command
  std::size_t warmup = 1;          // runs of each command that are not counted
  double timeout_seconds = 0;      // of one run; 0: none
};

// Runs and the facts of the machine and of the captures that they came from.
struct MeasuredRuns {
  std::vector<profile::GateRun> base;  // of `against`
  std::vector<profile::GateRun> head;
  profile::Environment environment;
};

// The options files... and -- CMD of a command, after parsing: what stood behind `--` moves from `files` to
// `words`. An error where both are given or neither.
Status SplitCommandLine(MeasureOptions& options);

// Reads all the files; an error names the one at fault. kInvalidArgument where their environments differ.
Result<MeasuredRuns> ReadRuns(const std::vector<std::string>& files);

// Runs commands and shows how far it is. Each call of Measure() adds to what was planned.
class Measurement {
 public:
  explicit Measurement(const MeasureOptions& options);
  // `runs` of the command, and as many of `against` in turns (A B, B A, ...) where there is one. The first
  // call warms up.
  Result<MeasuredRuns> Measure(std::size_t runs, std::string_view what);

 private:
  Result<profile::RunFile> RunOne(bool is_base, std::string_view what);
  void ShowProgress(std::string_view what) const;
  const MeasureOptions& options_;
  ReplicateRunner runner_;
  ReplicateCommand head_;
  ReplicateCommand base_;
  bool is_warm_ = false;
  std::size_t done_ = 0;
  std::size_t planned_ = 0;
  double last_ms_ = 0;
  double all_ms_ = 0;
};

// The options that both commands take.
void AddMeasureOptions(CLI::App& command, MeasureOptions& options);

// Exit code of an error of the gate: 2, since 1 and 3 are outcomes; 128 + n where signal n stopped it.
int GateErrorCode(const Error& error);

inline constexpr const char* kGateExitCodes =
    "Exit codes: 0 done (PASS), 1 FAIL, 3 INCONCLUSIVE, 2 wrong usage or nothing could be measured (a file\n"
    "that cannot be read, a command that fails), 128 + n stopped by signal n (130 by Ctrl-C).";

}  // namespace altlas::app
