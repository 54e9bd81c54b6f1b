// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace altlas {
namespace {

// Runs `body` in a child whose standard error is a pipe; its exit code and all that it wrote, read once it
// has ended.
struct Child {
  int code = 0;
  std::string log;
};
template <typename Body>
Child RunUnread(Body body) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(out.get(), STDERR_FILENO);
    body();
    std::exit(0);
  }
  Child child;
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  child.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  out.Reset();
  char buffer[65536];
  for (ssize_t got; (got = ::read(in.get(), buffer, sizeof buffer)) > 0;)
    child.log.append(buffer, static_cast<std::size_t>(got));
  return child;
}

TEST(Log, TheLevelsAreSpelledAsInTheConfigurationAndLinedUp) {
  const auto child = RunUnread([] {
    SetLogLevel(LogLevel::kDebug);
    ALTLAS_DEBUG("test", "a");
    ALTLAS_INFO("test", "b");
    ALTLAS_WARN("test", "c");
    ALTLAS_ERROR("test", "d");
  });
  for (const char* line : {"Z debug test a\n", "Z info  test b\n", "Z warn  test c\n", "Z error test d\n"})
    EXPECT_NE(child.log.find(line), std::string::npos) << child.log;
}

TEST(Log, WhatWasLoggedBeforeANormalExitIsWritten) {
  const auto child = RunUnread([] {
    WriteLogInBackground();
    for (int i = 0; i < 100; ++i) ALTLAS_INFO("test", "line", {"number", i});
    Print(Output::kError, "and a text\n");
  });
  EXPECT_EQ(child.code, 0);
  EXPECT_NE(child.log.find("info  test line number=0\n"), std::string::npos) << child.log;
  EXPECT_NE(child.log.find("info  test line number=99\nand a text\n"), std::string::npos) << child.log;
}

// The child ends only after the parent would have had to read: a blocked writer would hang here.
TEST(Log, AReaderThatDoesNotReadHoldsUpNobody) {
  const std::string padding(1000, 'x');
  const auto child = RunUnread([&] {
    WriteLogInBackground();
    for (int i = 0; i < 5000; ++i) ALTLAS_INFO("test", padding);
  });
  EXPECT_EQ(child.code, 0);
  EXPECT_FALSE(child.log.empty());
  EXPECT_LT(child.log.size(), 1'000'000u);
}

TEST(Log, DroppedLinesAreCountedOnceTheReaderGoesOn) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    in.Reset();
    ::dup2(out.get(), STDERR_FILENO);
    out.Reset();
    WriteLogInBackground();
    const std::string padding(1000, 'x');
    for (int i = 0; i < 3000; ++i) ALTLAS_INFO("test", padding);
    FlushLog(std::chrono::minutes(2));
    std::exit(0);
  }
  out.Reset();
  std::string log;
  char buffer[65536];
  for (ssize_t got; (got = ::read(in.get(), buffer, sizeof buffer)) > 0;)
    log.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status));
  const auto written = static_cast<int>(std::count(log.begin(), log.end(), '\n'));
  const auto note = log.find("lines dropped");
  // The reader may have been quick enough for all of them.
  if (note == std::string::npos) {
    EXPECT_EQ(written, 3000);
    return;
  }
  int dropped = 0;
  int notes = 0;
  for (auto at = note; at != std::string::npos; at = log.find("lines dropped", at + 1)) {
    dropped += std::atoi(log.c_str() + log.find("lines=", at) + 6);
    ++notes;
  }
  EXPECT_EQ(written - notes + dropped, 3000);
}

TEST(Log, AReaderThatWentAwayEndsNothing) {
  const auto child = RunUnread([] {
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    if (::pipe(ends) != 0) std::exit(3);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    WriteLogInBackground();
    ALTLAS_INFO("test", "into nowhere");
    FlushLog();
  });
  EXPECT_EQ(child.code, 0);
}

}  // namespace
}  // namespace altlas
