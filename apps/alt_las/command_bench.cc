// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "../bench_options.h"
#include "bench_child.h"
#include "bench_table.h"
#include "commands.h"
#include "device/proc_files.h"
#include "output.h"
#include "profile/summary.h"
#include "settings.h"

namespace altlas::app {
namespace {

constexpr const char* kBenchExitCodes =
    "Exit codes: 0 done, 1 failed (or memory grows, with --fail-on-growth), 2 wrong usage, 3 no such model,\n"
    "file or program, 130 stopped by Ctrl-C.";
// The model that ships with the program, by its name.
constexpr std::string_view kShippedModel = "alt-las-tiny";

struct BenchShow {
  std::string output;
  bool json = false;
  bool fail_on_growth = false;
  std::string worker;
};

struct PipelineOptions {
  std::string data = "synthetic";
  std::string workers;
  std::string pinned = "auto";
  std::string persistent = "both";
  std::string prefetch = "2";
  std::int64_t batch_size = 112;
  std::int64_t batches = 50;
  std::size_t runs = 3;
  double step_ms = 0;
  std::string python;
};

// Says before minutes of measuring what would fail after them.
void AddMachine(profile::Summary& summary) {
  auto& environment = summary.environment;
  environment["alt_las"] = ALTLAS_VERSION;
  environment["cpu_model"] = device::ReadCpuModel("/");
  environment["cores"] = std::to_string(::sysconf(_SC_NPROCESSORS_ONLN));
  utsname system{};
  if (::uname(&system) == 0) environment["kernel"] = fmt::format("{} {}", system.sysname, system.release);
}

Status WriteEverywhere(const profile::Summary& summary, const BenchShow& show) {
  if (!show.output.empty()) {
    ALTLAS_TRY_VOID(profile::WriteSummary(show.output, summary));
  }
  const char* asked = std::getenv("ALTLAS_SUMMARY_OUT");
  if (asked == nullptr || *asked == '\0') return {};
  return profile::WriteSummary(asked, summary).Context("ALTLAS_SUMMARY_OUT");
}

// 1 where memory grows, and where nobody knows: a check that saw too little has not passed.
int GrowthCode(const profile::Summary& summary) {
  const auto growing = std::find_if(summary.metrics.begin(), summary.metrics.end(),
                                    [](const auto& metric) { return metric.name == "growing"; });
  return growing != summary.metrics.end() && growing->value == 0 ? 0 : 1;
}

// Runs the measuring program and shows what it wrote.
int MeasureAndShow(const std::vector<std::string>& words, const BenchShow& show) {
  if (const auto right = CheckOutput("--output", show.output); !right.has_value())
    return Complain(right.error());
  const auto child = RunForOutput(words);
  if (!child.has_value()) return Complain(child.error());
  if (child->signal == SIGINT) return 128 + SIGINT;
  if (child->signal != 0) {
    return Complain(Fail(ErrorCode::kInternal, "{} was ended by signal {}{}", words[0], child->signal,
                         child->signal == SIGKILL ? ", as it is where memory runs out" : ""));
  }
  // It has said why on standard error.
  if (child->code != 0) return child->code;
  auto summary = profile::ParseSummary(child->output);
  if (!summary.has_value()) return Complain(summary.error().Context("what " + words[0] + " measured"));
  AddMachine(*summary);
  if (const auto written = WriteEverywhere(*summary, show); !written.has_value())
    return Complain(written.error());
  WriteOut(show.json ? profile::FormatSummary(*summary) : FormatBench(*summary));
  return show.fail_on_growth ? GrowthCode(*summary) : 0;
}

// The options that were given and are the worker's, as they were given.
void AppendOptions(const BenchScenario& scenario, std::vector<std::string>& words) {
  for (const auto* option : scenario.own) {
    if (option->count() == 0) continue;
    words.push_back(option->get_name());
    if (option->get_items_expected_max() == 0) continue;
    const bool is_model = option->get_name() == "--model";
    for (const auto& value : option->results()) {
      std::error_code error;
      const bool is_shipped = is_model && value == kShippedModel && !std::filesystem::exists(value, error);
      words.push_back(is_shipped ? ShippedModelFolder().string() : value);
    }
  }
}

int RunByWorker(const BenchScenario& scenario, const BenchShow& show) {
  const auto program = show.worker.empty() ? CompanionWorker().string() : show.worker;
  std::error_code error;
  if (!std::filesystem::exists(program, error))
    return Complain(
        Fail(ErrorCode::kNotFound,
             "{} is not there: it measures, and is built with ALTLAS_WITH_TORCH=ON (./run does); name "
             "another by --worker",
             program));
  std::vector<std::string> words = {program, "bench", scenario.command->get_name()};
  AppendOptions(scenario, words);
  return MeasureAndShow(words, show);
}

// The interpreter that was asked for, or the set-up's own with the libraries that its torch wants where there
// is no GPU.
std::vector<std::string> PythonWords(const PipelineOptions& options) {
  if (!options.python.empty()) return {options.python};
  const auto python = DefaultPython();
  const auto libraries = PythonFolder().parent_path() / ".deps" / "torch_on_cpu";
  std::error_code error;
  if (!python.is_absolute() || !std::filesystem::is_directory(libraries, error)) return {python.string()};
  return {"env", "LD_LIBRARY_PATH=" + libraries.string(), python.string()};
}

int RunPipeline(const PipelineOptions& options, const BenchShow& show) {
  const auto script = PythonFolder() / "altlas" / "pipeline_bench.py";
  std::error_code error;
  if (!std::filesystem::is_regular_file(script, error))
    return Complain(
        Fail(ErrorCode::kNotFound, "{} is not there: the installation is incomplete", script.string()));
  auto words = PythonWords(options);
  const std::vector<std::string> arguments = {script.string(),
                                              "--data",
                                              options.data,
                                              "--pinned",
                                              options.pinned,
                                              "--persistent",
                                              options.persistent,
                                              "--prefetch",
                                              options.prefetch,
                                              "--batch-size",
                                              std::to_string(options.batch_size),
                                              "--batches",
                                              std::to_string(options.batches),
                                              "--runs",
                                              std::to_string(options.runs),
                                              "--step-ms",
                                              fmt::format("{}", options.step_ms)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (!options.workers.empty()) words.insert(words.end(), {"--workers", options.workers});
  return MeasureAndShow(words, show);
}

void AddShow(CLI::App& command, BenchShow& show) {
  command
      .add_option("--output", show.output, "Write the figures to this file too, as a profile_summary.json")
      ->check(NotEmpty())
      ->type_name("FILE");
  command.add_flag("--json", show.json, "The figures as JSON instead of a table");
}

void AddWorkerScenario(BenchScenario scenario, const char* examples, Command& run) {
  auto show = std::make_shared<BenchShow>();
  AddShow(*scenario.command, *show);
  scenario.command
      ->add_option("--worker", show->worker,
                   "The program that measures (default: alt_las_worker beside alt_las)")
      ->check(NotEmpty())
      ->type_name("PROGRAM");
  if (scenario.command->get_name() == "memory")
    scenario.command->add_flag("--fail-on-growth", show->fail_on_growth,
                               "Exit code 1 where memory grows, or too few iterations tell nothing");
  scenario.command->footer(std::string("Examples:\n") + examples + kBenchExitCodes);
  scenario.command->callback(
      [&run, scenario, show] { run = [scenario, show] { return RunByWorker(scenario, *show); }; });
}

void AddPipeline(CLI::App& bench, Command& run) {
  auto* command = bench.add_subcommand(
      "pipeline", "The input pipeline of a training in PyTorch: the best DataLoader settings");
  auto options = std::make_shared<PipelineOptions>();
  auto show = std::make_shared<BenchShow>();
  command->add_option("--data", options->data, "A folder whose files are samples, or synthetic")
      ->check(NotEmpty())
      ->type_name("FOLDER|synthetic")
      ->capture_default_str();
  command
      ->add_option("--workers", options->workers,
                   "num_workers to try: 0,2,4 or 0..4 (default: 0 up to the cores)")
      ->check(NotEmpty())
      ->type_name("LIST");
  const auto ways = CLI::IsMember({"on", "off", "both", "auto"});
  command->add_option("--pinned", options->pinned, "pin_memory; auto: both where there is a GPU, else off")
      ->check(ways)
      ->capture_default_str();
  command->add_option("--persistent", options->persistent, "persistent_workers")
      ->check(CLI::IsMember({"on", "off", "both"}))
      ->capture_default_str();
  command->add_option("--prefetch", options->prefetch, "prefetch_factor to try, e.g. 2,4")
      ->check(NotEmpty())
      ->type_name("LIST")
      ->capture_default_str();
  command->add_option("--batch-size", options->batch_size, "Samples of a batch")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--batches", options->batches,
                   "Batches of an epoch of synthetic data, and at most of a folder")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--runs", options->runs, "Repeats of each setting")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--step-ms", options->step_ms,
                   "The consumer is busy for so long a batch, as a training step")
      ->check(Number(0, 60'000))
      ->type_name("MS")
      ->capture_default_str();
  command->add_option("--python", options->python, "A Python with torch (default: .deps/venv, else python3)")
      ->check(NotEmpty())
      ->type_name("PROGRAM");
  AddShow(*command, *show);
  command->footer(
      std::string("Examples:\n"
                  "  alt_las bench pipeline --data photos/ --workers 0..4 --batch-size 112\n"
                  "  alt_las bench pipeline --workers 2,4 --prefetch 2,4 --python ~/venv/bin/python\n") +
      kBenchExitCodes);
  command->callback(
      [&run, options, show] { run = [options, show] { return RunPipeline(*options, *show); }; });
}

}  // namespace

void AddBench(CLI::App& root, Command& run) {
  auto* bench = root.add_subcommand(
      "bench", "Measure scenarios: loading, inference, memory, a kernel, an input pipeline");
  bench->require_subcommand(1);
  bench->footer(std::string("Each writes the JSON that `alt_las profile gate`, `diff` and `report` read.\n"
                            "Examples:\n"
                            "  alt_las bench infer --model bert-base --batch-size 32 --sequence-length 128\n"
                            "  alt_las bench load --model models/alt-las-tiny --output load.json\n") +
                kBenchExitCodes);
  AddWorkerScenario(AddBenchLoad(*bench),
                    "  alt_las bench load --model alt-las-tiny\n"
                    "  alt_las bench load --model bert-base --runs 3 --output load.json\n",
                    run);
  AddWorkerScenario(
      AddBenchInfer(*bench),
      "  alt_las bench infer --model bert-base --batch-size 32 --sequence-length 128\n"
      "  alt_las bench infer --model models/alt-las-tiny --batch-size 8 --new-tokens 64 --threads 2\n",
      run);
  AddWorkerScenario(AddBenchMemory(*bench),
                    "  alt_las bench memory --model bert-base --iterations 100\n"
                    "  alt_las bench memory --model bert-tiny --plant-leak 4096 --fail-on-growth\n",
                    run);
  AddWorkerScenario(AddBenchKernel(*bench),
                    "  alt_las bench kernel --kernel gemm --size 4096x768x768\n"
                    "  alt_las bench kernel --kernel attention --dtype bfloat16\n",
                    run);
  AddPipeline(*bench, run);
}

}  // namespace altlas::app
