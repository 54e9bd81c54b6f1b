// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/accelerator.h"

#include <gtest/gtest.h>

#include "worker/serve/load_engine.h"

namespace altlas::serve {
namespace {

TEST(Accelerator, IsNamedAsInTheCommandLine) {
  EXPECT_EQ(*ParseAccelerator("cpu"), AcceleratorKind::kCpu);
  EXPECT_EQ(*ParseAccelerator("cuda"), AcceleratorKind::kCuda);
  EXPECT_EQ(ParseAccelerator("tpu").error().code, ErrorCode::kInvalidArgument);
}

TEST(Accelerator, TheProcessorIsAlwaysThere) {
  const auto device = OpenAccelerator(AcceleratorKind::kCpu);
  ASSERT_TRUE(device.has_value());
  EXPECT_TRUE(device->is_cpu());
}

// On a machine with a GPU and its libraries the device is one; on any other the reason and the ways out are
// said.
TEST(Accelerator, CudaIsThereOrTheReasonSaid) {
  const auto device = OpenAccelerator(AcceleratorKind::kCuda);
  if (device.has_value()) {
    EXPECT_TRUE(device->is_cuda());
    return;
  }
  EXPECT_EQ(device.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(device.error().message.find("tools/setup"), std::string::npos) << device.error().message;
  EXPECT_NE(device.error().message.find("devices.source"), std::string::npos);
}

}  // namespace
}  // namespace altlas::serve
