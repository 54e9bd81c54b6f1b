// SPDX-License-Identifier: Apache-2.0
// The kernel's files are stood in for by plain ones: what is asked of them is what counts.
#include "backend/control_group.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace altlas::backend {
namespace {

constexpr pid_t kSelf = 100;

class ControlGroupTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const auto file = folder_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string Read(const std::string& path) {
    return ReadFile(folder_.path() / path, 1 << 16).value_or("(missing)");
  }
  // A folder of version 2; `hands_on`: the controllers that its children get.
  void Unified(const std::string& path, const std::string& hands_on, const std::string& processes = "") {
    Write("sys/fs/cgroup" + path + "/cgroup.controllers", "cpuset cpu io\n");
    Write("sys/fs/cgroup" + path + "/cgroup.subtree_control", hands_on);
    Write("sys/fs/cgroup" + path + "/cgroup.procs", processes);
  }
  void Process(pid_t pid, const std::string& name, pid_t parent) {
    Write("proc/" + std::to_string(pid) + "/stat", fmt::format("{} ({}) S {} 1 1 0\n", pid, name, parent));
  }
  Result<GroupFolder> Find() { return FindGroupFolder(folder_.path(), kSelf); }

  TemporaryFolder folder_;
};

TEST_F(ControlGroupTest, AShareKeepsToTheKernelsLeastQuota) {
  EXPECT_EQ(ShareOf(0.5), (TimeShare{10'000, 20'000}));
  EXPECT_EQ(ShareOf(2), (TimeShare{40'000, 20'000}));
  EXPECT_EQ(ShareOf(0.05), (TimeShare{1'000, 20'000}));
  EXPECT_EQ(ShareOf(0.03), (TimeShare{1'000, 33'334}));
  EXPECT_EQ(ShareOf(0.01), (TimeShare{1'000, 100'000}));
}

TEST_F(ControlGroupTest, VersionOneIsDividedWhereThisProcessIs) {
  Write("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/jobs/x\n0::/\n");
  Write("sys/fs/cgroup/cpu/jobs/x/cpu.cfs_quota_us", "-1\n");
  const auto folder = Find();
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(folder->path, folder_.path() / "sys/fs/cgroup/cpu/jobs/x");
  EXPECT_FALSE(folder->version2);
  ASSERT_TRUE(PutInGroup(*folder, "alt_las.gpu_1", 7, ShareOf(0.25)));
  EXPECT_EQ(Read("sys/fs/cgroup/cpu/jobs/x/alt_las.gpu_1/cpu.cfs_period_us"), "20000");
  EXPECT_EQ(Read("sys/fs/cgroup/cpu/jobs/x/alt_las.gpu_1/cpu.cfs_quota_us"), "5000");
  EXPECT_EQ(Read("sys/fs/cgroup/cpu/jobs/x/alt_las.gpu_1/cgroup.procs"), "7");
}

TEST_F(ControlGroupTest, VersionTwoUsesTheNearestFolderThatHandsTheControllerOn) {
  Write("proc/self/cgroup", "0::/user.slice/session\n");
  Unified("", "cpuset cpu io\n");
  Unified("/user.slice", "cpu memory\n");
  Unified("/user.slice/session", "", "100\n4242\n");
  const auto folder = Find();
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(folder->path, folder_.path() / "sys/fs/cgroup/user.slice");
  EXPECT_TRUE(folder->version2);
  ASSERT_TRUE(PutInGroup(*folder, "alt_las.gpu_1", 7, ShareOf(0.25)));
  EXPECT_EQ(Read("sys/fs/cgroup/user.slice/alt_las.gpu_1/cpu.max"), "5000 20000");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "sys/fs/cgroup/user.slice/session/alt_las.manager"));
}

TEST_F(ControlGroupTest, ADelegatedFolderIsDividedAfterItsOwnProcessesMoveDown) {
  Write("proc/self/cgroup", "0::/system.slice/alt_las.service\n");
  Unified("", "memory\n");
  Unified("/system.slice", "memory\n");
  Unified("/system.slice/alt_las.service", "", "100\n101\n");
  Process(101, "a worker) S 1", kSelf);
  const auto folder = Find();
  ASSERT_TRUE(folder) << folder.error().message;
  const std::string own = "sys/fs/cgroup/system.slice/alt_las.service";
  EXPECT_EQ(folder->path, folder_.path() / own);
  EXPECT_EQ(Read(own + "/cgroup.subtree_control"), "+cpu");
  EXPECT_EQ(Read(own + "/alt_las.manager/cgroup.procs"), "101");  // the last one written
}

TEST_F(ControlGroupTest, AFolderSharedWithOthersIsLeftAlone) {
  Write("proc/self/cgroup", "0::/shared\n");
  Unified("", "memory\n");
  Unified("/shared", "", "100\n200\n");
  Process(200, "shell", 1);
  const auto folder = Find();
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(folder.error().message.find("process 200"), std::string::npos);
  EXPECT_EQ(Read("sys/fs/cgroup/shared/cgroup.subtree_control"), "");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "sys/fs/cgroup/shared/alt_las.manager"));
}

TEST_F(ControlGroupTest, WithoutTheControllerTheReasonIsSaid) {
  Write("proc/self/cgroup", "0::/x\n");
  Unified("", "memory\n");
  Unified("/x", "", "100\n");
  Write("sys/fs/cgroup/x/cgroup.controllers", "memory\n");
  EXPECT_EQ(Find().error().code, ErrorCode::kUnsupported);
  Write("proc/self/cgroup", "1:name=systemd:/\n");
  EXPECT_EQ(Find().error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace altlas::backend
