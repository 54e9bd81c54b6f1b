// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <cmath>

#include "base/clock.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/chip_limits.h"
#include "worker/bench/interrupt.h"
#include "worker/bench/kernel_calls.h"
#include "worker/bench/progress.h"
#include "worker/bench/sample.h"
#include "worker/bench/scenario_parts.h"
#include "worker/bench/scenarios.h"
#include "worker/bench/summary_parts.h"
#include "worker/model/load.h"

namespace altlas::bench {
namespace {

// Calls are timed in groups of at least so long, or the clock would be measured.
constexpr double kLeastGroupSeconds = 0.002;
constexpr std::size_t kMostCalls = 1'000'000;

double TimeCalls(const KernelCall& kernel, const at::Device& device, std::size_t calls) {
  const SystemClock clock;
  const auto begin = clock.Now();
  for (std::size_t i = 0; i < calls; ++i) kernel.call();
  WaitFor(device);
  return Seconds(clock.Now() - begin);
}

// Seconds of one call, one value a group.
Result<std::vector<double>> TimeKernel(const KernelCall& kernel, const at::Device& device, std::size_t runs) {
  std::size_t calls = 1;
  TimeCalls(kernel, device, 1);
  while (calls < kMostCalls && TimeCalls(kernel, device, calls) < kLeastGroupSeconds) calls *= 2;
  Progress progress(kernel.implementation, runs);
  std::vector<double> seconds;
  for (std::size_t run = 0; run < runs; ++run) {
    ALTLAS_TRY_VOID(CheckInterrupted());
    seconds.push_back(TimeCalls(kernel, device, calls) / static_cast<double>(calls));
    progress.Step();
  }
  return seconds;
}

// 1.2e11 -> "120.0 G"
std::string Short(double value) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (value >= 1000 && prefix + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{:.1f} {}", value, kPrefixes[prefix]);
}

profile::SummaryKernelDetail DetailOf(const std::string& name, const std::vector<double>& seconds,
                                      const KernelWork& work, const RooflinePoint& point,
                                      const MachineLimits& limits) {
  profile::SummaryKernelDetail detail;
  detail.name = name;
  detail.full_name = name;
  detail.count = seconds.size();
  detail.duration_ns = 1e9 * MedianOf(seconds);
  detail.flop = work.flop;
  detail.flop_per_second = point.flop_per_second;
  detail.arithmetic_intensity = point.intensity;
  detail.peak_flop_per_second = limits.flop_per_second;
  detail.peak_bytes_per_second = limits.bytes_per_second;
  detail.bound = point.compute_bound ? "compute" : "memory";
  return detail;
}

struct KernelRun {
  const KernelScenario& scenario;
  KernelSize size;
  KernelWork work;
  MachineLimits limits;
};

void AddKernel(profile::Summary& summary, const KernelRun& run, const KernelCall& kernel,
               const std::vector<double>& seconds) {
  const auto point = PlaceUnderRoof(run.work, MedianOf(seconds), run.limits);
  const auto& name = kernel.implementation;
  std::vector<double> ms;
  for (const double one : seconds) ms.push_back(1000 * one);
  AddSamples(summary, name + "_time", "ms", ms, "lower");
  AddMetric(summary, name + "_flop_per_second", "flop/s", point.flop_per_second, "higher");
  AddMetric(summary, name + "_bytes_per_second", "B/s", point.bytes_per_second, "higher");
  AddMetric(summary, name + "_share_of_limit", "%", 100 * point.share, "higher");
  const auto title =
      fmt::format("{} {} {} ({})", run.scenario.kernel, run.size.Text(), run.scenario.dtype, name);
  summary.kernel_details.push_back(DetailOf(title, seconds, run.work, point, run.limits));
  AddFinding(
      summary, "kernel-" + name, "info",
      fmt::format("{} reaches {}flop/s, {:.0f} % of what this chip allows at {:.1f} flop a byte: {} is the "
                  "limit (the ridge lies at {:.1f})",
                  title, Short(point.flop_per_second), 100 * point.share, point.intensity,
                  point.compute_bound ? "computing" : "the memory", point.ridge),
      {{"flop_per_second", point.flop_per_second},
       {"bytes_per_second", point.bytes_per_second},
       {"share_of_limit", point.share},
       {"intensity", point.intensity},
       {"ridge", point.ridge}});
  if (point.share > 1 && !point.compute_bound)
    AddFinding(summary, "kernel-" + name + "-cache", "info",
               fmt::format("{}: above the memory's limit, so its data came from the caches", title));
}

void AddLimits(profile::Summary& summary, const KernelRun& run) {
  AddMetric(summary, "limit_flop_per_second", "flop/s", run.limits.flop_per_second, "");
  AddMetric(summary, "limit_bytes_per_second", "B/s", run.limits.bytes_per_second, "");
  AddMetric(summary, "intensity", "flop/B", run.work.flop / run.work.bytes, "");
  summary.environment["limit_flop_source"] = run.limits.flop_source;
  summary.environment["limit_bytes_source"] = run.limits.bytes_source;
}

Result<profile::Summary> MeasureKernel(const KernelScenario& scenario, const KernelSize& size) {
  const int threads = SetThreads(scenario.threads);
  ALTLAS_TRY(const auto dtype, model::ParseDtype(scenario.dtype));
  ALTLAS_TRY(const auto device, OpenDevice(scenario.accelerator));
  const c10::InferenceMode inference;
  ALTLAS_TRY(const auto calls, MakeKernelCalls(size, dtype, device));
  auto summary = StartSummary("kernel", {{"kernel", scenario.kernel},
                                         {"size", size.Text()},
                                         {"dtype", scenario.dtype},
                                         {"runs", std::to_string(scenario.runs)}});
  AddTorchEnvironment(summary, device, threads);
  ALTLAS_TRY(const auto limits, MeasureChipLimits(dtype, device, threads));
  const KernelRun run{scenario, size, WorkOf(size, static_cast<std::int64_t>(c10::elementSize(dtype))),
                      limits};
  for (const auto& kernel : calls) {
    ALTLAS_TRY(const auto seconds, TimeKernel(kernel, device, scenario.runs));
    AddKernel(summary, run, kernel, seconds);
  }
  AddLimits(summary, run);
  return summary;
}

}  // namespace

Result<profile::Summary> RunKernelScenario(const KernelScenario& scenario) {
  ALTLAS_TRY(const auto kind, ParseKernelKind(scenario.kernel));
  ALTLAS_TRY(const auto size, ParseKernelSize(kind, scenario.size));
  try {
    return MeasureKernel(scenario, size);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "{} {} in {} cannot be computed: {}", scenario.kernel, size.Text(),
                scenario.dtype, error.what());
  }
}

}  // namespace altlas::bench
