// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace altlas::worker_app {

// What the command line says. One of the modes: serve (a socket), generate, tokenize, bench.
struct Arguments {
  std::string socket;
  std::string device;
  std::uint32_t threads = 0;
  std::string generate;  // model folders
  std::string tokenize;
  std::string bench;
  std::string prompt;
  std::int64_t max_length = 100;
  double temperature = 0.0;
  int top_k = 0;
  double top_p = 1.0;
  std::string seed = "0";
  std::string dtype = "fp32";
};

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kRefused = 3, kOrphaned = 4 };

// Each runs its mode to the end and returns the exit code; errors are on standard error.
int Serve(const Arguments& arguments);
int Generate(const Arguments& arguments);
int Tokenize(const Arguments& arguments);
int Bench(const Arguments& arguments);

}  // namespace altlas::worker_app
