// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tune/allocator.h"

// From measurements to what to set, each line with the measurement behind it and the guide's own figure
// (TUN-6). Pure.
namespace altlas::tune {

// Tokens a second at some setting: threads, sequences at once.
struct Rate {
  int setting = 0;
  double per_second = 0;
};

struct Measurements {
  bool gpu = false;
  std::string device;  // its name
  std::uint64_t memory_bytes = 0;
  int cores = 1;
  Platform platform = Platform::kLinux;
  std::string model;               // name
  std::string model_path;          // absolute
  std::vector<Rate> by_threads;    // on a processor; empty: not measured
  std::vector<Rate> by_sequences;  // sequences at once
  double float32_per_second = 0;   // tokens; 0: not measured
  double bfloat16_per_second = 0;
  std::uint64_t batch = 0;  // the largest training batch found; 0: none fits, or not measured
  double batch_bytes = 0;
  double limit_bytes = 0;
  double free_bytes = 0;
  double samples_per_second = 0;         // at `batch`
  double step_seconds = 0;               // at `batch`
  std::int64_t length = 0;               // tokens of a sample
  double seconds_to_load_a_sample = 0;   // read and tokenise on one core; 0: no data given
  double pageable_bytes_per_second = 0;  // copies to the GPU; 0: not measured
  double pinned_bytes_per_second = 0;
};

struct Advice {
  std::string what;         // "threads"
  std::string value;        // "2"
  std::string measurement;  // what was measured, or why nothing was
  std::string guide;        // the guide's figure; empty: it has none
};

// One line for each of: allocator, batch size, loader workers, pinned memory, threads, precision,
// concurrency.
std::vector<Advice> Advise(const Measurements& measured);

// The smallest setting that is within 5 % of the best rate; 0 for none.
int SmallestNearBest(std::span<const Rate> rates);
// Loader processes that keep up with the steps: 0 where loading takes less than a tenth of them.
int LoaderWorkers(const Measurements& measured);

// A configuration file with those settings that the server has, and the rest as a comment for training
// programs. Ends with a line break.
std::string FormatConfiguration(const Measurements& measured, std::span<const Advice> advice);

}  // namespace altlas::tune
