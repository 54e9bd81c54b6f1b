// SPDX-License-Identifier: Apache-2.0
#include "device/cpu_probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"

namespace altlas::device {
namespace {

// A machine as files: two processors, 8 GiB of memory, one process of ours.
class FakeMachine {
 public:
  FakeMachine() {
    Write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Example CPU 9000\n");
    Write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\nMemAvailable:    6291456 kB\n");
    Write("proc/self/cgroup", "0::/app\n");
    Stat(0, 0);
    Process(0);
  }
  // Busy ticks of the two processors since a start at 1000 idle ticks each; 100 ticks pass in all on each.
  void Stat(int busy0, int busy1) {
    Write("proc/stat",
          fmt::format(
              "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 {} 0 0 {} 0 0 0 0 0 0\ncpu1 {} 0 0 {} 0 0 0 0 0 0\nintr 1\n",
              busy0, 1000 + 100 - busy0, busy1, 1000 + 100 - busy1));
  }
  void Process(int ticks) {
    Write("proc/77/stat",
          fmt::format("77 (odd ) name) S 1 1 1 0 -1 0 0 0 0 0 {} 0 0 0 20 0 4 0 100 999 {} 0\n", ticks,
                      (1 << 30) / ::sysconf(_SC_PAGESIZE)));
  }
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name) << text;
  }
  const std::filesystem::path& root() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

// DEV-1
TEST(CpuProbe, OneDeviceHasAllProcessorsAndTheMemory) {
  FakeMachine machine;
  auto probe = CpuProbe::Create({}, 0, machine.root());
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  const auto devices = (*probe)->Probe({});
  ASSERT_TRUE(devices.has_value());
  ASSERT_EQ(devices->size(), 1u);
  EXPECT_EQ(devices->at(0).id, "gpu_0");
  EXPECT_EQ(devices->at(0).kind, DeviceKind::kCpu);
  EXPECT_EQ(devices->at(0).name, "Example CPU 9000 (2 threads)");
  EXPECT_EQ(devices->at(0).memory_total, 8ULL << 30);
  EXPECT_EQ(devices->at(0).memory_used, 2ULL << 30);
  EXPECT_EQ(devices->at(0).temperature, std::nullopt);
  EXPECT_EQ(devices->at(0).compute_capability, std::nullopt);
  EXPECT_TRUE(devices->at(0).estimated);
}

TEST(CpuProbe, UtilizationIsMeasuredBetweenCallsAndOursIsNotOthers) {
  FakeMachine machine;
  machine.Write("proc/stat", "cpu0 0 0 0 1000 0 0 0 0\ncpu1 0 0 0 1000 0 0 0 0\n");
  auto probe = CpuProbe::Create({}, 0, machine.root());
  const OwnProcess own{"gpu_0", 77};
  ASSERT_TRUE((*probe)->Probe(std::span(&own, 1)).has_value());
  machine.Stat(100, 50);  // 150 of 200 ticks busy, 120 of them ours
  machine.Process(120);
  const auto devices = (*probe)->Probe(std::span(&own, 1));
  EXPECT_DOUBLE_EQ(devices->at(0).utilization, 75);
  EXPECT_DOUBLE_EQ(devices->at(0).utilization_by_others, 15);
  EXPECT_FALSE(devices->at(0).estimated);
  EXPECT_EQ(devices->at(0).memory_used_by_others, 1ULL << 30);
}

// DEV-2
TEST(CpuProbe, UnequalDevicesShareTheMachine) {
  FakeMachine machine;
  auto probe = CpuProbe::Create({CpuDevice{1, 1.0, {0}, 0}, CpuDevice{1, 1.0 / 3, {1}, 2ULL << 30}}, 0,
                                machine.root());
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  ASSERT_TRUE((*probe)->Probe({}).has_value());
  machine.Stat(0, 0);
  const auto devices = (*probe)->Probe({});
  ASSERT_EQ(devices->size(), 2u);
  EXPECT_EQ(devices->at(1).id, "gpu_1");
  EXPECT_EQ(devices->at(1).memory_total, 2ULL << 30);
  EXPECT_EQ(devices->at(1).memory_used, 512ULL << 20);
  EXPECT_EQ(devices->at(1).name, "Example CPU 9000 (1 thread, 33 % of its time)");
}

TEST(CpuProbe, EachDeviceTellsTheProcessorsItIsPinnedTo) {
  FakeMachine machine;
  auto probe = CpuProbe::Create({CpuDevice{1, 1, {1}, 0}, CpuDevice{}, CpuDevice{2, 1, {0, 1}, 0}},
                                /*first_index=*/3, machine.root());
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  const auto devices = (*probe)->Probe({});
  ASSERT_EQ(devices->size(), 3u);
  EXPECT_EQ(devices->at(0).id, "gpu_3");
  EXPECT_EQ(devices->at(0).pin, std::vector<int>{1});
  EXPECT_TRUE(devices->at(1).pin.empty());
  EXPECT_EQ(devices->at(2).pin, (std::vector<int>{0, 1}));
}

TEST(CpuProbe, CgroupLimitsLowerMemoryAndThreads) {
  FakeMachine machine;
  machine.Write("sys/fs/cgroup/app/memory.max", "1073741824\n");
  machine.Write("sys/fs/cgroup/app/cpu.max", "100000 100000\n");
  auto probe = CpuProbe::Create({}, 0, machine.root());
  const auto devices = (*probe)->Probe({});
  EXPECT_EQ(devices->at(0).memory_total, 1ULL << 30);
  EXPECT_EQ(devices->at(0).threads, 1);
}

TEST(CpuProbe, CgroupVersion1LimitsCountToo) {
  FakeMachine machine;
  machine.Write("proc/self/cgroup", "3:cpu,cpuacct:/x\n2:memory:/x\n");
  machine.Write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2147483648\n");
  machine.Write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
  machine.Write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  auto probe = CpuProbe::Create({}, 0, machine.root());
  const auto devices = (*probe)->Probe({});
  EXPECT_EQ(devices->at(0).memory_total, 2ULL << 30);
  EXPECT_EQ(devices->at(0).threads, 2);
}

TEST(CpuProbe, ImpossibleDevicesAreRefusedByName) {
  FakeMachine machine;
  EXPECT_EQ(CpuProbe::Create({CpuDevice{1, 1, {7}, 0}}, 0, machine.root()).error().field,
            "devices.cpu[0].pin");
  EXPECT_EQ(CpuProbe::Create({CpuDevice{}, CpuDevice{1, 0, {}, 0}}, 0, machine.root()).error().field,
            "devices.cpu[1].quota");
  EXPECT_EQ(CpuProbe::Create({CpuDevice{100, 1, {}, 0}}, 0, machine.root()).error().field,
            "devices.cpu[0].threads");
}

}  // namespace
}  // namespace altlas::device
