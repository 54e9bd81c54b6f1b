// SPDX-License-Identifier: Apache-2.0
#include "profile_child.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"

namespace altlas::app {
namespace {

WatchedCommand Shell(const std::string& script) {
  WatchedCommand watched;
  watched.command = {"/bin/sh", "-c", script};
  return watched;
}

TEST(ProfileChild, TheCommandsEndIsTold) {
  const SignalsHeld held;
  EXPECT_EQ(RunWatched(Shell("exit 0"))->code, 0);
  EXPECT_EQ(RunWatched(Shell("exit 7"))->code, 7);
  const auto killed = RunWatched(Shell("kill -9 $$"));
  EXPECT_EQ(killed->code, 137);
  EXPECT_EQ(killed->signal, SIGKILL);
  WatchedCommand none;
  none.command = {"/no/such/program"};
  EXPECT_EQ(RunWatched(none).error().code, ErrorCode::kNotFound);
  none.command = {"/etc/passwd"};
  EXPECT_EQ(RunWatched(none).error().code, ErrorCode::kDenied);
}

TEST(ProfileChild, VariablesAndOutputGoWhereTheyShould) {
  const SignalsHeld held;
  TemporaryFolder folder;
  auto watched = Shell("echo \"$PROFILE_TEST\"");
  watched.environment = {{"PROFILE_TEST", "a b"}};
  watched.output_file = folder.path() / "out";
  EXPECT_EQ(RunWatched(watched)->code, 0);
  EXPECT_EQ(ReadFile(folder.path() / "out", 100).value(), "a b\n");
}

TEST(ProfileChild, SignalsGoOnToTheCommand) {
  const SignalsHeld held;
  // The command asks its parent, this process, to be sent the signal.
  const auto end = RunWatched(Shell("trap 'exit 9' TERM; kill -TERM $PPID; while :; do sleep 0.01; done"));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code, 9);
}

TEST(ProfileChild, AfterTheDurationTheCommandGoesOn) {
  const SignalsHeld held;
  TemporaryFolder folder;
  const auto flag = folder.path() / "after";
  auto watched = Shell("while [ ! -e '" + flag.string() + "' ]; do sleep 0.01; done; exit 5");
  watched.after = std::chrono::milliseconds(1);
  int calls = 0;
  watched.on_after = [&] {
    ++calls;
    ASSERT_TRUE(WriteFileAtomically(flag, "").has_value());
  };
  EXPECT_EQ(RunWatched(watched)->code, 5);
  EXPECT_EQ(calls, 1);
}

TEST(ProfileChild, OrphansAreReapedAndDoNotHoldItUp) {
  const SignalsHeld held;
  EXPECT_EQ(RunWatched(Shell("(true &) ; exit 3"))->code, 3);
}

TEST(ProfileChild, OutputOfAProgram) {
  EXPECT_EQ(OutputOf({"/bin/sh", "-c", "echo hi; echo no >&2"}, std::chrono::minutes(1)).value(), "hi\n");
  EXPECT_FALSE(OutputOf({"/bin/sh", "-c", "exit 1"}, std::chrono::minutes(1)).has_value());
  EXPECT_EQ(OutputOf({"/bin/sleep", "600"}, std::chrono::milliseconds(1)).error().code, ErrorCode::kTimeout);
  EXPECT_FALSE(OutputOf({"/no/such"}, std::chrono::minutes(1)).has_value());
}

TEST(ProfileChild, ProgramsAreFoundOnPath) {
  EXPECT_TRUE(FindProgram("sh").has_value());
  EXPECT_FALSE(FindProgram("no-such-program-here").has_value());
  EXPECT_EQ(FindProgram("/bin/sh"), "/bin/sh");
  EXPECT_FALSE(FindProgram("/etc").has_value() && std::filesystem::is_regular_file("/etc"));
}

}  // namespace
}  // namespace altlas::app
