// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "../cli_checks.h"
#include "base/json_writer.h"
#include "batch_measure.h"
#include "open_state.h"
#include "output.h"
#include "settings.h"
#include "tables.h"
#include "tune_commands.h"
#include "tune_inputs.h"

namespace altlas::app {
namespace {

constexpr double kBytesOfMiB = 1 << 20;

struct BatchOptions {
  std::string model;
  std::string data;
  std::string work = "training";
  double share = 0.9;
  std::optional<double> margin_gib;
  double memory_gib = 0;
  std::int64_t length = 0;
  int threads = 0;
  std::uint64_t most = 65'536;
  bool json = false;
};

struct Searched {
  StepPlan plan;
  BatchFound found;
  double free_bytes = 0;
  double limit_bytes = 0;
};

Result<Searched> Search(const CommonOptions& common, const BatchOptions& options) {
  Searched searched;
  auto most = options.most;
  ALTLAS_TRY(const auto loaded, ReadConfig(common));
  ALTLAS_TRY(searched.plan.folder, ModelFolder(loaded, options.model));
  ALTLAS_TRY(const auto room, RoomHere(loaded));
  searched.plan.program = WorkerProgram(loaded);
  searched.plan.work = options.work;
  searched.plan.accelerator = room.accelerator;
  searched.plan.threads = options.threads;
  searched.plan.length = 256;
  if (!options.data.empty()) {
    ALTLAS_TRY(const auto data, ReadData(options.data, searched.plan.folder));
    searched.plan.length = std::max<std::int64_t>(2, data.long_tokens);
    most = std::min(most, data.samples);
  }
  if (options.length > 0) searched.plan.length = options.length;
  searched.free_bytes = options.memory_gib > 0 ? options.memory_gib * kGiB : room.free_bytes;
  searched.limit_bytes =
      options.memory_gib > 0 && !options.margin_gib
          ? options.share * searched.free_bytes
          : StepLimit(searched.free_bytes, options.share, options.margin_gib.value_or(kMarginGib));
  if (!(searched.limit_bytes > 0))
    return Fail(ErrorCode::kInvalidArgument,
                "nothing is left to fill: {:.3g} GiB are free and --margin keeps {:.3g} GiB of them free",
                searched.free_bytes / kGiB, options.margin_gib.value_or(kMarginGib));
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  int step = 0;
  const auto progress = [&](std::uint64_t batch) {
    if (terminal) Note("\r\033[Kstep {}: {} samples of {} tokens ...", ++step, batch, searched.plan.length);
  };
  auto found = FindBatch(searched.plan, {.memory_bytes = searched.limit_bytes, .most = most}, progress);
  if (terminal) Note("\r\033[K");
  if (!found.has_value()) return std::move(found).error();
  searched.found = std::move(*found);
  return searched;
}

std::string SearchedAsJson(const Searched& searched) {
  const auto& answer = searched.found.answer;
  JsonWriter json;
  json.BeginObject().Key("batch").Unsigned(answer.batch).Key("work").String(searched.plan.work);
  json.Key("length").Int(searched.plan.length).Key("limit_bytes").Double(searched.limit_bytes);
  json.Key("measured_bytes").Double(answer.bytes).Key("predicted_bytes").Double(answer.predicted_bytes);
  json.Key("fixed_bytes").Double(answer.fit.intercept).Key("bytes_per_sample").Double(answer.fit.slope);
  json.Key("linear").Bool(answer.linear).Key("workspace_bytes").Double(answer.step_bytes);
  json.Key("too_large").Unsigned(answer.too_large).Key("why").String(answer.why);
  json.Key("samples_per_second").Double(searched.found.at_answer.samples_per_second).Key("runs").BeginArray();
  for (const auto& run : answer.runs)
    json.BeginObject()
        .Key("batch")
        .Unsigned(run.batch)
        .Key("bytes")
        .Double(run.bytes)
        .Key("fits")
        .Bool(run.fits)
        .EndObject();
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

std::string SearchedAsText(const Searched& searched) {
  const auto& answer = searched.found.answer;
  const auto bytes = [](double count) {
    return FormatBytes(static_cast<std::uint64_t>(std::max(0.0, count)));
  };
  std::vector<std::vector<std::string>> rows = {{"STEP", "SAMPLES", "PEAK", "WITHIN"}};
  for (const auto& run : answer.runs)
    rows.push_back({std::to_string(rows.size()), std::to_string(run.batch),
                    run.bytes > 0 ? bytes(run.bytes) : "-", run.fits ? "yes" : "no"});
  auto text = fmt::format("{} steps of {} tokens, each in a process of its own; {} to fill of {} free\n\n",
                          searched.plan.work, searched.plan.length, bytes(searched.limit_bytes),
                          bytes(searched.free_bytes));
  text += FormatTable(std::move(rows));
  const auto measured =
      std::count_if(answer.runs.begin(), answer.runs.end(), [](const auto& run) { return run.bytes > 0; });
  if (measured > 1)
    text += fmt::format("\nmemory = {} + {:.2f} MiB a sample ({})\n", bytes(answer.fit.intercept),
                        answer.fit.slope / kBytesOfMiB,
                        answer.linear ? "the steps lie on this line" : "the steps do not lie on one line");
  if (answer.step_bytes > 0)
    text += fmt::format("a workspace of about {} appears above {} samples\n", bytes(answer.step_bytes),
                        answer.step_above);
  if (answer.batch == 0)
    return text + "no batch: " + answer.why + "; a smaller model, shorter samples or more memory\n";
  const auto& at = searched.found.at_answer;
  text +=
      fmt::format("batch size {}: {} at its peak ({} predicted), {:.1f} samples/s, {:.0f} tokens/s on {}\n",
                  answer.batch, bytes(answer.bytes), bytes(answer.predicted_bytes), at.samples_per_second,
                  at.tokens_per_second, at.device);
  return text + fmt::format("why no larger: {}\n", answer.why);
}

int TuneBatch(const CommonOptions& common, const BatchOptions& options) {
  const auto searched = Search(common, options);
  if (!searched.has_value()) return Complain(searched.error());
  WriteOut(options.json ? SearchedAsJson(*searched) : SearchedAsText(*searched));
  return searched->found.answer.batch == 0 ? 1 : 0;
}

}  // namespace

void AddTuneBatch(CLI::App& tune, CommonOptions& common, Command& run) {
  auto* command =
      tune.add_subcommand("batch", "Find the largest batch whose steps stay within a share of the memory");
  auto options = std::make_shared<BatchOptions>();
  command->fallthrough();
  AddPlaces(*command, common);
  command
      ->add_option("--model", options->model,
                   "A model's folder, or its name in the configuration (default: shipped)")
      ->check(NotEmpty())
      ->type_name("FOLDER|NAME");
  command->add_option("--data", options->data, "A text file, one sample a line: gives --length and the most")
      ->check(NotEmpty())
      ->type_name("FILE");
  command
      ->add_option("--work", options->work, "training: a step with AdamW; serving: so many answers at once")
      ->check(CLI::IsMember({"training", "serving"}))
      ->capture_default_str();
  command->add_option("--share", options->share, "Of the free memory")
      ->check(Number(0.01, 1))
      ->capture_default_str();
  command
      ->add_option("--margin", options->margin_gib,
                   "Kept free at least, GiB (default: 0.5, with --memory none)")
      ->check(Number(0, 1e6))
      ->type_name("GIB");
  command->add_option("--memory", options->memory_gib, "Instead of the free memory, GiB")
      ->check(Number(0.01, 1e6))
      ->type_name("GIB");
  command
      ->add_option("--length", options->length,
                   "Tokens of a sample (default: 256, or the data's 95th percentile)")
      ->check(CLI::Range(2, 1 << 20));
  command->add_option("--threads", options->threads, "Threads for computing; 0: every core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_option("--most", options->most, "The largest batch of interest")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  command->add_flag("--json", options->json, "As JSON");
  command->footer(
      "Runs real steps of growing sizes, fits memory = fixed + k * batch, and runs one step at the answer. "
      "The first\n"
      "steps stay below half of the memory; none is run that the line puts above the share.\n"
      "Examples:\n"
      "  alt_las tune batch --model models/alt-las-tiny\n"
      "  alt_las tune batch --model my-model --data train.txt --share 0.8 --json\n"
      "  alt_las tune batch --work serving --length 1024 --memory 8\n"
      "Exit codes: 0 found, 1 failed or not even one sample fits, 2 wrong usage or configuration, 3 no such "
      "file.");
  command->callback(
      [&run, &common, options] { run = [&common, options] { return TuneBatch(common, *options); }; });
}

}  // namespace altlas::app
