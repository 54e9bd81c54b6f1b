// SPDX-License-Identifier: Apache-2.0
#include "backend/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/log.h"

namespace altlas::backend {

namespace {

// What the child does between fork and exec: only calls that are safe there, in a process whose other threads
// are gone.
struct ChildPlan {
  const char* program;
  char* const* argv;
  char* const* envp;
  int log_fd;
  int report_fd;  // close-on-exec: its end without bytes means that the program runs
  const cpu_set_t* cpus;
};

[[noreturn]] void RunChild(const ChildPlan& plan) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  ::setsid();
  const int null_fd = ::open("/dev/null", O_RDONLY);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(plan.log_fd, STDOUT_FILENO);
  ::dup2(plan.log_fd, STDERR_FILENO);
  if (plan.cpus != nullptr) ::sched_setaffinity(0, sizeof(cpu_set_t), plan.cpus);
  // Descriptors that some library opened without the flag must not keep sockets or files of the manager open.
  ::syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
  ::execve(plan.program, plan.argv, plan.envp);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(plan.report_fd, &error, sizeof(error));
  ::_exit(127);
}

std::vector<std::string> MergedEnvironment(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : added) {
      replaced |= text.starts_with(name) && text.substr(name.size()).starts_with('=');
    }
    if (!replaced) merged.emplace_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

UniqueFd OpenPidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u))); }

Error SystemError(int error, const std::string& what) {
  const auto code = error == ENOENT                     ? ErrorCode::kNotFound
                    : error == EACCES || error == EPERM ? ErrorCode::kDenied
                                                        : ErrorCode::kUnavailable;
  return Fail(code, "{}: {}", what, std::strerror(error));
}

Result<UniqueFd> OpenLog(const std::filesystem::path& log) {
  ALTLAS_TRY_VOID(MakeFolder(log.parent_path(), 0700));
  UniqueFd fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError(errno, "opening " + log.string());
  return fd;
}

cpu_set_t CpuSet(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &set);
  }
  return set;
}

}  // namespace

Result<Process> StartProcess(const ProcessOptions& options) {
  ALTLAS_TRY(auto log_fd, OpenLog(options.log));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError(errno, "pipe");
  UniqueFd report_read(ends[0]);
  UniqueFd report_write(ends[1]);
  auto arguments = options.arguments;
  arguments.insert(arguments.begin(), options.program.string());
  auto environment = MergedEnvironment(options.environment);
  const auto argv = Pointers(arguments);
  const auto envp = Pointers(environment);
  const auto cpus = CpuSet(options.cpus);
  const ChildPlan plan{options.program.c_str(),
                       argv.data(),
                       envp.data(),
                       log_fd.get(),
                       report_write.get(),
                       options.cpus.empty() ? nullptr : &cpus};

  Process process;
  process.pid = ::fork();
  if (process.pid == 0) RunChild(plan);
  if (process.pid < 0) return SystemError(errno, "fork");
  report_write.Reset();
  int error = 0;
  if (::read(report_read.get(), &error, sizeof(error)) == sizeof(error)) {
    ::waitpid(process.pid, nullptr, 0);
    return SystemError(error, "starting " + options.program.string());
  }
  process.handle = OpenPidfd(process.pid);
  if (!process.handle.valid()) {
    const int why = errno;
    ::kill(process.pid, SIGKILL);
    ::waitpid(process.pid, nullptr, 0);
    return SystemError(why, "pidfd_open (Linux 5.3 or later is needed)");
  }
  return process;
}

std::optional<ProcessIdentity> IdentifyProcess(pid_t pid) {
  const auto stat = ReadFile(fmt::format("/proc/{}/stat", pid), 4096);
  const auto boot_id = ReadFile("/proc/sys/kernel/random/boot_id", 256);
  if (!stat || !boot_id) return std::nullopt;
  // pid (name) state ppid ...: the name may hold anything, so count from its last parenthesis. Field 3 is the
  // state, 22 the start.
  const auto close = stat->rfind(')');
  if (close == std::string::npos || close + 2 >= stat->size() || (*stat)[close + 2] == 'Z')
    return std::nullopt;
  std::size_t at = close + 2;
  for (int field = 3; field < 22; ++field) {
    at = stat->find(' ', at);
    if (at == std::string::npos) return std::nullopt;
    ++at;
  }
  ProcessIdentity identity{pid, std::strtoull(stat->c_str() + at, nullptr, 10), *boot_id};
  while (!identity.boot_id.empty() && identity.boot_id.back() == '\n') identity.boot_id.pop_back();
  return identity;
}

UniqueFd OpenProcess(const ProcessIdentity& identity) {
  if (identity.pid <= 0) return {};
  auto handle = OpenPidfd(identity.pid);
  // Asked after the handle is open: from here on the id cannot change its owner.
  if (handle.valid() && IdentifyProcess(identity.pid) != identity) handle.Reset();
  return handle;
}

void KillProcessGroup(const Process& process) {
  if (!process.handle.valid()) return;
  pollfd ended{process.handle.get(), POLLIN, 0};
  // Its children, too; but only while the leader is there or a zombie of ours, so that the id is still its
  // own.
  if (::poll(&ended, 1, 0) == 0 && process.pid > 1) ::kill(-process.pid, SIGKILL);
  ::syscall(SYS_pidfd_send_signal, process.handle.get(), SIGKILL, nullptr, 0u);
}

std::optional<std::string> TryReap(int handle) {
  siginfo_t info{};
  constexpr auto kPidfd = static_cast<idtype_t>(3);  // P_PIDFD
  if (::waitid(kPidfd, static_cast<id_t>(handle), &info, WEXITED | WNOHANG) != 0) {
    if (errno != ECHILD) return std::nullopt;
    pollfd ended{handle, POLLIN, 0};
    if (::poll(&ended, 1, 0) <= 0) return std::nullopt;
    return "ended";
  }
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return fmt::format("exited with code {}", info.si_status);
  return fmt::format("was killed by signal {} ({})", info.si_status, ::strsignal(info.si_status));
}

void RotateLog(const std::filesystem::path& log, std::uint64_t cap_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(log, error);
  if (error || size <= cap_bytes) return;
  // Copied and cut, not renamed: the worker keeps its descriptor, and O_APPEND makes it go on at the new end.
  auto old = log;
  old += ".1";
  std::filesystem::copy_file(log, old, std::filesystem::copy_options::overwrite_existing, error);
  if (!error) std::filesystem::resize_file(log, 0, error);
  if (error)
    ALTLAS_WARN("backend", "a worker's log cannot be rotated", {"log", log.string()},
                {"why", error.message()});
}

}  // namespace altlas::backend
