// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "profile/summary.h"
#include "worker/bench/bench_model.h"

// What the scenarios of a model share.
namespace altlas::bench {

// Options as a summary keeps them.
std::map<std::string, std::string> ParametersOf(const Workload& workload);
// libtorch's version, threads, device, what the processor can.
void AddTorchEnvironment(profile::Summary& summary, const at::Device& device, int threads);
// Model, dtype and device into the parameters; its size into the metrics.
void AddModel(profile::Summary& summary, const BenchModelFacts& facts);
// Highest memory since ResetPeaks.
void ResetPeaks(const at::Device& device);
void AddPeaks(profile::Summary& summary, const at::Device& device);

}  // namespace altlas::bench
