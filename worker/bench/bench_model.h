// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/bench/workload.h"

namespace altlas::bench {

struct BenchModelFacts {
  std::string name;
  std::string architecture;
  std::string dtype;
  at::Device device = at::kCPU;
  bool is_random = false;  // weights made up for the measurement
  bool generates = false;  // writes text; else it gives one vector a text
  std::int64_t parameters = 0;
  std::int64_t weight_bytes = 0;
  std::int64_t context_length = 0;
};

// One request of the workload: `first` until the vectors or the first new token of every sequence are there,
// `steps` each further token of all sequences together. Seconds.
struct RequestTimes {
  double first = 0;
  std::vector<double> steps;
  double Total() const;
};

// A model and a request of random tokens that it answers again and again, the same each time. Without the
// tokenizer and without the queue: what the model itself takes. One thread at a time; Run blocks.
class BenchModel {
 public:
  virtual ~BenchModel() = default;
  virtual const BenchModelFacts& facts() const = 0;
  virtual Result<RequestTimes> Run() = 0;
};

// Loads or makes the model and checks the workload against it. Errors: those of ChooseModel, CheckWorkload,
// CheckWeights and of the loaders.
Result<std::unique_ptr<BenchModel>> OpenBenchModel(const Workload& workload);

}  // namespace altlas::bench
