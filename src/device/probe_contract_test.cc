// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <set>

#include "base/file.h"
#include "device/cpu_probe.h"
#include "device/nvml_probe.h"
#include "device/simulated_probe.h"

namespace altlas::device {
namespace {

// What every probe must hold to.
struct Maker {
  std::string name;
  std::function<Result<std::unique_ptr<DeviceProbe>>(const std::filesystem::path&)> make;
};

template <typename P>
Result<std::unique_ptr<DeviceProbe>> Up(Result<std::unique_ptr<P>> probe) {
  if (!probe.has_value()) return probe.error();
  return std::unique_ptr<DeviceProbe>(std::move(*probe));
}

class ProbeContract : public testing::TestWithParam<Maker> {};

TEST_P(ProbeContract, IdsAreStableUniqueAndInOrder) {
  TemporaryFolder folder;
  auto probe = GetParam().make(folder.path());
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  std::vector<std::string> first;
  for (int round = 0; round < 3; ++round) {
    const auto devices = (*probe)->Probe({});
    ASSERT_TRUE(devices.has_value());
    std::vector<std::string> ids;
    for (const auto& device : *devices) ids.push_back(device.id);
    if (round == 0) first = ids;
    EXPECT_EQ(ids, first);
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
    EXPECT_FALSE(ids.empty());
  }
}

TEST_P(ProbeContract, NumbersAreWithinTheirRanges) {
  TemporaryFolder folder;
  auto probe = GetParam().make(folder.path());
  ASSERT_TRUE(probe.has_value());
  const OwnProcess nobody{"gpu_0", 1};
  const auto devices = (*probe)->Probe(std::span(&nobody, 1));
  ASSERT_TRUE(devices.has_value());
  for (const auto& d : *devices) {
    EXPECT_LE(d.memory_used, d.memory_total);
    EXPECT_LE(d.memory_used_by_others, d.memory_used);
    EXPECT_GE(d.utilization, 0);
    EXPECT_LE(d.utilization, 100);
    EXPECT_LE(d.utilization_by_others, d.utilization);
    if (d.fault.empty()) {
      EXPECT_GT(d.memory_total, 0u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ProbeContract,
    testing::Values(Maker{"Nvml", [](const auto&) { return Up(NvmlProbe::Create(ALTLAS_FAKE_NVML)); }},
                    Maker{"Cpu", [](const auto&) { return Up(CpuProbe::Create({})); }},
                    Maker{"TwoCpus",
                          [](const auto&) {
                            return Up(CpuProbe::Create({CpuDevice{1, 1, {}, 0}, CpuDevice{1, 0.5, {}, 0}}));
                          }},
                    Maker{"Simulated",
                          [](const auto& folder) {
                            std::ofstream(folder / "d.json") << R"({"devices":[{"utilization":50},{}]})";
                            return Up(SimulatedProbe::Create(folder / "d.json"));
                          }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace altlas::device
