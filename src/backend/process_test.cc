// SPDX-License-Identifier: Apache-2.0
#include "backend/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include "base/file.h"

namespace altlas::backend {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  Process Shell(const std::string& script,
                std::vector<std::pair<std::string, std::string>> environment = {}) {
    auto process = StartProcess({"/bin/sh", {"-c", script}, std::move(environment), log(), {}});
    EXPECT_TRUE(process);
    return std::move(*process);
  }
  std::string Ended(const Process& process) {
    pollfd ended{process.handle.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 60'000), 1);
    return TryReap(process.handle.get()).value_or("nothing");
  }
  std::filesystem::path log() const { return folder_.path() / "logs" / "p.log"; }
  TemporaryFolder folder_;
};

TEST_F(ProcessTest, TellsHowItEnded) {
  EXPECT_EQ(Ended(Shell("exit 3")), "exited with code 3");
  EXPECT_EQ(Ended(Shell("kill -SEGV $$")).substr(0, 23), "was killed by signal 11");
  auto running = Shell("exec sleep 1000");
  EXPECT_FALSE(TryReap(running.handle.get()));
  KillProcessGroup(running);
  EXPECT_EQ(Ended(running).substr(0, 22), "was killed by signal 9");
  EXPECT_EQ(TryReap(running.handle.get()), "ended");  // reaped already
}

TEST_F(ProcessTest, KillsItsChildrenToo) {
  const auto process = Shell("sleep 1000 & echo $!; wait");
  std::string child;
  while (child.empty() || child.back() != '\n') {
    ::poll(nullptr, 0, 1);
    child = *ReadFile(log(), 1000);
  }
  KillProcessGroup(process);
  Ended(process);
  // Its parent is gone and it is dying: the system's first process reaps it at its leisure.
  for (int i = 0; i < 60'000 && IdentifyProcess(std::stoi(child)); ++i) ::poll(nullptr, 0, 1);
  EXPECT_FALSE(IdentifyProcess(std::stoi(child)));
}

TEST_F(ProcessTest, AppendsItsOutputAndGetsItsEnvironment) {
  Ended(Shell("echo one"));
  Ended(Shell("echo $COLOUR >&2; cat", {{"COLOUR", "red"}}));  // its input is empty
  EXPECT_EQ(*ReadFile(log(), 1000), "one\nred\n");
}

TEST_F(ProcessTest, KeepsNoDescriptorOfItsParent) {
  UniqueFd leaked(::open("/dev/null", O_RDONLY));  // without close-on-exec
  Ended(Shell("ls /proc/self/fd | wc -l"));
  EXPECT_EQ(*ReadFile(log(), 1000), "4\n");  // three, and the one that ls reads the folder with
}

TEST_F(ProcessTest, ProgramThatIsNotThereIsAnError) {
  const auto missing = StartProcess({"/nowhere/program", {}, {}, log(), {}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/nowhere/program"), std::string::npos);
  EXPECT_EQ(StartProcess({"/etc/passwd", {}, {}, log(), {}}).error().code, ErrorCode::kDenied);
}

TEST_F(ProcessTest, IdentityTellsAProcessFromALaterOneWithItsId) {
  const auto process = Shell("exec sleep 1000");
  auto identity = IdentifyProcess(process.pid);
  ASSERT_TRUE(identity);
  EXPECT_GT(identity->start_ticks, 0u);
  EXPECT_FALSE(identity->boot_id.empty());
  EXPECT_TRUE(OpenProcess(*identity).valid());
  auto other = *identity;
  ++other.start_ticks;
  EXPECT_FALSE(OpenProcess(other).valid());
  other = *identity;
  other.boot_id = "another boot";
  EXPECT_FALSE(OpenProcess(other).valid());
  KillProcessGroup(process);
  Ended(process);
  EXPECT_FALSE(IdentifyProcess(process.pid));
  EXPECT_FALSE(OpenProcess(*identity).valid());
}

TEST_F(ProcessTest, LogPastItsCapMovesAsideWhileItsWriterGoesOn) {
  ASSERT_TRUE(MakeFolder(log().parent_path()));
  UniqueFd writer(::open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string line(100, 'x');
  ASSERT_EQ(::write(writer.get(), line.data(), line.size()), 100);
  RotateLog(log(), 100);
  EXPECT_FALSE(std::filesystem::exists(log().string() + ".1"));
  RotateLog(log(), 99);
  EXPECT_EQ(*ReadFile(log().string() + ".1", 1000), line);
  ASSERT_EQ(::write(writer.get(), "new", 3), 3);
  EXPECT_EQ(*ReadFile(log(), 1000), "new");
  RotateLog(folder_.path() / "missing.log", 1);
}

TEST_F(ProcessTest, ProcessorTimeIsLimitedOrTheReasonSaid) {
  const auto process = Shell("exec sleep 1000");
  const auto limited = LimitCpu(process.pid, "process_test", 0.5);
  if (limited) {
    EXPECT_NE(
        ReadFile("/proc/" + std::to_string(process.pid) + "/cgroup", 1 << 16)->find("alt_las.process_test"),
        std::string::npos);
  } else {
    EXPECT_FALSE(limited.error().message.empty());
  }
  EXPECT_EQ(LimitCpu(process.pid, "process_test", 0).error().code, ErrorCode::kInvalidArgument);
  KillProcessGroup(process);
  Ended(process);
  RemoveCpuLimit("process_test");
  const auto again = Shell("cat /proc/self/cgroup");
  Ended(again);
  EXPECT_EQ(ReadFile(log(), 1 << 16)->find("alt_las.process_test"), std::string::npos);
}

}  // namespace
}  // namespace altlas::backend
