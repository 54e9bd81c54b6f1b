// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace altlas::profile {

// What `alt_las profile run` knows of a run, as manifest.json beside its captures. Values only.
struct RunManifest {
  struct Device {
    std::string id, name, uuid, kind;  // kind: "gpu" or "cpu"
    std::optional<std::uint64_t> memory_bytes;
    std::optional<double> clock_sm_mhz, clock_memory_mhz, power_limit_w, temperature_c, compute_capability;
    std::vector<std::string> throttle_reasons;
  };
  struct File {
    std::string name, what;
    std::uint64_t bytes = 0;
  };
  std::string status;  // "running", "finished"
  std::vector<std::string> command;
  std::string directory;                        // where the command ran
  std::string tool;                             // that captured: "nsys", "ncu", "both", "torch", "builtin"
  std::map<std::string, std::string> versions;  // "nsys": "2025.3.1"
  std::vector<std::vector<std::string>> tool_commands;  // the whole lines of Nsight's tools
  std::int64_t started_unix_ms = 0;
  std::optional<std::int64_t> ended_unix_ms;
  std::optional<int> exit_code;
  std::optional<int> signal;  // that ended the command
  std::string os, kernel, processor, driver, cuda;
  std::uint64_t processors = 0, memory_bytes = 0;
  std::vector<Device> devices;
  std::string git_commit, git_branch;  // empty: no repository
  std::optional<bool> git_dirty;
  std::map<std::string, std::string> environment;
  std::vector<std::string> notes;
  std::vector<File> files;
};

// A command line without its secrets, word by word: what follows a flag that says secret or personal
// ("--token x", "--user x", "-u name:password"), what RedactText finds, and wherever they stand again the
// secrets and names that `environment` or the line itself gives away. As many words as before. Pure.
std::vector<std::string> RedactCommandLine(const std::vector<std::string>& words,
                                           const std::map<std::string, std::string>& environment = {});

// The manifest as JSON (format "alt_las.profile_run", version 1), fit to be shared: the environment goes
// through RedactEnvironment, command lines through RedactCommandLine, and every other text loses what either
// gave away. Pure.
std::string RenderRunManifest(const RunManifest& manifest);

}  // namespace altlas::profile
