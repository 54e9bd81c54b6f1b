// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <memory>

#include "base/process_memory.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/interrupt.h"
#include "worker/bench/progress.h"
#include "worker/bench/scenario_parts.h"
#include "worker/bench/scenarios.h"
#include "worker/bench/slope.h"
#include "worker/bench/summary_parts.h"
#include "worker/bench/units.h"

namespace altlas::bench {
namespace {

// Of one iteration each.
struct MemorySeries {
  std::vector<double> resident;
  std::vector<double> in_use;
  std::vector<double> device_allocated;
  std::vector<double> device_reserved;
};

// Memory that nobody needs and that stays reachable, so that leak checkers of the build have no say.
class PlantedLeak {
 public:
  void Lose(std::uint64_t bytes) {
    if (bytes == 0) return;
    lost_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    std::memset(lost_.back().get(), 1, bytes);  // so that it is resident too
  }

 private:
  std::vector<std::unique_ptr<char[]>> lost_;
};

void Record(const at::Device& device, MemorySeries& series) {
  const auto memory = ReadProcessMemory();
  series.resident.push_back(static_cast<double>(memory.resident));
  series.in_use.push_back(static_cast<double>(memory.in_use));
  if (const auto on_device = ReadDeviceMemory(device)) {
    series.device_allocated.push_back(static_cast<double>(on_device->allocated));
    series.device_reserved.push_back(static_cast<double>(on_device->reserved));
  }
}

Result<MemorySeries> RunIterations(BenchModel& model, const MemoryScenario& scenario, PlantedLeak& leak) {
  for (std::size_t i = 0; i < scenario.warmup; ++i) {
    ALTLAS_TRY_VOID(model.Run());
  }
  MemorySeries series;
  // The measurement must not grow with what it measures.
  for (auto* one : {&series.resident, &series.in_use, &series.device_allocated, &series.device_reserved})
    one->reserve(scenario.iterations);
  ResetPeaks(model.facts().device);
  Progress progress("iterations", scenario.iterations);
  for (std::size_t i = 0; i < scenario.iterations; ++i) {
    ALTLAS_TRY_VOID(CheckInterrupted());
    ALTLAS_TRY_VOID(model.Run());
    leak.Lose(scenario.plant_leak);
    Record(model.facts().device, series);
    progress.Step();
  }
  return series;
}

// The metrics of one series and its verdict as a finding.
Growth AddSeries(profile::Summary& summary, const std::string& name, const std::string& what,
                 const std::vector<double>& series, double least_bytes) {
  const auto verdict = JudgeGrowth(series, what, least_bytes);
  const Slope& slope = verdict.growth == Growth::kUnknown ? verdict.whole : verdict.second_half;
  AddSamples(summary, name, "B", series, "lower");
  AddMetric(summary, name + "_slope", "B/iteration", slope.per_step, "lower");
  if (std::isfinite(slope.low)) AddMetric(summary, name + "_slope_low", "B/iteration", slope.low, "");
  if (std::isfinite(slope.high)) AddMetric(summary, name + "_slope_high", "B/iteration", slope.high, "");
  const bool grows = verdict.growth == Growth::kGrowing;
  std::map<std::string, double> figures = {{"slope", slope.per_step},
                                           {"iterations", static_cast<double>(series.size())},
                                           {"stretch", slope.stretch}};
  if (std::isfinite(slope.low)) figures["slope_low"] = slope.low;
  if (std::isfinite(slope.high)) figures["slope_high"] = slope.high;
  AddFinding(
      summary, name + "-" + std::string(GrowthName(verdict.growth)), grows ? "warning" : "info",
      verdict.sentence, std::move(figures),
      grows ? "Run with more iterations to see whether it ends, then look for what each request keeps: heap "
              "profilers (heaptrack, jemalloc's) name the place"
            : "");
  return verdict.growth;
}

}  // namespace

Result<profile::Summary> RunMemoryScenario(const MemoryScenario& scenario) {
  const int threads = SetThreads(scenario.workload.threads);
  const auto before = ReadProcessMemory();
  ALTLAS_TRY(const auto model, OpenBenchModel(scenario.workload));
  PlantedLeak leak;
  ALTLAS_TRY(const auto series, RunIterations(*model, scenario, leak));
  auto summary = StartSummary("memory", ParametersOf(scenario.workload));
  auto& parameters = summary.scenario->parameters;
  parameters["iterations"] = std::to_string(scenario.iterations);
  parameters["warmup"] = std::to_string(scenario.warmup);
  if (model->facts().generates) parameters["new_tokens"] = std::to_string(scenario.workload.new_tokens);
  if (scenario.plant_leak > 0) parameters["plant_leak"] = std::to_string(scenario.plant_leak);
  AddTorchEnvironment(summary, model->facts().device, threads);
  auto worst = AddSeries(summary, "memory_in_use", "memory that the process's allocator handed out",
                         series.in_use, kLeastGrowthBytes);
  const auto resident = AddSeries(summary, "memory_resident", "resident memory of the process",
                                  series.resident, kLeastResidentBytes);
  if (resident == Growth::kGrowing) worst = resident;
  if (!series.device_allocated.empty()) {
    const auto allocated =
        AddSeries(summary, "device_memory_allocated", "memory that libtorch handed out on the device",
                  series.device_allocated, kLeastGrowthBytes);
    if (allocated == Growth::kGrowing) worst = allocated;
    AddSamples(summary, "device_memory_reserved", "B", series.device_reserved, "lower");
  }
  // Too few iterations tell nothing, and "not growing" is not nothing.
  if (worst != Growth::kUnknown)
    AddMetric(summary, "growing", "1", worst == Growth::kGrowing ? 1 : 0, "lower");
  AddMetric(summary, "memory_before_model", "B", static_cast<double>(before.resident), "");
  AddPeaks(summary, model->facts().device);
  AddModel(summary, model->facts());
  return summary;
}

}  // namespace altlas::bench
