// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "../cli_checks.h"
#include "base/json_writer.h"
#include "open_state.h"
#include "output.h"
#include "run_program.h"
#include "settings.h"
#include "tables.h"
#include "tune/shell_lines.h"
#include "tune_commands.h"
#include "tune_inputs.h"

namespace altlas::app {
namespace {

struct EnvOptions {
  std::string shell = "bash";
  bool permanent = false;
  double memory_gib = 0;  // 0: this machine's
  std::string torch;
  std::string platform;
  bool debug = false;
  bool short_of_memory = false;
  bool check = false;
  bool json = false;
};

struct Answer {
  std::string about;  // where the memory comes from
  tune::AllocatorAdvice advice;
  std::vector<tune::Variable> variables;
};

// The smallest GPU: what fits it fits the others.
Result<std::pair<std::uint64_t, std::string>> MemoryHere(const CommonOptions& common) {
  ALTLAS_TRY(const auto loaded, ReadConfig(common));
  ALTLAS_TRY(auto probe, MakeProbe(loaded));
  ALTLAS_TRY(const auto devices, probe->Probe({}));
  const device::DeviceSnapshot* smallest = nullptr;
  for (const auto& one : devices) {
    if (one.kind == device::DeviceKind::kGpu &&
        (smallest == nullptr || one.memory_total < smallest->memory_total))
      smallest = &one;
  }
  if (smallest == nullptr)
    return Fail(
        ErrorCode::kNotFound,
        "there is no GPU here whose memory to go by, and on processors these settings do not apply; for "
        "another machine say its memory, e.g. --memory 8");
  return std::pair{smallest->memory_total,
                   fmt::format("{} ({})", smallest->name, FormatBytes(smallest->memory_total))};
}

Result<Answer> AnswerOf(const CommonOptions& common, const EnvOptions& options) {
  Answer answer;
  tune::AllocatorQuestion question;
  question.short_of_memory = options.short_of_memory;
  question.platform = tune::ReadPlatform("/");
  if (!options.platform.empty()) {
    ALTLAS_TRY(question.platform, tune::ParsePlatform(options.platform));
  }
  if (!options.torch.empty()) {
    ALTLAS_TRY(question.torch, tune::ParseTorchVersion(options.torch));
  }
  if (options.memory_gib > 0) {
    question.memory_bytes = static_cast<std::uint64_t>(options.memory_gib * kGiB);
    answer.about = fmt::format("a device of {}", FormatBytes(question.memory_bytes));
  } else {
    ALTLAS_TRY(const auto here, MemoryHere(common));
    question.memory_bytes = here.first;
    answer.about = here.second;
  }
  answer.about += fmt::format(", PyTorch {}, {}", tune::FormatTorchVersion(question.torch),
                              tune::PlatformName(question.platform));
  answer.advice = tune::AdviseAllocator(question);
  if (!answer.advice.variable.value.empty()) answer.variables.push_back(answer.advice.variable);
  if (options.debug) {
    for (auto& variable : tune::DebugVariables()) answer.variables.push_back(std::move(variable));
    answer.advice.reasons.push_back(fmt::format("{} and {}: {}", tune::DebugVariables()[0].name,
                                                tune::DebugVariables()[1].name, tune::kDebugIsSlow));
  }
  return answer;
}

std::string AsJson(const Answer& answer) {
  JsonWriter json;
  json.BeginObject().Key("for").String(answer.about).Key("variables").BeginArray();
  for (const auto& variable : answer.variables)
    json.BeginObject().Key("name").String(variable.name).Key("value").String(variable.value).EndObject();
  json.EndArray().Key("reasons").BeginArray();
  for (const auto& reason : answer.advice.reasons) json.String(reason);
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

// Starts a worker with the variables and asks what its allocator made of them.
Status CheckInForce(const CommonOptions& common, const Answer& answer) {
  ALTLAS_TRY(const auto loaded, ReadConfig(common));
  std::vector<std::pair<std::string, std::string>> environment;
  for (const auto& variable : answer.variables) environment.emplace_back(variable.name, variable.value);
  ALTLAS_TRY(const auto ran,
             RunProgram(WorkerProgram(loaded), {"--allocator", "--accelerator", "cuda"}, environment));
  auto said = ran;
  const bool gpu = ran.exit_code == 0 && ran.signal == 0;
  if (!gpu) {
    ALTLAS_TRY(said, RunProgram(WorkerProgram(loaded), {"--allocator"}, environment));
  }
  const auto json = nlohmann::json::parse(said.output, nullptr, false);
  if (!json.is_object() || !json.contains("not_in_force"))
    return Fail(ErrorCode::kUnavailable, "the worker did not answer: {}",
                Printable(said.errors.substr(0, 500)));
  Note("check: PyTorch {} in {} read expandable_segments:{} max_split_size_mb:{}{}\n",
       json.value("torch", ""), WorkerProgram(loaded).filename().string(),
       json.value("expandable_segments", false) ? "True" : "False", json.value("max_split_size_mb", 0),
       gpu ? ", in force on the GPU" : "; there is no GPU here, so nothing is allocated by it");
  const auto& missing = json["not_in_force"];
  if (missing.empty()) return {};
  return Fail(ErrorCode::kUnsupported, "not in force: {}", missing[0].get<std::string>());
}

int TuneEnv(const CommonOptions& common, const EnvOptions& options) {
  const auto shell = tune::ParseShell(options.shell);
  if (!shell.has_value()) return Complain(shell.error());
  // Not needed for every answer; but a file that was named and cannot be read is a mistake all the same.
  if (!common.config.empty())
    if (const auto loaded = ReadConfig(common); !loaded.has_value()) return Complain(loaded.error());
  const auto answer = AnswerOf(common, options);
  if (!answer.has_value()) return Complain(answer.error());
  if (options.json) {
    WriteOut(AsJson(*answer));
  } else {
    std::vector<std::string> comments = {"for " + answer->about};
    comments.insert(comments.end(), answer->advice.reasons.begin(), answer->advice.reasons.end());
    const auto lines = tune::FormatShellLines({*shell, options.permanent}, comments, answer->variables);
    if (!lines.has_value()) return Complain(lines.error());
    WriteOut(*lines);
  }
  if (!options.check) return 0;
  const auto in_force = CheckInForce(common, *answer);
  return in_force.has_value() ? 0 : Complain(in_force.error());
}

}  // namespace

void AddTuneEnv(CLI::App& tune, CommonOptions& common, Command& run) {
  auto* command =
      tune.add_subcommand("env", "Print the settings of PyTorch's GPU memory allocator as shell lines");
  auto options = std::make_shared<EnvOptions>();
  command->fallthrough();
  AddPlaces(*command, common);
  command->add_option("--shell", options->shell, "bash, powershell, python or cmd")
      ->check(CLI::IsMember({"bash", "powershell", "python", "cmd"}))
      ->capture_default_str();
  command->add_flag("--permanent", options->permanent, "For every later session of this user");
  command
      ->add_option("--memory", options->memory_gib,
                   "The GPU's memory in GiB (default: this machine's smallest)")
      ->check(Number(0.1, 1e6))
      ->type_name("GIB");
  command->add_option("--torch-version", options->torch, "PyTorch's version (default: the worker's own)")
      ->check(NotEmpty())
      ->type_name("V");
  command
      ->add_option("--platform", options->platform, "linux, windows, wsl, jetson or rocm (default: this one)")
      ->check(CLI::IsMember({"linux", "windows", "wsl", "jetson", "rocm"}));
  command->add_flag("--debug", options->debug, "With the debug switches; many times slower");
  command->add_flag("--short-of-memory", options->short_of_memory,
                    "After an out of memory: the smallest split size");
  command->add_flag("--check", options->check, "Start a worker with them and see what its allocator took");
  command->add_flag("--json", options->json, "As JSON");
  command->footer(
      "The workers of a server have these settings by themselves (workers.allocator); this is for other "
      "programs.\n"
      "Examples:\n"
      "  eval \"$(alt_las tune env)\"\n"
      "  alt_las tune env --memory 8 --shell powershell --platform windows --permanent\n"
      "  alt_las tune env --memory 8 --torch-version 2.4.1 --debug\n" +
      std::string(kExitCodes));
  command->callback(
      [&run, &common, options] { run = [&common, options] { return TuneEnv(common, *options); }; });
}

}  // namespace altlas::app
