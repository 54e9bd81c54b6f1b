// SPDX-License-Identifier: Apache-2.0
#include "replicates.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "child_environment.h"
#include "device/nvml_probe.h"
#include "device/proc_files.h"
#include "profile/redact.h"
#include "profile/run_manifest.h"
#include "tables.h"

namespace altlas::app {
namespace {

using profile::RunFile;
using profile::RunState;

volatile sig_atomic_t stop_signal = 0;

void RememberSignal(int signal) { stop_signal = signal; }

double InMs(const timeval& time) {
  return 1000.0 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1000.0;
}

device::CpuTimes AllCpuTimes() {
  device::CpuTimes all;
  for (const auto& cpu : device::ReadCpuTimes("/")) {
    all.busy += cpu.busy;
    all.total += cpu.total;
  }
  return all;
}

std::string FirstLineOf(const std::filesystem::path& path) {
  const auto text = ReadFile(path, 1 << 16);
  return text.has_value() ? text->substr(0, text->find('\n')) : std::string();
}

// How often the processors were slowed because of their heat, since boot; 0 where the system does not tell.
std::uint64_t CountCpuThrottles() {
  std::uint64_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/devices/system/cpu", error)) {
    const auto text = FirstLineOf(entry.path() / "thermal_throttle/core_throttle_count");
    count += std::strtoull(text.c_str(), nullptr, 10);
  }
  return count;
}

// Whether the command may see the device: CUDA_VISIBLE_DEVICES names indices or beginnings of UUIDs.
bool IsVisible(std::size_t index, const std::string& uuid) {
  const char* variable = std::getenv("CUDA_VISIBLE_DEVICES");
  if (variable == nullptr) return true;
  std::string_view names = variable;
  while (!names.empty()) {
    const auto name = names.substr(0, names.find(','));
    if (name == std::to_string(index) || (name.size() > 4 && uuid.starts_with(name))) return true;
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  return false;
}

// What the GPUs said while a run went on.
struct GpuWatch {
  std::unique_ptr<device::NvmlProbe> probe;
  std::set<std::string> throttled;
  std::vector<double> clocks;
  bool had_foreign = false;

  std::vector<device::DeviceSnapshot> Visible() {
    std::vector<device::DeviceSnapshot> visible;
    if (probe == nullptr) return visible;
    auto devices = probe->Probe({});
    for (std::size_t i = 0; devices.has_value() && i < devices->size(); ++i)
      if (IsVisible(i, (*devices)[i].uuid)) visible.push_back(std::move((*devices)[i]));
    return visible;
  }
  // Before a run: what still works on a device then is foreign. The driver's figure is a mean over up to a
  // second, in which the run before may still show.
  void LookBefore() {
    throttled.clear();
    clocks.clear();
    had_foreign = true;
    for (int i = 0; i < 8 && had_foreign && stop_signal == 0; ++i) {
      if (i > 0) ::poll(nullptr, 0, 250);
      had_foreign = false;
      for (const auto& gpu : Visible()) had_foreign = had_foreign || gpu.utilization > 5;
    }
  }
  void LookDuring() {
    for (const auto& gpu : Visible()) {
      if (gpu.utilization < 1) continue;
      for (const auto& reason : gpu.throttle_reasons) throttled.insert(reason);
      if (gpu.clock_sm.has_value()) clocks.push_back(*gpu.clock_sm);
    }
  }
  void Tell(RunState& state) const {
    for (const auto& reason : throttled) state.throttled += (state.throttled.empty() ? "" : ", ") + reason;
    if (had_foreign) state.foreign_processes = "the GPU was in use before the run began";
    if (!clocks.empty()) state.clock_mhz = profile::Median(clocks);
  }
};

// Looks at the GPUs, where there are any, five times a second until Stop().
class WatchThread {
 public:
  explicit WatchThread(GpuWatch& gpus) {
    if (gpus.probe == nullptr) return;
    thread_ = std::thread([this, &gpus] {
      MutexLock lock(mutex_);
      while (!stopping_) {
        changed_.WaitFor(mutex_, std::chrono::milliseconds(200));
        if (!stopping_) gpus.LookDuring();
      }
    });
  }
  ~WatchThread() { Stop(); }
  WatchThread(const WatchThread&) = delete;
  WatchThread& operator=(const WatchThread&) = delete;
  void Stop() {
    if (!thread_.joinable()) return;
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    thread_.join();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

std::string EndOfOutput(const std::filesystem::path& log) {
  constexpr std::streamoff kTail = 1500;
  // From its end: a command may have printed more than fits into memory.
  std::ifstream file(log, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size <= 0) return "; it printed nothing";
  std::string text(static_cast<std::size_t>(std::min(size, kTail)), '\0');
  file.seekg(size - static_cast<std::streamoff>(text.size()));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (size > kTail) text = "..." + text;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) return "; it printed nothing";
  std::string lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines += "\n  " + Printable(text.substr(at, end - at));
    at = end + 1;
  }
  return "; the end of its output:" + lines;
}

bool IsHandled(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN;
}

Result<pid_t> Spawn(const ReplicateCommand& command, const std::string& log, const std::string& summary) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C reaches this program alone, which then ends the whole group.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  sigaddset(&defaults, SIGPIPE);
  if (IsHandled(SIGHUP)) sigaddset(&defaults, SIGHUP);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  auto words = command.words;
  auto variables = EnvironmentWith({{"ALTLAS_SUMMARY_OUT", summary}});
  const auto arguments = CStrings(words);
  const auto environment = CStrings(variables);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, arguments[0], &files, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return Fail(ErrorCode::kUnavailable, "cannot start \"{}\": {}", Printable(command.shown),
                std::strerror(error));
  return pid;
}

}  // namespace

ReplicateCommand ShellCommand(const std::string& line) {
  return {{"/bin/sh", "-c", line}, profile::RedactText(line)};
}

ReplicateCommand WordsCommand(std::vector<std::string> words) {
  ReplicateCommand command;
  for (const auto& word : profile::RedactCommandLine(words))
    command.shown += (command.shown.empty() ? "" : " ") + word;
  command.words = std::move(words);
  return command;
}

struct ReplicateRunner::Impl {
  TemporaryFolder folder;
  double timeout_seconds = 0;
  GpuWatch gpus;
  struct sigaction old_interrupt {};
  struct sigaction old_terminate {};
  struct sigaction old_hangup {};
  int run = 0;

  Result<double> WaitFor(pid_t pid, TimePoint begin, int& status, rusage& usage);
};

ReplicateRunner::ReplicateRunner(double timeout_seconds) : impl_(std::make_unique<Impl>()) {
  impl_->timeout_seconds = timeout_seconds;
  if (auto probe = device::NvmlProbe::Create(); probe.has_value()) impl_->gpus.probe = std::move(*probe);
  stop_signal = 0;
  struct sigaction action {};
  action.sa_handler = RememberSignal;  // without SA_RESTART: poll() comes back
  ::sigaction(SIGINT, &action, &impl_->old_interrupt);
  ::sigaction(SIGTERM, &action, &impl_->old_terminate);
  ::sigaction(SIGHUP, nullptr, &impl_->old_hangup);
  if (impl_->old_hangup.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
}

ReplicateRunner::~ReplicateRunner() {
  ::sigaction(SIGINT, &impl_->old_interrupt, nullptr);
  ::sigaction(SIGTERM, &impl_->old_terminate, nullptr);
  ::sigaction(SIGHUP, &impl_->old_hangup, nullptr);
}

int StopSignal() { return stop_signal; }

// The run's time in ms. The time is taken when the process has ended, before its traces are read.
Result<double> ReplicateRunner::Impl::WaitFor(pid_t pid, TimePoint begin, int& status, rusage& usage) {
  const SystemClock clock;
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // On a thread of its own: a look takes the driver tens of milliseconds, which would be part of the run.
  WatchThread watch(gpus);
  bool is_late = false;
  while (handle.valid()) {
    pollfd wait{handle.get(), POLLIN, 0};
    // Short enough for a signal that comes between the check and poll() to be seen soon.
    const int ready = ::poll(&wait, 1, 200);
    if (ready > 0) break;
    const double seconds = Seconds(clock.Now() - begin);
    is_late = timeout_seconds > 0 && seconds > timeout_seconds;
    if (stop_signal != 0 || is_late) break;
  }
  const double wall = 1000 * Seconds(clock.Now() - begin);
  watch.Stop();
  if (stop_signal != 0 || is_late || !handle.valid()) ::kill(-pid, SIGKILL);
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  // What it left running would be in the way of the next run.
  ::kill(-pid, SIGKILL);
  if (stop_signal != 0) return Fail(ErrorCode::kCanceled, "stopped by {}", ::strsignal(stop_signal));
  if (!handle.valid())
    return Fail(ErrorCode::kUnsupported,
                "this system cannot watch a process (pidfd_open): Linux 5.3 or later is "
                "needed");
  if (is_late)
    return Fail(ErrorCode::kTimeout, "it ran longer than the {} s of --timeout and was killed",
                timeout_seconds);
  return wall;
}

Result<RunFile> ReplicateRunner::Run(const ReplicateCommand& command) {
  if (stop_signal != 0) return Fail(ErrorCode::kCanceled, "stopped by {}", ::strsignal(stop_signal));
  const auto log = impl_->folder.path() / "output.log";
  const auto summary = impl_->folder.path() / fmt::format("summary_{}.json", impl_->run++);
  impl_->gpus.LookBefore();
  const SystemClock clock;
  const auto cpu_before = AllCpuTimes();
  const auto throttles = CountCpuThrottles();
  const auto begin = clock.Now();
  ALTLAS_TRY(const pid_t pid, Spawn(command, log.string(), summary.string()));
  int status = 0;
  rusage usage{};
  ALTLAS_TRY(const double wall, impl_->WaitFor(pid, begin, status, usage));
  const auto cpu_after = AllCpuTimes();
  if (WIFSIGNALED(status))
    return Fail(ErrorCode::kUnavailable, "\"{}\" was killed by signal {} ({}){}", Printable(command.shown),
                WTERMSIG(status), ::strsignal(WTERMSIG(status)), EndOfOutput(log));
  if (WEXITSTATUS(status) != 0)
    return Fail(ErrorCode::kUnavailable, "\"{}\" exited with code {}{}", Printable(command.shown),
                WEXITSTATUS(status), EndOfOutput(log));
  RunFile file;
  std::error_code error;
  if (std::filesystem::exists(summary, error)) {
    auto read = profile::ReadRun(summary);
    std::filesystem::remove(summary, error);
    if (!read.has_value())
      return std::move(read).Context("what the command wrote to ALTLAS_SUMMARY_OUT").error();
    file = std::move(*read);
  }
  const double cpu = InMs(usage.ru_utime) + InMs(usage.ru_stime);
  file.run.figures["wall"] = {wall, "ms", false, std::nullopt, std::nullopt};
  // A sleeping command has none, and its logarithm would have to be taken.
  if (cpu >= 10) file.run.figures["cpu"] = {cpu, "ms", false, std::nullopt, std::nullopt};
  impl_->gpus.Tell(file.run.state);
  if (CountCpuThrottles() > throttles)
    file.run.state.throttled = "the processor was slowed because of its heat";
  // Twenty ticks (0.2 s of one processor): below, a tick more or less is the whole figure.
  if (const auto ticks = cpu_after.total - cpu_before.total;
      cpu_after.total > cpu_before.total && ticks >= 20) {
    const double own = cpu / 1000 * static_cast<double>(::sysconf(_SC_CLK_TCK));
    const double busy = static_cast<double>(cpu_after.busy - cpu_before.busy);
    file.run.state.foreign_cpu = std::clamp((busy - own) / static_cast<double>(ticks), 0.0, 1.0);
  }
  return file;
}

profile::Environment ReadMachineFacts() {
  profile::Environment facts;
  facts["alt_las"] = ALTLAS_VERSION;
  facts["cpu_model"] = device::ReadCpuModel("/");
  facts["cores"] = std::to_string(::sysconf(_SC_NPROCESSORS_ONLN));
  utsname system{};
  if (::uname(&system) == 0) facts["kernel"] = fmt::format("{} {}", system.sysname, system.release);
  const std::filesystem::path frequency = "/sys/devices/system/cpu/cpu0/cpufreq";
  const auto governor = FirstLineOf(frequency / "scaling_governor");
  const auto most = FirstLineOf(frequency / "scaling_max_freq");
  if (!governor.empty()) facts["clocks"] = fmt::format("{}, at most {} kHz", governor, most);
  const auto driver = FirstLineOf("/proc/driver/nvidia/version");
  if (!driver.empty()) facts["driver"] = driver;
  if (auto probe = device::NvmlProbe::Create(); probe.has_value()) {
    const auto devices = (*probe)->Probe({});
    std::string names;
    if (devices.has_value())
      for (const auto& gpu : *devices) names += (names.empty() ? "" : "; ") + gpu.name;
    if (!names.empty()) facts["devices"] = names;
  }
  std::erase_if(facts, [](const auto& fact) { return fact.second.empty(); });
  return facts;
}

}  // namespace altlas::app
