// SPDX-License-Identifier: Apache-2.0
#include "run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "child_environment.h"

namespace altlas::app {
namespace {

constexpr std::size_t kMostKept = 1 << 20;

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(ErrorCode::kUnavailable, "pipe: {}", std::strerror(errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Reads both to their ends, whichever has something.
void ReadBoth(int out, int err, ProgramOutcome& outcome) {
  pollfd fds[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* texts[2] = {&outcome.output, &outcome.errors};
  int open = 2;
  char buffer[4096];
  while (open > 0) {
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const auto got = ::read(fds[i].fd, buffer, sizeof(buffer));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        fds[i].fd = -1;
        --open;
      } else if (texts[i]->size() < kMostKept) {
        texts[i]->append(buffer, static_cast<std::size_t>(got));
      }
    }
  }
}

}  // namespace

Result<ProgramOutcome> RunProgram(const std::filesystem::path& program, std::vector<std::string> arguments,
                                  const std::vector<std::pair<std::string, std::string>>& environment) {
  ALTLAS_TRY(auto out, MakePipe());
  ALTLAS_TRY(auto err, MakePipe());
  arguments.insert(arguments.begin(), program.string());
  auto variables = EnvironmentWith(environment);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, CStrings(arguments).data(),
                                   CStrings(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    const auto code = failed == ENOENT   ? ErrorCode::kNotFound
                      : failed == EACCES ? ErrorCode::kDenied
                                         : ErrorCode::kUnavailable;
    return Fail(code, "{} cannot be started: {}", program.string(), std::strerror(failed));
  }
  out.write.Reset();
  err.write.Reset();
  ProgramOutcome outcome;
  ReadBoth(out.read.get(), err.read.get(), outcome);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  return outcome;
}

}  // namespace altlas::app
