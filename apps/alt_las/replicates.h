// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "profile/gate_files.h"

// Runs a command again and again and measures each run from outside.
namespace altlas::app {

struct ReplicateCommand {
  std::vector<std::string> words;  // words[0] is looked up in PATH
  std::string shown;               // as the user wrote it, without its secrets
};
// A line for the shell: `sh -c LINE`.
ReplicateCommand ShellCommand(const std::string& line);
ReplicateCommand WordsCommand(std::vector<std::string> words);

// One run at a time. From construction to destruction SIGINT, SIGTERM and SIGHUP end the run in progress (its
// whole process group) instead of this program; a SIGHUP that was ignored (nohup) stays so. Main thread only;
// Run() blocks for as long as the command runs.
class ReplicateRunner {
 public:
  // `timeout_seconds` 0: none.
  explicit ReplicateRunner(double timeout_seconds);
  ~ReplicateRunner();
  ReplicateRunner(const ReplicateRunner&) = delete;
  ReplicateRunner& operator=(const ReplicateRunner&) = delete;

  // Runs it once, its standard input empty, its output kept aside, ALTLAS_SUMMARY_OUT naming a file of its
  // own. The figures are `wall` and `cpu` (user and system time of it and what it waited for), in ms, and
  // what the command wrote into that file (docs/formats/profile_summary.md). kUnavailable: it could not be
  // started, exited with another code than 0 or was killed (with the end of its output); kTimeout; kCanceled:
  // a signal came; kCorrupt: the file it wrote is no summary.
  Result<profile::RunFile> Run(const ReplicateCommand& command);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The signal that stopped the newest runner; 0: none did.
int StopSignal();

// Processor, kernel release, GPUs with their driver: what a baseline keeps about the machine. Blocks some
// milliseconds.
profile::Environment ReadMachineFacts();

}  // namespace altlas::app
