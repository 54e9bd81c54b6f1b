// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/scenario_parts.h"

#include <ATen/Version.h>
#include <ATen/core/ATen_fwd.h>
#include <torch/version.h>

#include "base/process_memory.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/summary_parts.h"

namespace altlas::bench {

std::map<std::string, std::string> ParametersOf(const Workload& workload) {
  return {{"model", workload.model},
          {"dtype", workload.dtype},
          {"batch_size", std::to_string(workload.batch_size)},
          {"sequence_length", std::to_string(workload.sequence_length)},
          {"seed", std::to_string(workload.seed)}};
}

void AddTorchEnvironment(profile::Summary& summary, const at::Device& device, int threads) {
  summary.environment["torch"] = TORCH_VERSION;
  summary.environment["threads"] = std::to_string(threads);
  summary.environment["instructions"] = at::get_cpu_capability();
  if (summary.scenario) {
    summary.scenario->parameters["device"] = DeviceText(device);
    summary.scenario->parameters["threads"] = std::to_string(threads);
  }
}

void AddModel(profile::Summary& summary, const BenchModelFacts& facts) {
  if (summary.scenario) {
    auto& parameters = summary.scenario->parameters;
    parameters["architecture"] = facts.architecture;
    parameters["weights"] = facts.is_random ? "random" : "of the folder";
  }
  AddMetric(summary, "parameters", "1", static_cast<double>(facts.parameters), "");
  AddMetric(summary, "memory_weights", "B", static_cast<double>(facts.weight_bytes), "lower");
}

void ResetPeaks(const at::Device& device) {
  ResetPeakResident();
  ResetDevicePeak(device);
}

void AddPeaks(profile::Summary& summary, const at::Device& device) {
  AddMetric(summary, "memory_peak", "B", static_cast<double>(PeakResidentBytes()), "lower");
  if (const auto memory = ReadDeviceMemory(device))
    AddMetric(summary, "device_memory_peak", "B", static_cast<double>(memory->peak_allocated), "lower");
}

}  // namespace altlas::bench
