// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

// What a scenario asks of a model, and whether that is possible. Pure.
namespace altlas::bench {

struct Workload {
  std::string model;  // a model folder, or the name of a built-in shape (named_shapes.h)
  std::string dtype = "float32";
  std::string accelerator = "auto";  // auto, cpu, cuda
  std::uint32_t threads = 0;         // 0: every core
  std::int64_t batch_size = 1;       // sequences at the same time
  std::int64_t sequence_length = 128;
  std::int64_t new_tokens = 32;  // of models that write text, the first one included; 0: only the prompt
  std::uint64_t seed = 1;        // of random weights and tokens
};

inline constexpr std::int64_t kMostBatch = 65'536;
inline constexpr std::int64_t kMostSequence = 1 << 20;

// Sizes of a model that decide what a request takes.
struct RequestShape {
  std::string name;
  std::int64_t context_length = 0;
  std::int64_t hidden_size = 0;
  std::int64_t inner_size = 0;
  std::int64_t element_bytes = 4;
  bool generates = false;
};

// The least memory that the activations of one request take: input, output and the widest layer of every
// token of one step. An estimate from below: what exceeds it cannot run.
double LeastActivationBytes(const RequestShape& shape, std::int64_t batch_size, std::int64_t tokens);

// kInvalidArgument, naming the option, the value, the limit and the fix, for sizes out of range, for more
// positions than the model has, and for requests that `available_bytes` cannot hold.
Status CheckWorkload(const Workload& workload, const RequestShape& shape, std::uint64_t available_bytes);
// Weights of so many bytes against the free memory. kTooLarge.
Status CheckWeights(const std::string& name, const std::string& dtype, double bytes,
                    std::uint64_t available_bytes);

}  // namespace altlas::bench
