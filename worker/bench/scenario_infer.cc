// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "worker/bench/bench_device.h"
#include "worker/bench/interrupt.h"
#include "worker/bench/progress.h"
#include "worker/bench/sample.h"
#include "worker/bench/scenario_parts.h"
#include "worker/bench/scenarios.h"
#include "worker/bench/summary_parts.h"

namespace altlas::bench {
namespace {

constexpr double kMs = 1000;

Result<std::vector<RequestTimes>> RunRequests(BenchModel& model, const InferScenario& scenario) {
  {
    Progress progress("warm-up", scenario.warmup);
    for (std::size_t i = 0; i < scenario.warmup; ++i) {
      ALTLAS_TRY_VOID(model.Run());
      progress.Step();
    }
  }
  ResetPeaks(model.facts().device);
  Progress progress("requests", scenario.runs);
  std::vector<RequestTimes> all;
  all.reserve(scenario.runs);
  for (std::size_t i = 0; i < scenario.runs; ++i) {
    ALTLAS_TRY_VOID(CheckInterrupted());
    ALTLAS_TRY(auto times, model.Run());
    all.push_back(std::move(times));
    progress.Step();
  }
  return all;
}

void AddTimes(profile::Summary& summary, const std::string& name, const std::vector<double>& ms) {
  const auto facts = FactsOf(ms);
  AddSamples(summary, name + "_p50", "ms", ms, "lower");
  AddMetric(summary, name + "_p90", "ms", facts.p90, "lower");
  AddMetric(summary, name + "_p95", "ms", facts.p95, "lower");
  AddMetric(summary, name + "_p99", "ms", facts.p99, "lower");
  AddMetric(summary, name + "_mean", "ms", facts.mean, "lower");
  AddMetric(summary, name + "_max", "ms", facts.most, "");
}

void AddRate(profile::Summary& summary, std::string name, double count, const std::vector<double>& ms) {
  std::vector<double> rates;
  for (const double one : ms) rates.push_back(kMs * count / one);
  AddSamples(summary, std::move(name), "1/s", std::move(rates), "higher");
}

// Of a model that writes: until the first token, and between tokens.
void AddTokenTimes(profile::Summary& summary, const Workload& workload,
                   const std::vector<RequestTimes>& all) {
  std::vector<double> first;
  std::vector<double> between;
  std::vector<double> rates;
  for (const auto& one : all) {
    first.push_back(kMs * one.first);
    for (const double step : one.steps) between.push_back(kMs * step);
    const double writing = std::accumulate(one.steps.begin(), one.steps.end(), 0.0);
    if (writing > 0)
      rates.push_back(static_cast<double>(workload.batch_size) * static_cast<double>(one.steps.size()) /
                      writing);
  }
  const auto prompt = static_cast<double>(workload.batch_size * workload.sequence_length);
  AddTimes(summary, "first_token", first);
  AddRate(summary, "prompt_tokens_per_second", prompt, first);
  if (between.empty()) return;
  AddTimes(summary, "token", between);
  AddSamples(summary, "generated_tokens_per_second", "1/s", rates, "higher");
}

}  // namespace

Result<profile::Summary> RunInferScenario(const InferScenario& scenario) {
  const int threads = SetThreads(scenario.workload.threads);
  ALTLAS_TRY(const auto model, OpenBenchModel(scenario.workload));
  ALTLAS_TRY(const auto all, RunRequests(*model, scenario));
  const Workload& workload = scenario.workload;
  auto summary = StartSummary("infer", ParametersOf(workload));
  if (model->facts().generates)
    summary.scenario->parameters["new_tokens"] = std::to_string(workload.new_tokens);
  AddTorchEnvironment(summary, model->facts().device, threads);
  std::vector<double> latency;
  for (const auto& one : all) latency.push_back(kMs * one.Total());
  AddTimes(summary, "latency", latency);
  AddRate(summary, "sequences_per_second", static_cast<double>(workload.batch_size), latency);
  if (model->facts().generates) {
    AddTokenTimes(summary, workload, all);
  } else {
    AddRate(summary, "tokens_per_second", static_cast<double>(workload.batch_size * workload.sequence_length),
            latency);
  }
  AddPeaks(summary, model->facts().device);
  AddModel(summary, model->facts());
  return summary;
}

}  // namespace altlas::bench
