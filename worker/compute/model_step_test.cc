// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/model_step.h"

#include <gtest/gtest.h>

#include "base/process_memory.h"
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
  // Of fewer samples the optimizer's update takes more than the step before it.
  const auto four = static_cast<double>(PeakOf(*step, 4, 32));
  const auto eight = static_cast<double>(PeakOf(*step, 8, 32));
  const auto sixteen = static_cast<double>(PeakOf(*step, 16, 32));
  EXPECT_GT(eight, four);
  EXPECT_NEAR(sixteen - eight, 2 * (eight - four), 0.1 * (sixteen - eight));
}

TEST(ModelStep, AServingStepTakesTheCacheOfEverySequence) {
  if (!ResetPeakResident()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written here";
  const auto step = LoadShipped(StepWork::kServing);
  ASSERT_NE(step, nullptr);
  const auto& info = step->info();
  // On a processor the cache is no tensor's memory: it is mapped, and taken as it fills.
  ASSERT_TRUE(step->Run(1, 256).has_value());
  const auto before = ResidentBytes();
  ResetPeakResident();
  ASSERT_TRUE(step->Run(33, 256).has_value());
  const auto cache = static_cast<std::uint64_t>(32 * 256 * info.kv_bytes_per_token);
  EXPECT_GE(PeakResidentBytes(), before + cache * 9 / 10);
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
