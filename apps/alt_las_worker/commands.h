// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace altlas::worker_app {

// What the command line says. One of the modes: serve (a socket), generate, embed, tokenize, bench, measure,
// allocator.
struct Arguments {
  std::string socket;
  std::string device;
  std::uint32_t threads = 0;
  std::string generate;  // model folders
  std::string embed;
  std::string tokenize;
  std::string bench;
  std::string measure;
  std::string work = "training";  // of measure: training or serving
  std::uint64_t batch = 1;
  std::int64_t length = 256;
  int steps = 1;
  std::vector<std::uint64_t> streams = {1, 8};  // of bench
  bool copies = false;
  bool allocator = false;
  std::string prompt;
  std::int64_t max_length = 100;
  std::optional<double> temperature;  // what is not given is the model's generation_config.json
  std::optional<std::int64_t> top_k;
  std::optional<double> top_p;
  std::string seed = "0";
  std::string dtype = "float32";
  std::string accelerator = "cpu";
};

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kRefused = 3, kOrphaned = 4, kOutOfMemory = 5 };

// Each runs its mode to the end and returns the exit code; errors are on standard error.
int Serve(const Arguments& arguments);
int Generate(const Arguments& arguments);
int Embed(const Arguments& arguments);
int Tokenize(const Arguments& arguments);
int Bench(const Arguments& arguments);
// One JSON line: what a step of so many samples took. kOutOfMemory where it did not fit.
int Measure(const Arguments& arguments);
// One JSON line: what PyTorch's GPU allocator made of this environment.
int ShowAllocator(const Arguments& arguments);
// One JSON line: bytes a second of copies to the GPU, from pageable and from pinned memory.
int MeasureCopies(const Arguments& arguments);

}  // namespace altlas::worker_app
