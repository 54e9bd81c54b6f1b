// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "../cli_checks.h"
#include "base/file.h"
#include "output.h"
#include "profile/collector_file.h"
#include "profile/phases.h"
#include "profile_child.h"
#include "profile_commands.h"
#include "profile_counters.h"
#include "profile_facts.h"
#include "settings.h"

namespace altlas::app {
namespace {

// Exit codes of env, timeout and their kin, so that the command's own are not confused with ours.
constexpr int kCaptureFailed = 125, kNotExecutable = 126, kNoSuchCommand = 127;
constexpr std::string_view kHookPath = "altlas_profile/inject/sitecustomize.py";

struct RunOptions {
  profile::ProfileRequest request;
  std::string tool = "auto", output = "profiles", trace, metrics;
  double duration = 0, sampling = 1;
  std::uint64_t launch_skip = 0, launch_count = 0;
  bool has_duration = false, has_skip = false, has_count = false;
  bool shapes = false, allocations = false, end_command = false;
};

// DIR/20261122_051542, with -2, -3, ... where that exists.
Result<std::filesystem::path> MakeRunFolder(const std::filesystem::path& base) {
  ALTLAS_TRY_VOID(MakeFolder(base));
  const std::time_t now = ::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char name[32];
  std::strftime(name, sizeof(name), "%Y%m%d_%H%M%S", &local);
  for (int attempt = 1; attempt <= 1000; ++attempt) {
    const auto folder = base / (attempt == 1 ? std::string(name) : fmt::format("{}-{}", name, attempt));
    std::error_code error;
    // What is captured may hold names and shapes that are nobody else's business.
    if (std::filesystem::create_directory(folder, error)) {
      std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
      return std::filesystem::absolute(folder);
    }
    if (error)
      return Fail(ErrorCode::kUnavailable, "{} cannot be made: {}", folder.string(), error.message());
  }
  return Fail(ErrorCode::kConflict, "{} holds a thousand runs of this second", base.string());
}

// The library that CUDA loads into the command; empty where it was not built.
std::filesystem::path GpuCollector() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (auto folder = self.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    for (const auto* place : {"cuda/libaltlas_cupti.so", "lib/alt_las/libaltlas_cupti.so"}) {
      if (std::filesystem::is_regular_file(folder / place, error)) return folder / place;
    }
  }
  return {};
}

std::int64_t UnixMilliseconds() { return SystemClock().WallNow(); }

std::string DescribeFile(const std::string& name) {
  if (name.starts_with("torch-")) return "operators of a Python process (torch.profiler)";
  if (name.starts_with("gpu-")) return "kernels, copies and API calls of a process (CUPTI)";
  if (name.starts_with("worker-")) return "operators and phases of a worker";
  if (name == "counters.alc") return "process counters";
  if (name.starts_with("system_profile")) return "Nsight Systems";
  if (name.starts_with("kernel_")) return "Nsight Compute";
  return "";
}

class ProfileRun {
 public:
  ProfileRun(RunOptions options, profile::ToolPlan plan, profile::InstalledTools tools,
             std::filesystem::path folder)
      : options_(std::move(options)),
        plan_(std::move(plan)),
        tools_(std::move(tools)),
        folder_(std::move(folder)) {}

  int Run() {
    const SignalsHeld held;
    Describe();
    if (const auto written = WriteManifest("running"); !written.has_value()) return Stop(written.error());
    for (const auto& note : plan_.notes) Note("alt_las profile: {}\n", note);
    if (plan_.tool_missing) SayWhatToInstall();
    const int code = plan_.steps.empty() ? RunBuiltin() : RunSteps();
    Finish(code);
    return code;
  }

 private:
  int Stop(const Error& error) {
    Note("alt_las profile: {}\n", error.message);
    return error.code == ErrorCode::kNotFound ? kNoSuchCommand
           : error.code == ErrorCode::kDenied ? kNotExecutable
                                              : kCaptureFailed;
  }

  void Describe() {
    manifest_.command = options_.request.command;
    manifest_.tool = profile::ProfileToolName(plan_.tool);
    manifest_.versions["alt_las"] = ALTLAS_VERSION;
    if (tools_.nsys) manifest_.versions["nsys"] = profile::FormatToolVersion(*tools_.nsys);
    if (tools_.ncu) manifest_.versions["ncu"] = profile::FormatToolVersion(*tools_.ncu);
    for (const auto& step : plan_.steps) manifest_.tool_commands.push_back(step.command);
    manifest_.environment = OwnEnvironment();
    manifest_.notes = plan_.notes;
    GatherFacts(manifest_, machine_);
    manifest_.started_unix_ms = UnixMilliseconds();
  }

  Status WriteManifest(std::string_view status) {
    manifest_.status = status;
    return WriteFileAtomically(folder_ / "manifest.json", profile::RenderRunManifest(manifest_), 0600);
  }

  void SayWhatToInstall() const {
    Note("alt_las profile: Nsight's tools show kernels on a GPU in full; to install them here:\n");
    for (const auto& line : profile::InstallLines(machine_)) Note("  {}\n", line);
    for (const auto& check : profile::CheckMinimums(machine_)) {
      if (check.holds != true) Note("  they need: {}: {}; here: {}\n", check.what, check.needed, check.found);
    }
    Note("alt_las profile: going on with the built-in collectors\n");
  }

  std::vector<std::pair<std::string, std::string>> Injection() const {
    std::vector<std::pair<std::string, std::string>> variables = {
        {"ALTLAS_PROFILE_OUTPUT", folder_.string()},
        {"ALTLAS_PROFILE_SAMPLING", fmt::format("{}", options_.sampling)},
        {"ALTLAS_PROFILE_SHAPES", options_.shapes ? "1" : "0"},
        {"ALTLAS_PROFILE_MEMORY", options_.allocations ? "1" : "0"}};
    if (options_.has_duration)
      variables.emplace_back("ALTLAS_PROFILE_SECONDS", fmt::format("{}", options_.duration));
    AddGpuCollector(variables);
    const auto hook = (PythonFolder() / kHookPath).parent_path().string();
    const char* path = std::getenv("PYTHONPATH");
    variables.emplace_back("PYTHONPATH", path == nullptr || *path == '\0' ? hook : hook + ":" + path);
    return variables;
  }

  // For programs on CUDA that torch.profiler does not watch.
  void AddGpuCollector(std::vector<std::pair<std::string, std::string>>& variables) const {
    if (plan_.tool == profile::ProfileTool::kTorch || machine_.driver.empty()) return;
    const auto library = GpuCollector();
    if (library.empty()) {
      Note(
          "alt_las profile: kernels are recorded of Python programs with torch alone: this build has no "
          "CUPTI collector\n");
    } else if (std::getenv("CUDA_INJECTION64_PATH") != nullptr) {
      Note(
          "alt_las profile: CUDA_INJECTION64_PATH is set already, by another tool: kernels are not "
          "recorded\n");
    } else {
      variables.emplace_back("CUDA_INJECTION64_PATH", library.string());
    }
  }

  int RunBuiltin() {
    profile::CollectorOptions collector;
    collector.tool = "ALT_LAS process counters " ALTLAS_VERSION;
    collector.present.counters = collector.present.ranges = true;
    auto writer = profile::CollectorWriter::Create(folder_ / "counters.alc", collector);
    if (!writer.has_value()) return Stop(writer.error());
    (*writer)->AddFact("processor", manifest_.processor);
    (*writer)->AddFact("system", manifest_.os);
    CounterSampler sampler(**writer);
    WatchedCommand watched;
    watched.command = options_.request.command;
    watched.environment = Injection();
    pid_t pid = 0;
    watched.on_start = [&](pid_t started) { pid = started; };
    const auto begin = (*writer)->Now();
    std::optional<profile::Ns> recorded_until;
    if (options_.has_duration) watched.after = FromSeconds(options_.duration);
    watched.on_after = [&] {
      sampler.Stop();
      recorded_until = (*writer)->Now();
      if (options_.end_command) ::kill(pid, SIGTERM);
      Note("alt_las profile: recorded for {:.3g} s; the command {}\n", options_.duration,
           options_.end_command ? "is asked to end" : "goes on without being watched");
    };
    const auto end = RunWatched(watched);
    sampler.Stop();
    (*writer)->Add(profile::RangeEvent{.start = begin,
                                       .end = recorded_until.value_or((*writer)->Now()),
                                       .name = "command",
                                       .domain = profile::kPhaseDomain});
    if (!end.has_value()) return Stop(end.error());
    if (end->signal != 0) manifest_.signal = end->signal;
    return end->code;
  }

  int RunSteps() {
    int code = 0;
    for (const auto& step : plan_.steps) {
      Note("alt_las profile: {}\n", step.what);
      WatchedCommand watched;
      watched.command = step.command;
      watched.output_file = step.output_file;
      const auto end = RunWatched(watched);
      if (!end.has_value()) return Stop(end.error());
      if (end->code == 0) continue;
      Note("alt_las profile: {} ended with code {}\n", step.command[0], end->code);
      if (step.runs_command && code == 0) {
        code = end->code;
        if (end->signal != 0) manifest_.signal = end->signal;
      }
      std::error_code ignored;
      // Nothing to read: the pages that would be made of it cannot be either.
      if (!std::filesystem::exists(step.result, ignored)) break;
    }
    return code;
  }

  void Finish(int code) {
    manifest_.ended_unix_ms = UnixMilliseconds();
    manifest_.exit_code = code;
    bool operators = false;
    std::error_code error;
    for (std::filesystem::directory_iterator file(folder_, error), end; !error && file != end;
         file.increment(error)) {
      const auto name = file->path().filename().string();
      if (!file->is_regular_file(error) || name == "manifest.json") continue;
      const auto bytes = file->file_size(error);
      manifest_.files.push_back({name, DescribeFile(name), error ? 0 : bytes});
      operators =
          operators || name.starts_with("gpu-") || name.starts_with("torch-") || name.starts_with("worker-");
    }
    std::sort(manifest_.files.begin(), manifest_.files.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    if (plan_.inject && !operators) {
      manifest_.notes.push_back(
          "no operator timings: the command was neither a worker of ALT_LAS nor a Python program that "
          "imported torch, or it was killed before its trace was written; process counters only");
      Note("alt_las profile: {}\n", manifest_.notes.back());
    }
    if (const auto written = WriteManifest("finished"); !written.has_value())
      Note("alt_las profile: {}\n", written.error().message);
    Note("alt_las profile: {} files in {}\n", manifest_.files.size() + 1, folder_.string());
    Note("  {:<28} {:>10}    {}\n", "manifest.json", "", "the command, the machine and these files");
    for (const auto& file : manifest_.files)
      Note("  {:<28} {:>10} B  {}\n", file.name, file.bytes, file.what);
  }

  const RunOptions options_;
  const profile::ToolPlan plan_;
  const profile::InstalledTools tools_;
  const std::filesystem::path folder_;
  profile::RunManifest manifest_;
  profile::MachineFacts machine_;
};

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

int RunProfile(RunOptions options) {
  auto& request = options.request;
  request.trace = SplitList(options.trace);
  request.metrics = SplitList(options.metrics);
  request.tool = *profile::ParseProfileTool(options.tool);
  if (options.has_duration) request.duration_s = options.duration;
  if (options.has_skip) request.launch_skip = options.launch_skip;
  if (options.has_count) request.launch_count = options.launch_count;
  const auto fail = [](const Error& error, int code) {
    Note("alt_las profile: {}\n", error.message);
    return code;
  };
  // Checked before a folder is made or a tool is asked for its version.
  if (const auto wrong = profile::PlanProfile(request, {}, "."); !wrong.has_value())
    return fail(wrong.error(), 2);
  if (const auto& name = request.command[0]; !FindProgram(name)) {
    std::error_code error;
    if (name.find('/') != std::string::npos && std::filesystem::exists(name, error))
      return fail(Fail(ErrorCode::kDenied, "{} cannot be executed", name), kNotExecutable);
    return fail(Fail(ErrorCode::kNotFound, "{} is not on PATH, or not executable", name), kNoSuchCommand);
  }
  const bool asks_tools =
      request.tool != profile::ProfileTool::kTorch && request.tool != profile::ProfileTool::kBuiltin;
  const auto tools = asks_tools ? FindTools() : profile::InstalledTools();
  auto folder = MakeRunFolder(options.output);
  if (!folder.has_value()) return fail(folder.error(), kCaptureFailed);
  auto plan = profile::PlanProfile(request, tools, *folder);
  if (!plan.has_value()) return fail(plan.error(), 2);
  return ProfileRun(std::move(options), std::move(*plan), tools, *folder).Run();
}

}  // namespace

void AddProfileRun(CLI::App& profile, Command& run) {
  auto* command = profile.add_subcommand("run", "Run a command and capture where its time goes");
  auto options = std::make_shared<RunOptions>();
  auto& request = options->request;
  command
      ->add_option("--tool", options->tool,
                   "nsys, ncu, both (one after the other), torch, builtin; auto: nsys where it is installed")
      ->check(CLI::IsMember({"auto", "nsys", "ncu", "both", "torch", "builtin"}))
      ->capture_default_str();
  command
      ->add_option("--output", options->output,
                   "Each run gets a folder of its own in here, named by the time")
      ->type_name("DIR")
      ->capture_default_str();
  auto* duration = command
                       ->add_option("--duration", options->duration,
                                    "Record so many seconds; the command goes on after that")
                       ->check(Number(0.001, 86400))
                       ->type_name("S");
  command->add_flag("--end", options->end_command, "With --duration: ask the command to end then (SIGTERM)")
      ->needs(duration);
  // Lists are one word each: CLI11 lets an option of several words take the `--` behind it.
  command->add_option("--trace", options->trace, "nsys: what to trace (default: cuda,nvtx,osrt,cudnn,cublas)")
      ->type_name("LIST");
  command->add_option("--kernel", request.kernel_regex, "ncu: only kernels whose name this finds")
      ->type_name("REGEX");
  auto* skip = command->add_option("--launch-skip", options->launch_skip, "ncu: pass over so many launches")
                   ->type_name("N");
  auto* count =
      command
          ->add_option("--launch-count", options->launch_count, "ncu: profile so many launches (default: 10)")
          ->type_name("N");
  command->add_option("--metrics", options->metrics, "ncu: these metrics instead of the set \"detailed\"")
      ->type_name("LIST");
  command->add_option("--flag", request.flags, "nsys, ncu: passed on as it is; wins over what is set here")
      ->type_name("FLAG")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--sampling", options->sampling,
                   "builtin, workers: the share of operators that is recorded")
      ->check(Number(0.0001, 1))
      ->capture_default_str();
  command->add_flag("--shapes", options->shapes, "torch, builtin: record the shapes of operators' inputs");
  command->add_flag("--allocations", options->allocations, "torch: record each allocation of memory");
  command->add_option("command", request.command, "The command and its arguments, after --")
      ->type_name("CMD");
  command->footer(
      "Examples:\n"
      "  alt_las profile run -- python train.py\n"
      "  alt_las profile run --duration 30 -- alt_las serve\n"
      "  alt_las profile run --tool nsys --trace cuda,nvtx -- ./bench\n"
      "  alt_las profile run --tool ncu --kernel '.*gemm.*' --launch-count 5 -- ./bench\n"
      "  alt_las profile run --tool nsys --flag --sample=process-tree -- ./bench\n"
      "Without nsys and ncu the built-in collectors record operators and phases of workers, operators of "
      "Python programs\n"
      "that import torch, and process counters of anything.\n"
      "Exit codes: the command's own (128 + n where signal n ended it); 2 wrong usage, 125 the capture "
      "failed, 126 the\n"
      "command cannot be executed, 127 there is no such command.");
  command->callback([&run, options, duration, skip, count] {
    options->has_duration = duration->count() > 0;
    options->has_skip = skip->count() > 0;
    options->has_count = count->count() > 0;
    run = [options] { return RunProfile(*options); };
  });
}

}  // namespace altlas::app
