// SPDX-License-Identifier: Apache-2.0
#include "profile_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"
#include "child_environment.h"

namespace altlas::app {
namespace {

constexpr std::array<int, 4> kForwarded = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

sigset_t HeldSignals(bool with_children) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kForwarded) sigaddset(&set, signal);
  if (with_children) sigaddset(&set, SIGCHLD);
  return set;
}

struct Redirections {
  std::string output_file;  // empty: as it is
  int output_fd = -1;       // instead of a file
  bool quiet = false;       // nothing to read, standard error thrown away
};

// The actions of one start, freed with it.
class SpawnSetup {
 public:
  explicit SpawnSetup(const Redirections& redirections) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    if (!redirections.output_file.empty())
      ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, redirections.output_file.c_str(),
                                         O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (redirections.output_fd >= 0)
      ::posix_spawn_file_actions_adddup2(&actions_, redirections.output_fd, STDOUT_FILENO);
    if (redirections.quiet) {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
      ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
  }
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  Result<pid_t> Start(const std::vector<std::string>& command,
                      const std::vector<std::pair<std::string, std::string>>& environment) {
    auto arguments = command;
    auto variables = EnvironmentWith(environment);
    const auto argv = CStrings(arguments);
    const auto envp = CStrings(variables);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, argv[0], &actions_, &attributes_, argv.data(), envp.data());
    if (error == 0) return pid;
    const auto code = error == ENOENT                       ? ErrorCode::kNotFound
                      : error == EACCES || error == ENOEXEC ? ErrorCode::kDenied
                                                            : ErrorCode::kUnavailable;
    return Fail(code, "{} cannot be started: {}", command[0], std::strerror(error));
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

CommandEnd EndOf(int status) {
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

// Reaps what has ended, orphans too; the watched one's end where it is among them.
std::optional<CommandEnd> ReapAll(pid_t watched) {
  std::optional<CommandEnd> end;
  int status = 0;
  while (true) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return end;
    if (pid == watched) end = EndOf(status);
  }
}

int MillisecondsUntil(TimePoint deadline) {
  const auto left = deadline - SystemClock().Now();
  return static_cast<int>(std::clamp<std::int64_t>(left.count() / 1'000'000 + 1, 0, 1'000'000));
}

}  // namespace

SignalsHeld::SignalsHeld() {
  const auto set = HeldSignals(true);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

SignalsHeld::~SignalsHeld() {
  const auto set = HeldSignals(true);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Result<CommandEnd> RunWatched(const WatchedCommand& watched) {
  const auto set = HeldSignals(true);
  const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  SpawnSetup setup({.output_file = watched.output_file.string()});
  ALTLAS_TRY(const pid_t pid, setup.Start(watched.command, watched.environment));
  if (watched.on_start) watched.on_start(pid);
  bool waits_for_after = watched.after.has_value();
  const auto deadline = SystemClock().Now() + watched.after.value_or(Duration(0));
  while (true) {
    // Before waiting: it may have ended before the descriptor was there.
    if (const auto end = ReapAll(pid)) return *end;
    pollfd ready{signals.get(), POLLIN, 0};
    const int count = ::poll(&ready, 1, waits_for_after ? MillisecondsUntil(deadline) : -1);
    if (waits_for_after && SystemClock().Now() >= deadline) {
      waits_for_after = false;
      if (watched.on_after) watched.on_after();
    }
    signalfd_siginfo info{};
    while (count > 0 && ::read(signals.get(), &info, sizeof(info)) == sizeof(info)) {
      const auto number = static_cast<int>(info.ssi_signo);
      // The terminal has sent its own to the whole foreground group already.
      const bool of_terminal = info.ssi_code == SI_KERNEL;
      if (number != SIGCHLD && !of_terminal) ::kill(pid, number);
    }
  }
}

Result<std::string> OutputOf(const std::vector<std::string>& command, Duration limit) {
  constexpr std::size_t kLimitBytes = 1 << 20;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(ErrorCode::kUnavailable, "pipe: {}", std::strerror(errno));
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  SpawnSetup setup({.output_file = {}, .output_fd = write_end.get(), .quiet = true});
  ALTLAS_TRY(const pid_t pid, setup.Start(command, {}));
  write_end.Reset();
  const auto deadline = SystemClock().Now() + limit;
  std::string output;
  std::array<char, 4096> piece;
  bool late = false;
  while (true) {
    pollfd ready{read_end.get(), POLLIN, 0};
    if (::poll(&ready, 1, MillisecondsUntil(deadline)) == 0) {
      late = true;
      break;
    }
    const auto got = ::read(read_end.get(), piece.data(), piece.size());
    if (got <= 0) break;
    if (output.size() < kLimitBytes) output.append(piece.data(), static_cast<std::size_t>(got));
  }
  if (late) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) return Fail(ErrorCode::kTimeout, "{} did not answer within {} s", command[0], Seconds(limit));
  if (EndOf(status).code != 0)
    return Fail(ErrorCode::kUnavailable, "{} ended with code {}", command[0], EndOf(status).code);
  return output;
}

std::optional<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    return std::nullopt;
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const auto colon = rest.find(':');
    const std::filesystem::path candidate =
        std::filesystem::path(rest.substr(0, colon).empty() ? "." : rest.substr(0, colon)) / name;
    std::error_code ignored;
    if (::access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate, ignored))
      return candidate.string();
    if (colon == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(colon + 1);
  }
}

}  // namespace altlas::app
