// SPDX-License-Identifier: Apache-2.0
#include "device/simulated_probe.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace altlas::device {
namespace {

TEST(SimulatedProbe, SeesAChangedFileAtTheNextCall) {
  TemporaryFolder folder;
  const auto file = folder.path() / "devices.json";
  std::ofstream(file)
      << R"({"devices":[{"name":"RTX 4090","memory_total":25769803776,"temperature":60,"compute_capability":8.9}]})";
  auto probe = SimulatedProbe::Create(file);
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  EXPECT_EQ((*probe)->Probe({})->at(0).temperature, 60);
  std::ofstream(file)
      << R"({"devices":[{"name":"RTX 4090","temperature":91},{"kind":"cpu","fault":"gone"}]})";
  const auto devices = (*probe)->Probe({});
  EXPECT_EQ(devices->at(0).temperature, 91);
  EXPECT_EQ(devices->at(1).id, "gpu_1");
  EXPECT_EQ(devices->at(1).fault, "gone");
}

TEST(SimulatedProbe, WrongFilesNameTheFieldAtFault) {
  const auto field = [](const std::string& text) { return ParseSimulatedDevices(text).error().field; };
  EXPECT_FALSE(ParseSimulatedDevices("{").has_value());
  EXPECT_FALSE(ParseSimulatedDevices("[]").has_value());
  EXPECT_EQ(field(R"({"devices":[1]})"), "devices[0]");
  EXPECT_EQ(field(R"({"devices":[{"kind":"tpu"}]})"), "devices[0].kind");
  EXPECT_EQ(field(R"({"devices":[{"temperature":"hot"}]})"), "devices[0].temperature");
  EXPECT_EQ(field(R"({"devices":[{"utilization":101}]})"), "devices[0].utilization");
  EXPECT_EQ(field(R"({"devices":[{"memory_total":1,"memory_used":2}]})"), "devices[0].memory_used");
  EXPECT_EQ(field(R"({"devices":[{},{"id":"gpu_0"}]})"), "devices[1].id");
  EXPECT_EQ(field(R"({"devices":[{"colour":"red"}]})"), "devices[0].colour");
}

}  // namespace
}  // namespace altlas::device
