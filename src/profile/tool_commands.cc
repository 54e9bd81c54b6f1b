// SPDX-License-Identifier: Apache-2.0
#include "profile/tool_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace altlas::profile {
namespace {

// What `nsys profile --trace` takes, by the user guides 2022 to 2026.
constexpr std::array<std::string_view, 35> kTraceNames = {"cuda",
                                                          "cuda-hw",
                                                          "nvtx",
                                                          "osrt",
                                                          "cudnn",
                                                          "cublas",
                                                          "cublas-verbose",
                                                          "cudla",
                                                          "cudla-verbose",
                                                          "cusolver",
                                                          "cusolver-verbose",
                                                          "cusparse",
                                                          "cusparse-verbose",
                                                          "mpi",
                                                          "oshmem",
                                                          "ucx",
                                                          "openacc",
                                                          "openmp",
                                                          "opengl",
                                                          "opengl-annotations",
                                                          "vulkan",
                                                          "vulkan-annotations",
                                                          "openxr",
                                                          "openxr-annotations",
                                                          "dx11",
                                                          "dx11-annotations",
                                                          "dx12",
                                                          "dx12-annotations",
                                                          "wddm",
                                                          "nvvideo",
                                                          "nvmedia",
                                                          "tegra-accelerators",
                                                          "python-gil",
                                                          "gds",
                                                          "none"};

// From which version on Nsight Compute knows a spelling; before that, the other one.
constexpr ToolVersion kNcuRegexValue{2020, 3, 0};  // -k regex:EXPR; earlier --kernel-regex EXPR
constexpr ToolVersion kNcuPrintUnits{2020, 1, 0};  // --print-units
// From which version on Nsight Systems names its reports .nsys-rep, and knows --cpuctxsw.
constexpr ToolVersion kNsysReportSuffix{2021, 4, 0};     // .nsys-rep; earlier .qdrep
constexpr ToolVersion kNsysContextSwitches{2020, 4, 0};  // --cpuctxsw

std::string_view FlagName(std::string_view flag) { return flag.substr(0, flag.find('=')); }

// Long and short spellings of the flags that this program sets.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kShortFlags = {
    {{"-o", "--output"},
     {"-f", "--force-overwrite"},
     {"-t", "--trace"},
     {"-s", "--sample"},
     {"-d", "--duration"},
     {"-o", "--export"},
     {"-k", "--kernel-name"},
     {"-c", "--launch-count"},
     {"-s", "--launch-skip"},
     {"-r", "--replay-mode"},
     {"-m", "--metrics"}}};

class Flags {
 public:
  explicit Flags(const std::vector<std::string>& given) : given_(given) {}
  // Adds ours unless the user gave that flag.
  void Add(std::vector<std::string>& out, const std::string& name, const std::string& value) const {
    if (!Given(name)) out.push_back(value.empty() ? name : name + "=" + value);
  }
  bool Given(std::string_view name) const {
    return std::any_of(given_.begin(), given_.end(), [&](const std::string& flag) {
      const auto own = FlagName(flag);
      if (own == name) return true;
      return std::any_of(kShortFlags.begin(), kShortFlags.end(),
                         [&](const auto& pair) { return own == pair.first && pair.second == name; });
    });
  }
  void AppendGiven(std::vector<std::string>& out) const {
    out.insert(out.end(), given_.begin(), given_.end());
  }

 private:
  const std::vector<std::string>& given_;
};

std::string Join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ",")); }

Status CheckTrace(const std::vector<std::string>& trace) {
  for (const auto& name : trace) {
    if (std::find(kTraceNames.begin(), kTraceNames.end(), name) != kTraceNames.end()) continue;
    return FailField("--trace",
                     "--trace: \"{}\" is nothing that Nsight Systems is known to trace; use of {} (or --flag "
                     "--trace=... for what is newer than "
                     "this program)",
                     name, fmt::join(kTraceNames, ", "));
  }
  return {};
}

Status CheckRequest(const ProfileRequest& request) {
  if (request.command.empty() || request.command[0].empty())
    return FailField("command",
                     "say what to run after `--`, for example: alt_las profile run -- python train.py");
  ALTLAS_TRY_VOID(CheckTrace(request.trace));
  const bool kernels = request.tool == ProfileTool::kNcu || request.tool == ProfileTool::kBoth;
  if (!kernels && (!request.kernel_regex.empty() || request.launch_skip || request.launch_count ||
                   !request.metrics.empty())) {
    return FailField(
        "--tool",
        "--kernel, --launch-skip, --launch-count and --metrics are for Nsight Compute; add --tool ncu "
        "or --tool both");
  }
  const bool system = request.tool != ProfileTool::kNcu && request.tool != ProfileTool::kTorch &&
                      request.tool != ProfileTool::kBuiltin;
  if (!system && !request.trace.empty())
    return FailField("--trace", "--trace is for Nsight Systems; use --tool nsys or --tool both");
  if (request.duration_s && (*request.duration_s <= 0 || *request.duration_s > 86'400))
    return FailField("--duration", "--duration: {} s; give more than 0 and at most 86400",
                     *request.duration_s);
  if (request.tool == ProfileTool::kNcu && request.duration_s)
    return FailField(
        "--duration",
        "--duration: Nsight Compute replays each kernel, so seconds say nothing there; limit it by "
        "--launch-count");
  return {};
}

void AppendCommand(std::vector<std::string>& out, const std::vector<std::string>& command) {
  out.insert(out.end(), command.begin(), command.end());
}

ToolStep NsysStep(const ProfileRequest& request, const InstalledTools& installed,
                  const std::filesystem::path& folder) {
  const auto version = *installed.nsys;
  const Flags flags(request.flags);
  ToolStep step{.what = "system profile (Nsight Systems)"};
  step.command = {installed.nsys_program, "profile"};
  const auto base = folder / "system_profile";
  flags.Add(step.command, "--output", base.string());
  flags.Add(step.command, "--force-overwrite", "true");
  flags.Add(step.command, "--trace",
            request.trace.empty() ? std::string(kDefaultTrace) : Join(request.trace));
  // CPU samples and context switches are not read by the analysis, and disturb what is measured.
  flags.Add(step.command, "--sample", "none");
  if (version >= kNsysContextSwitches) flags.Add(step.command, "--cpuctxsw", "none");
  if (request.duration_s) {
    // nsys takes whole seconds, and by default ends the command when they are over.
    flags.Add(
        step.command, "--duration",
        fmt::format("{}", std::max<std::int64_t>(1, static_cast<std::int64_t>(*request.duration_s + 0.5))));
    flags.Add(step.command, "--kill", "none");
  }
  flags.AppendGiven(step.command);
  AppendCommand(step.command, request.command);
  step.result = base.string() + (version >= kNsysReportSuffix ? ".nsys-rep" : ".qdrep");
  step.runs_command = true;
  return step;
}

ToolStep NcuStep(const ProfileRequest& request, const InstalledTools& installed,
                 const std::filesystem::path& folder) {
  const auto version = *installed.ncu;
  // The user's flags are for the system profile where both run; Nsight Compute would refuse them.
  const std::vector<std::string> none;
  const Flags flags(request.tool == ProfileTool::kBoth ? none : request.flags);
  ToolStep step{.what = "kernel profile (Nsight Compute)"};
  step.command = {installed.ncu_program};
  const auto base = folder / "kernel_profile";
  flags.Add(step.command, "--export", base.string());
  flags.Add(step.command, "--force-overwrite", "");
  flags.Add(step.command, "--target-processes", "all");
  // Application replay starts the command once for each pass and needs it to be deterministic.
  flags.Add(step.command, "--replay-mode", "kernel");
  if (!request.kernel_regex.empty()) {
    if (version >= kNcuRegexValue) {
      flags.Add(step.command, "--kernel-name", "regex:" + request.kernel_regex);
    } else {
      flags.Add(step.command, "--kernel-regex", request.kernel_regex);
    }
  }
  if (request.launch_skip) flags.Add(step.command, "--launch-skip", fmt::format("{}", *request.launch_skip));
  flags.Add(step.command, "--launch-count", fmt::format("{}", request.launch_count.value_or(10)));
  if (!request.metrics.empty()) {
    flags.Add(step.command, "--metrics", Join(request.metrics));
  } else {
    // The set with memory workload, occupancy, source counters (coalescing) and the roofline; "basic", the
    // default, has none of them.
    flags.Add(step.command, "--set", "detailed");
  }
  flags.AppendGiven(step.command);
  AppendCommand(step.command, request.command);
  step.result = base.string() + ".ncu-rep";
  step.runs_command = true;
  return step;
}

ToolStep NcuPage(const InstalledTools& installed, const std::filesystem::path& folder,
                 const std::string& page) {
  ToolStep step{.what = "its " + page + " page as CSV"};
  step.command = {installed.ncu_program,
                  "--import",
                  (folder / "kernel_profile.ncu-rep").string(),
                  "--csv",
                  "--page",
                  page};
  if (*installed.ncu >= kNcuPrintUnits) step.command.insert(step.command.end(), {"--print-units", "base"});
  step.output_file = folder / ("kernel_" + page + ".csv");
  step.result = step.output_file;
  return step;
}

int NumberAt(std::string_view text, std::size_t& at) {
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  at = static_cast<std::size_t>(stop - text.data());
  return error == std::errc() ? value : -1;
}

}  // namespace

std::optional<ToolVersion> ParseToolVersion(std::string_view output) {
  // The copyright line holds years too ("2018-2023"); a version is a year with a point and a number.
  for (std::size_t i = 0; i + 4 < output.size(); ++i) {
    const bool begins = i == 0 || !(output[i - 1] >= '0' && output[i - 1] <= '9');
    if (!begins || output.substr(i, 2) != "20" || output[i + 4] != '.') continue;
    ToolVersion version;
    std::size_t at = i;
    version.year = NumberAt(output, at);
    if (at != i + 4) continue;
    version.release = NumberAt(output, ++at);
    if (version.release < 0) continue;
    if (at < output.size() && output[at] == '.') version.patch = std::max(0, NumberAt(output, ++at));
    return version;
  }
  return std::nullopt;
}

std::string FormatToolVersion(const ToolVersion& version) {
  return fmt::format("{}.{}.{}", version.year, version.release, version.patch);
}

std::string_view ProfileToolName(ProfileTool tool) {
  static constexpr std::array<std::string_view, 6> kNames = {"auto", "nsys",  "ncu",
                                                             "both", "torch", "builtin"};
  return kNames[static_cast<std::size_t>(tool)];
}

std::optional<ProfileTool> ParseProfileTool(std::string_view name) {
  for (std::size_t i = 0; i < 6; ++i) {
    if (ProfileToolName(static_cast<ProfileTool>(i)) == name) return static_cast<ProfileTool>(i);
  }
  return std::nullopt;
}

Result<ToolPlan> PlanProfile(const ProfileRequest& request, const InstalledTools& installed,
                             const std::filesystem::path& folder) {
  ALTLAS_TRY_VOID(CheckRequest(request));
  ToolPlan plan;
  plan.tool = request.tool;
  if (plan.tool == ProfileTool::kAuto) {
    plan.tool = installed.nsys ? ProfileTool::kNsys : ProfileTool::kBuiltin;
    plan.tool_missing = !installed.nsys;
  }
  const bool wants_nsys = plan.tool == ProfileTool::kNsys || plan.tool == ProfileTool::kBoth;
  const bool wants_ncu = plan.tool == ProfileTool::kNcu || plan.tool == ProfileTool::kBoth;
  if (wants_nsys && !installed.nsys) {
    plan.notes.push_back("Nsight Systems (nsys) is not installed here");
    plan.tool_missing = true;
  }
  if (wants_ncu && !installed.ncu) {
    plan.notes.push_back("Nsight Compute (ncu) is not installed here");
    plan.tool_missing = true;
  }
  if (wants_nsys && installed.nsys) plan.steps.push_back(NsysStep(request, installed, folder));
  if (wants_ncu && installed.ncu) {
    plan.steps.push_back(NcuStep(request, installed, folder));
    plan.steps.push_back(NcuPage(installed, folder, "details"));
    plan.steps.push_back(NcuPage(installed, folder, "raw"));
    plan.notes.push_back(
        "Nsight Compute locks the clock and flushes the caches: compare its times with each other, never "
        "with "
        "those of another tool");
  }
  if (plan.steps.size() > 2 && wants_nsys && installed.nsys)
    plan.notes.push_back(
        "the command runs twice, once for each tool: they cannot watch one process together");
  if (plan.steps.empty()) {
    if (wants_nsys || wants_ncu) plan.tool = ProfileTool::kBuiltin;
    plan.inject = true;
    if (!request.flags.empty()) plan.notes.push_back("--flag is for Nsight's tools; it is left out here");
  }
  return plan;
}

int CompareVersions(std::string_view left, std::string_view right) {
  while (!left.empty() || !right.empty()) {
    std::size_t at_left = 0, at_right = 0;
    const int a = left.empty() ? 0 : std::max(0, NumberAt(left, at_left));
    const int b = right.empty() ? 0 : std::max(0, NumberAt(right, at_right));
    if (a != b) return a < b ? -1 : 1;
    const auto dot_left = left.find('.'), dot_right = right.find('.');
    left = dot_left == std::string_view::npos ? std::string_view() : left.substr(dot_left + 1);
    right = dot_right == std::string_view::npos ? std::string_view() : right.substr(dot_right + 1);
  }
  return 0;
}

std::vector<MinimumCheck> CheckMinimums(const MachineFacts& facts) {
  std::vector<MinimumCheck> checks;
  const auto version = [&](std::string what, const std::string& found, std::string_view least,
                           std::string needed) {
    MinimumCheck check{std::move(what), found.empty() ? "not found" : found, std::move(needed), std::nullopt};
    if (!found.empty()) check.holds = CompareVersions(found, least) >= 0;
    checks.push_back(std::move(check));
  };
  MinimumCheck os{"operating system", facts.os_id + " " + facts.os_version, "Ubuntu 20.04 or later",
                  std::nullopt};
  if (facts.os_id == "ubuntu") os.holds = CompareVersions(facts.os_version, "20.04") >= 0;
  // Debian 11 has the C library of Ubuntu 20.04 (2.31).
  if (facts.os_id == "debian" && !facts.os_version.empty())
    os.holds = CompareVersions(facts.os_version, "11") >= 0;
  checks.push_back(std::move(os));
  version("CUDA toolkit", facts.cuda, "11.4", "11.4 or later");
  version("NVIDIA driver", facts.driver, "470.57.02", "470.57.02 or later");
  MinimumCheck card{"GPU", "none found", "Volta (compute capability 7.0) or later", std::nullopt};
  if (!facts.compute_capabilities.empty()) {
    const auto least =
        *std::min_element(facts.compute_capabilities.begin(), facts.compute_capabilities.end());
    card.found = fmt::format("compute capability {:.1f}", least);
    card.holds = least >= 7.0 - 1e-9;
  }
  checks.push_back(std::move(card));
  return checks;
}

std::vector<std::string> InstallLines(const MachineFacts& facts) {
  std::string release;
  if (facts.os_id == "ubuntu" || facts.os_id == "debian") {
    release = facts.os_id + facts.os_version;
    std::erase(release, '.');
  }
  if (release.empty() || facts.os_version.empty()) {
    return {"see https://developer.nvidia.com/nsight-systems and https://developer.nvidia.com/nsight-compute",
            "(both are also part of the CUDA toolkit: https://developer.nvidia.com/cuda-downloads)"};
  }
  return {fmt::format("wget https://developer.download.nvidia.com/compute/cuda/repos/{}/x86_64/"
                      "cuda-keyring_1.1-1_all.deb",
                      release),
          "sudo dpkg -i cuda-keyring_1.1-1_all.deb", "sudo apt-get update",
          "sudo apt-get install -y cuda-nsight-systems-13-0 cuda-nsight-compute-13-0"};
}

}  // namespace altlas::profile
