// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "profile/summary.h"
#include "worker/bench/workload.h"

// The scenarios of `alt_las bench` that need libtorch. Each runs to its end on the calling thread, shows a
// bar on standard error where that is a terminal, and gives its profile_summary.json as a value. Errors:
// wrong options are kInvalidArgument with the option in `field`, a model that is not there kNotFound.
namespace altlas::bench {

// Loading a model by phases. Each repeat does each phase by itself, with the page cache warm and, where the
// cache can be emptied (page_cache.h), cold:
//   read       the weight files through a buffer: the disk, or the page cache
//   map        mapping them and touching every page
//   convert    every tensor copied and cast to `dtype`, pages mapped
//   upload     the tensors to the device, where that is not the processor
//   tokenizer  tokenizer.json, where there is one
// and `load`: what the program's own loader takes for all but the tokenizer, which reads, converts and
// uploads tensor by tensor.
struct LoadScenario {
  std::string model;  // a folder, or a shape, written as a folder with random weights first
  std::string dtype = "float32";
  std::string accelerator = "auto";
  std::uint32_t threads = 0;
  std::size_t runs = 5;
  bool cold = true;               // empty the page cache of the files before the cold repeats
  std::filesystem::path scratch;  // where the random folder is written; empty: the system's temporary folder
  std::uint64_t seed = 1;
};
Result<profile::Summary> RunLoadScenario(const LoadScenario& scenario);

// A request again and again: latency, throughput, memory. `warmup` requests are not counted.
struct InferScenario {
  Workload workload;
  std::size_t runs = 20;
  std::size_t warmup = 3;
};
Result<profile::Summary> RunInferScenario(const InferScenario& scenario);

// Memory after each of `iterations` requests, and whether it grows (slope.h). `plant_leak` bytes are lost an
// iteration on purpose, so that one sees the finding.
struct MemoryScenario {
  Workload workload;
  std::size_t iterations = 100;
  std::size_t warmup = 3;
  std::uint64_t plant_leak = 0;
};
Result<profile::Summary> RunMemoryScenario(const MemoryScenario& scenario);

// One kernel by libtorch, and by the worker's own loops where they have it (float32 on a processor), against
// the limits of the chip.
struct KernelScenario {
  std::string kernel = "gemm";
  std::string size;  // empty: the kernel's default (roofline.h)
  std::string dtype = "float32";
  std::string accelerator = "auto";
  std::uint32_t threads = 0;
  std::size_t runs = 20;
};
Result<profile::Summary> RunKernelScenario(const KernelScenario& scenario);

}  // namespace altlas::bench
