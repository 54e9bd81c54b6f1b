// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <fmt/format.h>

#include <cstdio>

#include "../bench_options.h"
#include "base/log.h"
#include "commands.h"
#include "worker/bench/interrupt.h"
#include "worker/bench/scenarios.h"
#include "worker/serve/load_engine.h"

namespace altlas::worker_app {
namespace {

using app::BenchOptions;
using app::BenchScenario;

// What 128 + SIGINT says in a shell.
constexpr int kInterruptedCode = 130;

bench::Workload WorkloadOf(const BenchOptions& options) {
  bench::Workload workload;
  workload.model = options.model;
  workload.dtype = options.dtype;
  workload.accelerator = options.accelerator;
  workload.threads = options.threads;
  workload.batch_size = options.batch_size;
  workload.sequence_length = options.sequence_length;
  workload.new_tokens = options.new_tokens;
  workload.seed = options.seed;
  return workload;
}

Result<profile::Summary> MeasureLoad(const BenchOptions& options) {
  return bench::RunLoadScenario({options.model, options.dtype, options.accelerator, options.threads,
                                 options.runs, !options.no_cold, options.scratch, options.seed});
}

Result<profile::Summary> MeasureInfer(const BenchOptions& options) {
  return bench::RunInferScenario({WorkloadOf(options), options.runs, options.warmup});
}

Result<profile::Summary> MeasureMemory(const BenchOptions& options) {
  return bench::RunMemoryScenario(
      {WorkloadOf(options), options.iterations, options.warmup, options.plant_leak});
}

Result<profile::Summary> MeasureKernel(const BenchOptions& options) {
  return bench::RunKernelScenario(
      {options.kernel, options.size, options.dtype, options.accelerator, options.threads, options.runs});
}

int CodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kTooLarge:
      return kUsage;
    case ErrorCode::kNotFound:
      return kRefused;  // no such file or device
    case ErrorCode::kCanceled:
      return kInterruptedCode;
    default:
      return kFailed;
  }
}

// Names come from outside, and a terminal obeys them.
std::string WithoutControls(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

using ScenarioMeasure = Result<profile::Summary> (*)(const BenchOptions&);

int RunScenario(const BenchOptions& options, ScenarioMeasure measure) {
  SetLogLevel(LogLevel::kWarn);
  serve::SetUpProcess();
  bench::WatchInterrupts();
  const auto summary = measure(options);
  if (!summary.has_value()) {
    fmt::print(stderr, "alt_las_worker: {}\n", WithoutControls(summary.error().message));
    return CodeOf(summary.error());
  }
  const auto text = profile::FormatSummary(*summary);
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) std::fputs("alt_las_worker: standard output cannot be written\n", stderr);
  return written ? kDone : kFailed;
}

void AddScenario(const BenchScenario& scenario, ScenarioMeasure measure, std::function<int()>& run) {
  scenario.command->callback([&run, options = scenario.options, measure] {
    run = [options, measure] { return RunScenario(*options, measure); };
  });
}

}  // namespace

void AddBenchScenarios(CLI::App& app, std::function<int()>& run) {
  auto* bench =
      app.add_subcommand("bench", "Measure one scenario; JSON on standard output (alt_las bench shows it)");
  bench->require_subcommand(1);
  AddScenario(app::AddBenchLoad(*bench), MeasureLoad, run);
  AddScenario(app::AddBenchInfer(*bench), MeasureInfer, run);
  AddScenario(app::AddBenchMemory(*bench), MeasureMemory, run);
  AddScenario(app::AddBenchKernel(*bench), MeasureKernel, run);
}

}  // namespace altlas::worker_app
