// SPDX-License-Identifier: Apache-2.0
#include "device/nvml_probe.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace altlas::device {
namespace {

// DEV-1
TEST(NvmlProbe, ReadsEveryValueThatTheDriverGives) {
  auto probe = NvmlProbe::Create(ALTLAS_FAKE_NVML);
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  const OwnProcess own{"gpu_0", 1234};
  const auto devices = (*probe)->Probe(std::span(&own, 1));
  ASSERT_TRUE(devices.has_value());
  const auto& gpu = devices->at(0);
  EXPECT_EQ(gpu.id, "gpu_0");
  EXPECT_EQ(gpu.name, "NVIDIA RTX A4000");
  EXPECT_EQ(gpu.uuid, "GPU-11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(gpu.pci, "00000000:65:00.0");
  EXPECT_EQ(gpu.memory_total, 16ULL << 30);
  EXPECT_EQ(gpu.memory_used, 6ULL << 30);
  EXPECT_EQ(gpu.memory_used_by_others, 4ULL << 30);
  EXPECT_EQ(gpu.memory_free(), 10ULL << 30);
  EXPECT_EQ(gpu.utilization, 42);
  EXPECT_EQ(gpu.temperature, 61);
  EXPECT_EQ(gpu.power, 87.5);
  EXPECT_EQ(gpu.power_limit, std::nullopt);
  EXPECT_EQ(gpu.clock_sm, 1560);
  EXPECT_EQ(gpu.clock_memory, 7001);
  EXPECT_EQ(gpu.throttle_reasons, std::vector<std::string>{"software thermal slowdown"});
  EXPECT_EQ(gpu.ecc_corrected, std::nullopt);
  EXPECT_EQ(gpu.compute_capability, 8.6);
  EXPECT_EQ(gpu.fault, "");
}

TEST(NvmlProbe, ALostDeviceStaysListedWithItsFault) {
  auto probe = NvmlProbe::Create(ALTLAS_FAKE_NVML);
  ASSERT_TRUE(probe.has_value());
  const auto devices = (*probe)->Probe({});
  ASSERT_EQ(devices->size(), 2u);
  EXPECT_EQ(devices->at(1).id, "gpu_1");
  EXPECT_NE(devices->at(1).fault.find("GPU is lost"), std::string::npos);
}

TEST(NvmlProbe, WithoutAWorkerOfOursAllUseIsByOthers) {
  auto probe = NvmlProbe::Create(ALTLAS_FAKE_NVML);
  ASSERT_TRUE(probe.has_value());
  const auto devices = (*probe)->Probe({});
  EXPECT_EQ(devices->at(0).utilization_by_others, 42);
  EXPECT_EQ(devices->at(0).memory_used_by_others, 6ULL << 30);
}

TEST(NvmlProbe, NoDriverAndASilentDriverAreToldApart) {
  EXPECT_EQ(NvmlProbe::Create("libno_such_nvml.so.1").error().code, ErrorCode::kNotFound);
  ::setenv("ALTLAS_FAKE_NVML_FAILS", "1", 1);
  const auto probe = NvmlProbe::Create(ALTLAS_FAKE_NVML);
  ::unsetenv("ALTLAS_FAKE_NVML_FAILS");
  ASSERT_FALSE(probe.has_value());
  EXPECT_EQ(probe.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(probe.error().message.find("Driver Not Loaded"), std::string::npos);
}

}  // namespace
}  // namespace altlas::device
