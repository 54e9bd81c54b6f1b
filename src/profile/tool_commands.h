// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The command lines of `alt_las profile run`: which flags which version of Nsight Systems and Nsight Compute
// takes. Pure: the versions are given, nothing is started. Facts: NVIDIA's user guides of the versions named
// in the table of the .cc file.
namespace altlas::profile {

struct ToolVersion {
  int year = 0, release = 0, patch = 0;
  auto operator<=>(const ToolVersion&) const = default;
};
// From what `nsys --version` ("NVIDIA Nsight Systems version 2024.5.1.113-...") and `ncu --version` ("Version
// 2023.2.1.0 (build ...)") print. Empty where there is none.
std::optional<ToolVersion> ParseToolVersion(std::string_view output);
std::string FormatToolVersion(const ToolVersion& version);

enum class ProfileTool : std::uint8_t { kAuto, kNsys, kNcu, kBoth, kTorch, kBuiltin };
std::string_view ProfileToolName(ProfileTool tool);
std::optional<ProfileTool> ParseProfileTool(std::string_view name);

// What the user asked for.
struct ProfileRequest {
  ProfileTool tool = ProfileTool::kAuto;
  std::vector<std::string> command;          // the program to watch and its arguments
  std::string kernel_regex;                  // of Nsight Compute; empty: every kernel
  std::optional<double> duration_s;          // how long to record; the command goes on after it
  std::vector<std::string> trace;            // of Nsight Systems; empty: kDefaultTrace
  std::optional<std::uint64_t> launch_skip;  // of Nsight Compute
  std::optional<std::uint64_t> launch_count;
  std::vector<std::string> metrics;  // of Nsight Compute, instead of its set
  std::vector<std::string> flags;    // passed through; one that this program sets itself replaces its own
};

// What was found on this machine.
struct InstalledTools {
  std::optional<ToolVersion> nsys, ncu;
  std::string nsys_program = "nsys", ncu_program = "ncu";
};

// One program to run, one after the other.
struct ToolStep {
  std::string what;                        // "system profile"
  std::vector<std::string> command = {};   // with the program
  std::filesystem::path output_file = {};  // standard output goes there; empty: as the caller's
  std::filesystem::path result = {};       // what it leaves behind
  bool runs_command = false;  // it runs the user's command: signals go to it, its exit code is the result
};

struct ToolPlan {
  ProfileTool tool = ProfileTool::kBuiltin;  // never kAuto
  std::vector<ToolStep> steps;               // of nsys and ncu; empty: the command runs as it is
  bool inject = false;                       // the built-in collectors are switched on in its environment
  std::vector<std::string> notes;            // to be told before it starts
  bool tool_missing = false;                 // what was asked for, or would be better, is not installed
};

// Errors are kInvalidArgument, naming the flag and what is allowed: nothing to run, an unknown name in
// `trace`, kernel flags for a tool that has none, a regular expression or metric with a comma too many.
Result<ToolPlan> PlanProfile(const ProfileRequest& request, const InstalledTools& installed,
                             const std::filesystem::path& folder);

inline constexpr std::string_view kDefaultTrace = "cuda,nvtx,osrt,cudnn,cublas";

// The document's minimums.
struct MachineFacts {
  std::string os_id = {};       // of /etc/os-release: "ubuntu", "debian"
  std::string os_version = {};  // "22.04"
  std::string cuda = {};        // toolkit, "12.4"; empty: not found
  std::string driver = {};      // "535.104.05"; empty: none
  std::vector<double> compute_capabilities = {};
};
struct MinimumCheck {
  std::string what, found, needed;
  std::optional<bool> holds;  // absent: cannot be told
};
// Ubuntu 20.04 (or a system of its age), CUDA 11.4, driver 470.57.02, Volta (7.0).
std::vector<MinimumCheck> CheckMinimums(const MachineFacts& facts);

// The lines that install both tools on this system today.
std::vector<std::string> InstallLines(const MachineFacts& facts);

// "11.10" is later than "11.4"; parts that are no numbers count as 0.
int CompareVersions(std::string_view left, std::string_view right);

}  // namespace altlas::profile
