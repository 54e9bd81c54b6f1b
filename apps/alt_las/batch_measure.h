// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tune/batch_search.h"

// Steps of a model, run in a fresh worker process each, so that one step's memory says nothing of another's
// and none can take this process down.
namespace altlas::app {

struct StepPlan {
  std::filesystem::path program;  // alt_las_worker
  std::filesystem::path folder;   // of the model
  std::string work = "training";  // or serving
  std::string accelerator = "cpu";
  std::string dtype = "float32";
  std::int64_t length = 256;  // tokens of a sample
  int threads = 0;            // 0: every core
  int steps = 1;              // run one after the other; the quickest counts
};

struct StepFacts {
  std::string model;
  std::string device;
  std::uint64_t parameters = 0;
  std::uint64_t batch = 0;
  std::int64_t context = 0;
  double base_bytes = 0;
  double peak_bytes = 0;
  double seconds = 0;
  double samples_per_second = 0;
  double tokens_per_second = 0;
};

// What a worker said on standard error, for a sentence of ours: without its name, its last line end and
// control characters, 2,000 bytes at most.
std::string WorkersWords(std::string_view errors);

// kTooLarge where the step ran out of memory or was killed for it twice; else the worker's own words. Blocks.
Result<StepFacts> MeasureStep(const StepPlan& plan, std::uint64_t batch);

struct BatchFound {
  tune::BatchAnswer answer;
  StepFacts at_answer;  // memory of the step run at the answer, speed of later ones; of batch 0: nothing fits
};

// Searches as tune/batch_search.h says; `progress` hears of each step before it is run. Blocks for all the
// steps.
Result<BatchFound> FindBatch(const StepPlan& plan, const tune::BatchLimits& limits,
                             const std::function<void(std::uint64_t)>& progress);

}  // namespace altlas::app
