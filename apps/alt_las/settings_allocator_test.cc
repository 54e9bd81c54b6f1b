// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "settings.h"

namespace altlas::app {
namespace {

// This test's own environment, put back at the end.
class GpuWorker : public testing::Test {
 protected:
  GpuWorker() {
    for (const auto name : tune::AllocatorVariables()) ::unsetenv(std::string(name).c_str());
    device.memory_total = 8188ull << 20;
  }
  ~GpuWorker() override { ::unsetenv("PYTORCH_ALLOC_CONF"); }
  std::string ValueOf(const std::string& name) const {
    for (const auto& variable : GpuWorkerVariables(workers, device)) {
      if (variable.name == name) return variable.value;
    }
    return "(not set)";
  }
  config::WorkersConfig workers;
  device::DeviceSnapshot device;
};

// TUN-1
TEST_F(GpuWorker, HasTheSettingsThatFitItsDevice) {
  EXPECT_NE(ValueOf("PYTORCH_CUDA_ALLOC_CONF").find("max_split_size_mb:128"), std::string::npos);
  device.memory_total = 81'559ull << 20;
  EXPECT_NE(ValueOf("PYTORCH_CUDA_ALLOC_CONF").find("max_split_size_mb:512"), std::string::npos);
  EXPECT_EQ(ValueOf("CUDA_LAUNCH_BLOCKING"), "(not set)");
}

TEST_F(GpuWorker, TheUsersOwnVariableWins) {
  ::setenv("PYTORCH_ALLOC_CONF", "max_split_size_mb:32", 1);
  EXPECT_TRUE(GpuWorkerVariables(workers, device).empty());
  workers.allocator = "max_split_size_mb:48";
  EXPECT_EQ(ValueOf("PYTORCH_ALLOC_CONF"), "max_split_size_mb:48") << "but for what the configuration says";
  EXPECT_EQ(ValueOf("PYTORCH_CUDA_ALLOC_CONF"), "max_split_size_mb:48");
}

TEST_F(GpuWorker, OffIsOff) {
  workers.allocator = "off";
  EXPECT_TRUE(GpuWorkerVariables(workers, device).empty());
}

// TUN-5
TEST_F(GpuWorker, TheDebugSwitchIsAdded) {
  workers.debug_allocator = true;
  EXPECT_EQ(ValueOf("CUDA_LAUNCH_BLOCKING"), "1");
  EXPECT_EQ(ValueOf("PYTORCH_NO_CUDA_MEMORY_CACHING"), "1");
}

TEST_F(GpuWorker, AWrongTextIsNamed) {
  EXPECT_TRUE(CheckAllocatorSetting(workers).has_value());
  workers.allocator = "max_split_size:128";
  const auto wrong = CheckAllocatorSetting(workers);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message.find("max_split_size_mb?"), std::string::npos) << wrong.error().message;
  EXPECT_NE(wrong.error().message.find("auto, off"), std::string::npos);
}

}  // namespace
}  // namespace altlas::app
