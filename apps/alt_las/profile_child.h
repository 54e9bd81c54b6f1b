// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// The programs that `alt_las profile run` starts: the watched one, with the terminal, and small ones that are
// asked something.
namespace altlas::app {

struct WatchedCommand {
  std::vector<std::string> command;                              // the program is looked for on PATH
  std::vector<std::pair<std::string, std::string>> environment;  // added to this process's own
  std::filesystem::path output_file;  // for standard output; empty: as this process's
  std::optional<Duration> after;      // when `on_after` is called, once
  std::function<void()> on_after;
  std::function<void(pid_t)> on_start;
};

struct CommandEnd {
  int code = 0;    // what a shell would show: 128 + n for signal n
  int signal = 0;  // that ended it; 0: none
};

// While it lives, SIGINT, SIGTERM, SIGHUP and SIGQUIT are held back for RunWatched, and orphans of the
// command become children of this process, so that their counters are found. Before any thread is started.
class SignalsHeld {
 public:
  SignalsHeld();
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
};

// Runs it to its end. Signals sent to this process go on to it; one that the terminal sends reaches both by
// itself, since it stays in the foreground. kNotFound, kDenied, kUnavailable where it cannot be started.
// Needs SignalsHeld. Main thread only.
Result<CommandEnd> RunWatched(const WatchedCommand& watched);

// What a program prints (standard output alone, 1 MiB at most), or an error where it cannot be started, fails
// or takes longer than `limit`.
Result<std::string> OutputOf(const std::vector<std::string>& command, Duration limit);

// The program's path where it is on PATH (or named with a slash) and may be executed.
std::optional<std::string> FindProgram(const std::string& name);

}  // namespace altlas::app
