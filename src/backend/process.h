// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

// Child processes of the manager: started into a session of their own, so that neither a signal from the
// manager's terminal nor its end reaches them, and named in a way that survives the reuse of process ids.
namespace altlas::backend {

struct ProcessOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;                            // without the program's name
  std::vector<std::pair<std::string, std::string>> environment;  // added to the manager's own
  std::filesystem::path log;  // standard output and error are appended here
  std::vector<int> cpus;      // which it may run on; empty: as the manager
};

struct Process {
  pid_t pid = 0;
  UniqueFd handle;  // a pidfd: readable once the process has ended
};

// Starts it. Returns when the program runs or has failed to: kNotFound, kDenied, kUnavailable. Blocks a
// millisecond.
Result<Process> StartProcess(const ProcessOptions& options);

// A process id together with what makes it unique on this machine.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since boot, of /proc/<pid>/stat
  std::string boot_id;
  bool operator==(const ProcessIdentity&) const = default;
};
// Empty where there is no such process (a zombie counts as none).
std::optional<ProcessIdentity> IdentifyProcess(pid_t pid);
// A handle on that very process; empty where it is gone, or its id belongs to another now.
UniqueFd OpenProcess(const ProcessIdentity& identity);

// SIGKILL to the process group of `pid` (it leads one) by its handle and its id. Nothing where it is gone.
void KillProcessGroup(const Process& process);

// "exited with code 1", "was killed by signal 11 (Segmentation fault)", or "ended" where it is not a child of
// ours. Reaps the child. Empty where it still runs. Does not block.
std::optional<std::string> TryReap(int handle);

// Limits the process to so many cores (0.5: half of one) by a control group of its own, version 1 or 2, where
// this process may make one: kDenied or kUnsupported with the reason where not. `name` names the group.
Status LimitCpu(pid_t pid, const std::string& name, double cores);
// Removes the group again once it is empty; no error where there is none.
void RemoveCpuLimit(const std::string& name);

// Keeps a log file that somebody else appends to below about twice `cap_bytes`: past the cap its content
// moves to `<log>.1`.
void RotateLog(const std::filesystem::path& log, std::uint64_t cap_bytes);

}  // namespace altlas::backend
