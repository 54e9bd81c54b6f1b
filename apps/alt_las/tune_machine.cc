// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "../cli_checks.h"
#include "base/json_writer.h"
#include "base/output_file.h"
#include "batch_measure.h"
#include "open_state.h"
#include "output.h"
#include "run_program.h"
#include "settings.h"
#include "tables.h"
#include "tune/advice.h"
#include "tune_commands.h"
#include "tune_inputs.h"

namespace altlas::app {
namespace {

struct MachineOptions {
  std::string model;
  std::string data;
  std::string write;
  double share = 0.9;
  double memory_gib = 0;
  std::uint64_t most = 256;
  bool quick = false;
  bool json = false;
};

// How long and how wide generation is measured.
struct SpeedPlan {
  int tokens = 48;
  int sequences = 8;  // of the comparisons
  int most_sequences = 32;
};
constexpr SpeedPlan kQuickSpeed{.tokens = 8, .sequences = 2, .most_sequences = 2};

int CoresHere() {
  cpu_set_t allowed;
  return ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? std::max(1, CPU_COUNT(&allowed)) : 1;
}

void Tell(std::string_view what) {
  if (::isatty(STDERR_FILENO) != 0) Note("\r\033[K{}", what);
}

// Tokens a second of the model by sequences at once, as the worker measures them.
Result<std::vector<tune::Rate>> Generate(const StepPlan& plan, int tokens,
                                         const std::vector<int>& sequences) {
  std::vector<std::string> arguments = {"--bench",       plan.folder.string(),
                                        "--max-length",  std::to_string(tokens),
                                        "--threads",     std::to_string(plan.threads),
                                        "--dtype",       plan.dtype,
                                        "--accelerator", plan.accelerator,
                                        "--streams"};
  for (const int count : sequences) arguments.push_back(std::to_string(count));
  ALTLAS_TRY(const auto ran, RunProgram(plan.program, std::move(arguments)));
  if (ran.exit_code != 0 || ran.signal != 0)
    return Fail(ErrorCode::kUnavailable, "{}", WorkersWords(ran.errors));
  const auto json = nlohmann::json::parse(ran.output, nullptr, false);
  std::vector<tune::Rate> rates;
  try {
    for (const auto& run : json.at("runs"))
      rates.push_back({run.at("streams").get<int>(), run.at("tokens_per_second").get<double>()});
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "the worker's measurement cannot be read ({})", error.what());
  }
  return rates;
}

std::vector<int> Doubling(int most) {
  std::vector<int> numbers;
  for (int n = 1; n < most; n *= 2) numbers.push_back(n);
  numbers.push_back(most);
  return numbers;
}

// Threads first: all that follows runs with the best number of them.
Status MeasureSpeed(const SpeedPlan& speed, StepPlan& plan, tune::Measurements& m) {
  if (!m.gpu) {
    for (const int threads : Doubling(m.cores)) {
      Tell(fmt::format("tokens/s with {} threads ...", threads));
      plan.threads = threads;
      ALTLAS_TRY(const auto rates, Generate(plan, speed.tokens, {speed.sequences}));
      m.by_threads.push_back({threads, rates.empty() ? 0 : rates.front().per_second});
    }
    plan.threads = tune::SmallestNearBest(m.by_threads);
  }
  Tell("tokens/s by sequences at once ...");
  ALTLAS_TRY(m.by_sequences, Generate(plan, speed.tokens, Doubling(speed.most_sequences)));
  for (auto [dtype, into] :
       {std::pair{"float32", &m.float32_per_second}, std::pair{"bfloat16", &m.bfloat16_per_second}}) {
    Tell(fmt::format("tokens/s in {} ...", dtype));
    auto other = plan;
    other.dtype = dtype;
    ALTLAS_TRY(const auto rates, Generate(other, speed.tokens, {speed.sequences}));
    *into = rates.empty() ? 0 : rates.front().per_second;
  }
  return {};
}

Status MeasureBatch(const MachineOptions& options, StepPlan& plan, tune::Measurements& m) {
  auto most = options.most;
  if (!options.data.empty()) {
    Tell("reading the data ...");
    ALTLAS_TRY(const auto data, ReadData(options.data, plan.folder));
    m.seconds_to_load_a_sample = data.seconds_a_sample;
    plan.length = std::max<std::int64_t>(2, data.long_tokens);
    most = std::min(most, data.samples);
  }
  m.length = plan.length;
  m.limit_bytes = options.memory_gib > 0 ? options.share * m.free_bytes
                                         : StepLimit(m.free_bytes, options.share, kMarginGib);
  const auto progress = [&](std::uint64_t batch) {
    Tell(fmt::format("a training step of {} samples of {} tokens ...", batch, plan.length));
  };
  ALTLAS_TRY(const auto found, FindBatch(plan, {.memory_bytes = m.limit_bytes, .most = most}, progress));
  m.batch = found.answer.batch;
  m.batch_bytes = found.answer.bytes;
  m.samples_per_second = found.at_answer.samples_per_second;
  m.step_seconds = found.at_answer.seconds;
  return {};
}

void MeasureCopies(const StepPlan& plan, tune::Measurements& m) {
  if (!m.gpu) return;
  Tell("copies to the GPU ...");
  const auto ran = RunProgram(plan.program, {"--copies", "--accelerator", "cuda"});
  if (!ran.has_value()) return;
  const auto json = nlohmann::json::parse(ran->output, nullptr, false);
  if (!json.is_object()) return;
  m.pageable_bytes_per_second = json.value("pageable_bytes_per_second", 0.0);
  m.pinned_bytes_per_second = json.value("pinned_bytes_per_second", 0.0);
}

Result<tune::Measurements> MeasureAll(const CommonOptions& common, const MachineOptions& options) {
  tune::Measurements m;
  StepPlan plan;
  ALTLAS_TRY(const auto loaded, ReadConfig(common));
  ALTLAS_TRY(plan.folder, ModelFolder(loaded, options.model));
  ALTLAS_TRY(const auto room, RoomHere(loaded));
  plan.program = WorkerProgram(loaded);
  plan.accelerator = room.accelerator;
  m.gpu = room.accelerator == "cuda";
  m.device = room.device.name;
  m.memory_bytes = room.device.memory_total;
  m.cores = CoresHere();
  m.platform = tune::ReadPlatform("/");
  m.model = plan.folder.filename().string();
  m.model_path = plan.folder.string();
  m.free_bytes = options.memory_gib > 0 ? options.memory_gib * kGiB : room.free_bytes;
  ALTLAS_TRY_VOID(MeasureSpeed(options.quick ? kQuickSpeed : SpeedPlan{}, plan, m));
  ALTLAS_TRY_VOID(MeasureBatch(options, plan, m));
  MeasureCopies(plan, m);
  Tell("");
  return m;
}

std::string AdviceAsJson(const tune::Measurements& m, const std::vector<tune::Advice>& advice) {
  JsonWriter json;
  json.BeginObject().Key("device").String(m.device).Key("memory_bytes").Unsigned(m.memory_bytes);
  json.Key("cores").Int(m.cores).Key("model").String(m.model).Key("advice").BeginArray();
  for (const auto& one : advice) {
    json.BeginObject().Key("what").String(one.what).Key("value").String(one.value);
    json.Key("measurement").String(one.measurement).Key("guide").String(one.guide).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

std::string AdviceAsText(const tune::Measurements& m, const std::vector<tune::Advice>& advice) {
  auto text = fmt::format("{}, {} cores, {}; model {}\n\n", Printable(m.device), m.cores,
                          FormatBytes(m.memory_bytes), Printable(m.model));
  for (const auto& one : advice) {
    text += fmt::format("{:<15} {}\n                measured: {}\n", one.what, one.value,
                        Printable(one.measurement));
    if (!one.guide.empty()) text += fmt::format("                the guide: {}\n", one.guide);
  }
  return text;
}

int TuneMachine(const CommonOptions& common, const MachineOptions& options) {
  // Before minutes of measuring, not after them.
  if (const auto right = CheckOutput("--write", options.write); !right.has_value())
    return Complain(right.error());
  const auto measured = MeasureAll(common, options);
  if (!measured.has_value()) return Complain(measured.error());
  const auto advice = tune::Advise(*measured);
  WriteOut(options.json ? AdviceAsJson(*measured, advice) : AdviceAsText(*measured, advice));
  if (options.write.empty()) return 0;
  const auto written = WriteOutputFile(options.write, tune::FormatConfiguration(*measured, advice));
  if (!written.has_value()) return Complain(written.error().Context("writing " + options.write));
  Note("written to {}; check it with: alt_las --validate-config --config {}\n", options.write, options.write);
  return 0;
}

}  // namespace

void DescribeTuneMachine(CLI::App& tune, CommonOptions& common, Command& run) {
  auto options = std::make_shared<MachineOptions>();
  tune.add_option("--model", options->model,
                  "A model's folder, or its name in the configuration (default: shipped)")
      ->check(NotEmpty())
      ->type_name("FOLDER|NAME");
  tune.add_option("--data", options->data, "A text file of training samples, one a line")
      ->check(NotEmpty())
      ->type_name("FILE");
  tune.add_option("--write", options->write, "Write a configuration file with the settings")
      ->check(NotEmpty())
      ->type_name("FILE");
  tune.add_option("--share", options->share, "Of the free memory, for the batch size")
      ->check(Number(0.01, 1))
      ->capture_default_str();
  tune.add_option("--memory", options->memory_gib, "Instead of the free memory, GiB")
      ->check(Number(0.01, 1e6))
      ->type_name("GIB");
  tune.add_option("--most", options->most, "The largest batch of interest")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  tune.add_flag("--quick", options->quick, "A rough measurement of speed: few tokens, few sequences at once");
  tune.add_flag("--json", options->json, "As JSON");
  tune.footer(
      "Measures with the real model on the first device; takes minutes. Stop servers on it first.\n"
      "Examples:\n"
      "  alt_las tune --model models/alt-las-tiny --write tuned.yaml\n"
      "  alt_las tune --model my-model --data train.txt --json\n"
      "  alt_las tune batch --model my-model          the batch size alone\n"
      "  alt_las tune env --shell powershell          the GPU allocator's variables alone\n" +
      std::string(kExitCodes));
  tune.callback([&tune, &run, &common, options] {
    if (tune.get_subcommands().empty()) run = [&common, options] { return TuneMachine(common, *options); };
  });
}

}  // namespace altlas::app
