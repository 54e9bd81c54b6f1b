// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/model_step.h"

#include <gtest/gtest.h>

#include "worker/compute/tensor_memory.h"

namespace altlas::compute {
namespace {

std::unique_ptr<ModelStep> LoadShipped(StepWork work) {
  auto step = ModelStep::Load({std::string(ALTLAS_SOURCE_DIR) + "/models/alt-las-tiny", work});
  EXPECT_TRUE(step.has_value()) << step.error().message;
  return step.has_value() ? std::move(*step) : nullptr;
}

std::uint64_t PeakOf(ModelStep& step, std::uint64_t batch, std::int64_t length) {
  ResetPeakTensorMemory();
  const auto before = ReadTensorMemory().bytes;
  const auto status = step.Run(batch, length);
  EXPECT_TRUE(status.has_value()) << status.error().message;
  return ReadTensorMemory().peak_bytes - before;
}

// TUN-3: what the search relies on.
TEST(ModelStep, TheMemoryOfATrainingStepIsALineOverTheBatch) {
  CountTensorMemory();
  const auto step = LoadShipped(StepWork::kTraining);
  ASSERT_NE(step, nullptr);
  PeakOf(*step, 1, 32);
  const auto two = static_cast<double>(PeakOf(*step, 2, 32));
  const auto four = static_cast<double>(PeakOf(*step, 4, 32));
  const auto eight = static_cast<double>(PeakOf(*step, 8, 32));
  EXPECT_GT(four, two);
  EXPECT_NEAR(eight - four, 2 * (four - two), 0.1 * (eight - four));
}

TEST(ModelStep, AServingStepTakesTheCacheOfEverySequence) {
  CountTensorMemory();
  const auto step = LoadShipped(StepWork::kServing);
  ASSERT_NE(step, nullptr);
  const auto& info = step->info();
  const auto one = PeakOf(*step, 1, 64);
  const auto five = PeakOf(*step, 5, 64);
  EXPECT_GE(five - one, static_cast<std::uint64_t>(4 * 64 * info.kv_bytes_per_token));
}

TEST(ModelStep, WrongStepsAreRefused) {
  const auto step = LoadShipped(StepWork::kServing);
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->Run(0, 32).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(step->Run(1, 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(step->Run(1, 1'000'000).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ModelStep::Load({"/nowhere"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ModelStep::Load({std::string(ALTLAS_SOURCE_DIR) + "/models/alt-las-tiny", StepWork::kTraining,
                             serve::AcceleratorKind::kCpu, "bfloat16"})
                .error()
                .code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(ParseStepWork("sleeping").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace altlas::compute
