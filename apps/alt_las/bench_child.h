// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace altlas::app {

struct ChildOutput {
  int code = 0;    // its exit code
  int signal = 0;  // the one that ended it
  std::string output;
};

// Runs a program to its end with this process's standard error and keeps what it writes to standard output,
// 256 MiB at most (kTooLarge past that; the program is then ended). While it runs SIGINT goes on to it and
// SIGQUIT is its own to answer; it gets SIGTERM when this process dies. words[0] is looked for on PATH.
// kNotFound, kDenied or kUnavailable where it cannot be started. Before any thread is started; blocks.
Result<ChildOutput> RunForOutput(const std::vector<std::string>& words);

}  // namespace altlas::app
