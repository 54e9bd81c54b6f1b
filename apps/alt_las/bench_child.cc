// SPDX-License-Identifier: Apache-2.0
#include "bench_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "child_environment.h"

namespace altlas::app {
namespace {

constexpr std::size_t kMostOutput = std::size_t{256} << 20U;

volatile sig_atomic_t running_child = 0;

void PassOn(int number) {
  const int error = errno;
  if (running_child > 0) ::kill(running_child, number);
  errno = error;
}

// While a child runs, a Ctrl-C is for it; this process lives on to tell how it ended.
class PassedSignals {
 public:
  PassedSignals() {
    struct sigaction pass = {};
    pass.sa_handler = PassOn;
    pass.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &pass, &before_[0]);
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGQUIT, &ignore, &before_[1]);
  }
  ~PassedSignals() {
    Restore();
    running_child = 0;
  }
  PassedSignals(const PassedSignals&) = delete;
  PassedSignals& operator=(const PassedSignals&) = delete;
  void Restore() const {
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 2> kSignals = {SIGINT, SIGQUIT};
  std::array<struct sigaction, 2> before_ = {};
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Fail(ErrorCode::kUnavailable, "no pipe can be made: {}", std::strerror(errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// In the child, between fork and exec: nothing here may allocate.
[[noreturn]] void Become(char* const* arguments, int output, int failure, pid_t parent,
                         const PassedSignals& signals) {
  signals.Restore();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::dup2(output, STDOUT_FILENO);
  ::execvp(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const auto told = ::write(failure, &error, sizeof(error));
  ::_exit(127);
}

void WaitForEnd(pid_t child, ChildOutput& result) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // Its number may be another's from now on.
  running_child = 0;
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
}

// False past the limit.
bool ReadAll(int fd, std::string& text) {
  std::array<char, 65'536> buffer;
  while (true) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (text.size() + static_cast<std::size_t>(got) > kMostOutput) return false;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<ChildOutput> RunForOutput(const std::vector<std::string>& words) {
  ALTLAS_TRY(auto output, MakePipe());
  ALTLAS_TRY(auto failure, MakePipe());
  auto copies = words;
  const auto arguments = CStrings(copies);
  const PassedSignals signals;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) Become(arguments.data(), output.write.get(), failure.write.get(), parent, signals);
  if (child < 0)
    return Fail(ErrorCode::kUnavailable, "{} cannot be started: {}", words[0], std::strerror(errno));
  running_child = child;
  output.write.Reset();
  failure.write.Reset();
  ChildOutput result;
  int error = 0;
  if (::read(failure.read.get(), &error, sizeof(error)) == static_cast<ssize_t>(sizeof(error))) {
    WaitForEnd(child, result);
    return Fail(error == ENOENT   ? ErrorCode::kNotFound
                : error == EACCES ? ErrorCode::kDenied
                                  : ErrorCode::kUnavailable,
                "{} cannot be started: {}", words[0], std::strerror(error));
  }
  const bool whole = ReadAll(output.read.get(), result.output);
  if (!whole) ::kill(child, SIGKILL);
  WaitForEnd(child, result);
  if (!whole)
    return Fail(ErrorCode::kTooLarge, "{} wrote more than {} MiB and was ended", words[0],
                kMostOutput >> 20U);
  return result;
}

}  // namespace altlas::app
