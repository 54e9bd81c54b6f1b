// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cli_checks.h"

// The scenarios of `alt_las bench` that alt_las_worker measures, as options: alt_las describes and checks
// them, and hands them on to alt_las_worker, which reads them by the same description.
namespace altlas::app {

struct BenchOptions {
  std::string model;
  std::string dtype = "float32";
  std::string accelerator = "auto";
  std::uint32_t threads = 0;
  std::uint64_t seed = 1;
  std::int64_t batch_size = 1;
  std::int64_t sequence_length = 128;
  std::int64_t new_tokens = 32;
  std::size_t runs = 0;  // set by the scenario
  std::size_t warmup = 3;
  std::size_t iterations = 100;
  std::uint64_t plant_leak = 0;
  bool no_cold = false;
  std::string scratch;
  std::string kernel;
  std::string size;
};

// What one scenario takes; each has its own values.
struct BenchScenario {
  CLI::App* command = nullptr;
  std::shared_ptr<BenchOptions> options = std::make_shared<BenchOptions>();
  std::vector<CLI::Option*> own;  // those of alt_las_worker

  CLI::Option* Keep(CLI::Option* option) {
    own.push_back(option);
    return option;
  }
};

inline void AddBenchDevice(BenchScenario& scenario) {
  auto& options = *scenario.options;
  auto& command = *scenario.command;
  scenario.Keep(command.add_option("--dtype", options.dtype, "float32, bfloat16 or float16")
                    ->check(CLI::IsMember({"float32", "bfloat16", "float16"}))
                    ->capture_default_str());
  scenario.Keep(command
                    .add_option("--accelerator", options.accelerator,
                                "cpu, cuda, or auto: the GPU where the driver shows one")
                    ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
                    ->capture_default_str());
  scenario.Keep(command.add_option("--threads", options.threads, "Threads for computing; 0: every core")
                    ->check(CLI::Range(0, 1024))
                    ->capture_default_str());
}

inline void AddBenchModel(BenchScenario& scenario) {
  auto& options = *scenario.options;
  scenario.Keep(
      scenario.command
          ->add_option("--model", options.model,
                       "A model folder, or a size with random weights: bert-base, bert-tiny, llama-tiny, "
                       "llama-110m, llama-1b, llama-7b, llama-8b")
          ->check(NotEmpty())
          ->type_name("FOLDER|NAME")
          ->required());
  scenario.Keep(scenario.command->add_option("--seed", options.seed, "Of random weights and tokens")
                    ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
                    ->capture_default_str());
}

inline void AddBenchRequest(BenchScenario& scenario) {
  auto& options = *scenario.options;
  auto& command = *scenario.command;
  scenario.Keep(command.add_option("--batch-size", options.batch_size, "Sequences at the same time")
                    ->check(CLI::Range(std::int64_t{1}, std::int64_t{65'536}))
                    ->type_name("N")
                    ->capture_default_str());
  scenario.Keep(command.add_option("--sequence-length", options.sequence_length, "Tokens of each sequence")
                    ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
                    ->type_name("L")
                    ->capture_default_str());
  scenario.Keep(command
                    .add_option("--new-tokens", options.new_tokens,
                                "Tokens that a model of text writes; 0: the prompt alone")
                    ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20))
                    ->type_name("N")
                    ->capture_default_str());
  scenario.Keep(command.add_option("--warmup", options.warmup, "Requests that are not counted")
                    ->check(CLI::Range(0, 100'000))
                    ->type_name("N")
                    ->capture_default_str());
}

inline void AddBenchRuns(BenchScenario& scenario, std::size_t runs, const char* what) {
  scenario.options->runs = runs;
  scenario.Keep(scenario.command->add_option("--runs", scenario.options->runs, what)
                    ->check(CLI::Range(1, 1'000'000))
                    ->type_name("N")
                    ->capture_default_str());
}

inline BenchScenario AddBenchLoad(CLI::App& bench) {
  BenchScenario scenario;
  scenario.command =
      bench.add_subcommand("load", "Loading a model, phase by phase, from a cold and a warm page cache");
  AddBenchModel(scenario);
  AddBenchDevice(scenario);
  AddBenchRuns(scenario, 5, "Repeats");
  scenario.Keep(scenario.command->add_flag("--no-cold", scenario.options->no_cold,
                                           "Leave the page cache alone: warm figures only"));
  scenario.Keep(scenario.command
                    ->add_option("--scratch", scenario.options->scratch,
                                 "Where random weights are written to be loaded (default: $TMPDIR or /tmp)")
                    ->check(NotEmpty())
                    ->type_name("FOLDER"));
  return scenario;
}

inline BenchScenario AddBenchInfer(CLI::App& bench) {
  BenchScenario scenario;
  scenario.command = bench.add_subcommand("infer", "A request again and again: latency, throughput, memory");
  AddBenchModel(scenario);
  AddBenchRequest(scenario);
  AddBenchRuns(scenario, 20, "Requests that are measured");
  AddBenchDevice(scenario);
  return scenario;
}

inline BenchScenario AddBenchMemory(CLI::App& bench) {
  BenchScenario scenario;
  scenario.command = bench.add_subcommand("memory", "Memory over iterations, and whether it leaks");
  AddBenchModel(scenario);
  scenario.Keep(scenario.command->add_option("--iterations", scenario.options->iterations, "Requests")
                    ->check(CLI::Range(1, 10'000'000))
                    ->type_name("N")
                    ->capture_default_str());
  AddBenchRequest(scenario);
  AddBenchDevice(scenario);
  scenario.Keep(scenario.command
                    ->add_option("--plant-leak", scenario.options->plant_leak,
                                 "Lose so many bytes an iteration on purpose, to see that it is found")
                    ->check(CLI::Range(0, 1 << 30))
                    ->type_name("BYTES"));
  return scenario;
}

inline BenchScenario AddBenchKernel(CLI::App& bench) {
  BenchScenario scenario;
  scenario.command = bench.add_subcommand("kernel", "One kernel in detail, against the limits of the chip");
  scenario.Keep(scenario.command->add_option("--kernel", scenario.options->kernel, "gemm, attention or conv")
                    ->check(CLI::IsMember({"gemm", "attention", "conv"}))
                    ->required());
  scenario.Keep(scenario.command
                    ->add_option("--size", scenario.options->size,
                                 "gemm MxNxK, attention BxHxSxD, conv NxCxHxWxKxR (default: 1024x1024x1024, "
                                 "1x12x128x64, 1x64x56x56x64x3)")
                    ->check(NotEmpty())
                    ->type_name("SIZE"));
  AddBenchRuns(scenario, 20, "Repeats");
  AddBenchDevice(scenario);
  return scenario;
}

}  // namespace altlas::app
