// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/compute.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/process_memory.h"
#include "worker/compute/allocator_state.h"
#include "worker/compute/tensor_memory.h"

namespace altlas::compute {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

at::Tensor Megabytes(std::int64_t count) { return at::ones({count * kMiB / 4}); }

// TUN-2
TEST(Compute, GetComputeInitialisesItselfAndIsOne) {
  EXPECT_EQ(GetCompute().mode(), ComputeMode::kHybrid);
  const auto chosen = InitializeCompute(ComputeMode::kCpu);
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(&GetCompute(), *chosen);
  EXPECT_TRUE(GetCompute().device().is_cpu());
}

TEST(Compute, ModesAreReadByTheirNames) {
  for (const auto mode : {ComputeMode::kCpu, ComputeMode::kGpu, ComputeMode::kHybrid})
    EXPECT_EQ(*ParseComputeMode(ComputeModeName(mode)), mode);
  EXPECT_EQ(ParseComputeMode("tpu").error().code, ErrorCode::kInvalidArgument);
}

TEST(Compute, AProcessorHasNoVideoMemoryAndSaysWhatRamItTakes) {
  const auto compute = *Compute::Create(ComputeMode::kCpu);
  EXPECT_EQ(compute->VramUsageGib().used, 0);
  EXPECT_EQ(compute->VramUsageGib().reserved, 0);
  const auto stats = compute->GetMemoryStats();
  EXPECT_EQ(stats.device, "cpu");
  EXPECT_EQ(
      stats.total_gib + stats.max_allocated_gib + stats.utilization_percent + stats.fragmentation_percent, 0);
  EXPECT_GT(stats.ram_used_gib, 0.01);
  EXPECT_GT(stats.ram_total_gib, stats.ram_used_gib);
  EXPECT_NEAR(stats.ram_utilization_percent, 100 * stats.ram_used_gib / stats.ram_total_gib, 1e-9);
  EXPECT_NE(compute->LogMemoryStats().find("GiB RAM"), std::string::npos);
}

TEST(Compute, TensorsAreCountedToTheByteAndThePeakAnew) {
  CountTensorMemory();
  CountTensorMemory();
  const auto before = ReadTensorMemory();
  {
    const auto one = Megabytes(8);
    EXPECT_EQ(ReadTensorMemory().bytes, before.bytes + 8 * kMiB);
    const auto view = one.narrow(0, 1, 5);
    EXPECT_EQ(ReadTensorMemory().bytes, before.bytes + 8 * kMiB) << "a view owns nothing";
  }
  EXPECT_EQ(ReadTensorMemory().bytes, before.bytes);
  EXPECT_GE(ReadTensorMemory().peak_bytes, before.bytes + 8 * kMiB);
  auto compute = *Compute::Create(ComputeMode::kCpu);
  compute->ResetPeakMemoryStats();
  EXPECT_EQ(ReadTensorMemory().peak_bytes, before.bytes);
}

TEST(Compute, ThePeakOfTheRamIsThatSinceTheReset) {
  auto compute = *Compute::Create(ComputeMode::kCpu);
  compute->ResetPeakMemoryStats();
  const auto before = PeakResidentBytes();
  { const auto block = Megabytes(300); }
  EXPECT_GE(PeakResidentBytes(), before + 250 * kMiB);
}

TEST(Compute, AStepThatRunsOutOfMemoryIsAnUpperEnd) {
  auto compute = *Compute::Create(ComputeMode::kCpu);
  const auto found = compute->SuggestBatchSize({}, [](std::uint64_t batch) -> Status {
    if (batch > 20) return Fail(ErrorCode::kTooLarge, "out of memory");
    return {};
  });
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->measured);
  EXPECT_GE(found->batch, 19u);
  EXPECT_LE(found->batch, 20u);
}

TEST(Compute, AnotherErrorOfTheStepIsTheAnswer) {
  auto compute = *Compute::Create(ComputeMode::kCpu);
  const auto failed = compute->SuggestBatchSize(
      {}, [](std::uint64_t) { return Status(Fail(ErrorCode::kInternal, "broken")); });
  EXPECT_EQ(failed.error().message, "broken");
}

TEST(Compute, WithoutAStepItIsAnEstimateThatSaysSo) {
  auto compute = *Compute::Create(ComputeMode::kCpu);
  const auto guess = compute->SuggestBatchSize({.memory_gib = 8e9 / (1 << 30)});
  ASSERT_TRUE(guess.has_value());
  EXPECT_EQ(guess->batch, 112u) << "the guide's card, the guide's figure";
  EXPECT_FALSE(guess->measured);
  EXPECT_NE(guess->why.find("estimate"), std::string::npos);
}

TEST(Compute, WithoutRoomNoStepIsRun) {
  auto compute = *Compute::Create(ComputeMode::kCpu);
  bool was_run = false;
  const auto none = compute->SuggestBatchSize({.margin_gib = 1e6}, [&](std::uint64_t) -> Status {
    was_run = true;
    return {};
  });
  ASSERT_TRUE(none.has_value()) << none.error().message;
  EXPECT_EQ(none->batch, 0u);
  EXPECT_NE(none->why.find("to stay free"), std::string::npos) << none->why;
  EXPECT_FALSE(was_run);
}

TEST(Compute, AShareOutsideItsBoundsIsRefused) {
  auto compute = *Compute::Create(ComputeMode::kCpu);
  for (const double share : {0.0, -1.0, 1.5, static_cast<double>(NAN)})
    EXPECT_EQ(compute->SuggestBatchSize({.vram_usage_multiplier = share}).error().code,
              ErrorCode::kInvalidArgument);
}

// TUN-1: PyTorch's own parser of these texts, which runs without a GPU too.
TEST(AllocatorState, SaysWhatIsNotInForce) {
  AllocatorState state;
  state.expandable_segments = true;
  state.max_split_mib = 128;
  EXPECT_TRUE(NotInForce(state, "expandable_segments:True,max_split_size_mb:128").empty());
  EXPECT_TRUE(NotInForce(state, "").empty());
  EXPECT_EQ(NotInForce(state, "expandable_segments:False,max_split_size_mb:64").size(), 2u);
  state.max_split_mib = 0;
  const auto missing = NotInForce(state, "expandable_segments:True,max_split_size_mb:128");
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_NE(missing[0].find("unlimited"), std::string::npos);
  state.error = "Unrecognized key";
  EXPECT_NE(NotInForce(state, "")[0].find("Unrecognized key"), std::string::npos);
}

}  // namespace
}  // namespace altlas::compute
