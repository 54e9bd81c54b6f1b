// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/roofline.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

#include "worker/bench/cpu_limits.h"
#include "worker/bench/peak_loops.h"

namespace altlas::bench {
namespace {

const MachineLimits kChip = {100e9, 20e9, "", ""};  // the ridge at 5 flop a byte

TEST(Roofline, BelowTheRidgeTheMemoryIsTheLimit) {
  const auto point = PlaceUnderRoof({2e9, 1e9}, 0.1, kChip);
  EXPECT_DOUBLE_EQ(point.flop_per_second, 20e9);
  EXPECT_DOUBLE_EQ(point.bytes_per_second, 10e9);
  EXPECT_DOUBLE_EQ(point.intensity, 2);
  EXPECT_DOUBLE_EQ(point.ridge, 5);
  EXPECT_DOUBLE_EQ(point.attainable, 40e9);
  EXPECT_DOUBLE_EQ(point.share, 0.5);
  EXPECT_FALSE(point.compute_bound);
}

TEST(Roofline, AboveTheRidgeComputingIs) {
  const auto point = PlaceUnderRoof({10e9, 1e9}, 0.2, kChip);
  EXPECT_DOUBLE_EQ(point.attainable, 100e9);
  EXPECT_DOUBLE_EQ(point.share, 0.5);
  EXPECT_TRUE(point.compute_bound);
}

TEST(Roofline, WorkOfEachKernelByHand) {
  const auto gemm = WorkOf({KernelKind::kGemm, {2, 3, 4}}, 4);
  EXPECT_DOUBLE_EQ(gemm.flop, 48);
  EXPECT_DOUBLE_EQ(gemm.bytes, 4 * (8 + 12 + 6));
  const auto attention = WorkOf({KernelKind::kAttention, {2, 3, 5, 7}}, 2);
  EXPECT_DOUBLE_EQ(attention.flop, 2.0 * (2 * 3) * (2 * 5 * 5 * 7));
  EXPECT_DOUBLE_EQ(attention.bytes, 2.0 * 4 * (2 * 3 * 5 * 7));
  const auto conv = WorkOf({KernelKind::kConv, {1, 2, 4, 5, 6, 3}}, 4);
  EXPECT_DOUBLE_EQ(conv.flop, 2.0 * (6 * 4 * 5) * (2 * 3 * 3));
  EXPECT_DOUBLE_EQ(conv.bytes, 4.0 * (2 * 4 * 5 + 6 * 2 * 3 * 3 + 6 * 4 * 5));
}

TEST(KernelSize, FormsAndDefaults) {
  EXPECT_EQ(ParseKernelSize(KernelKind::kGemm, "")->Text(), "1024x1024x1024");
  EXPECT_EQ(ParseKernelSize(KernelKind::kGemm, "64")->Text(), "64x64x64");
  EXPECT_EQ(ParseKernelSize(KernelKind::kGemm, "1x2x3")->Text(), "1x2x3");
  EXPECT_EQ(ParseKernelSize(KernelKind::kAttention, "512")->Text(), "1x12x512x64");
  EXPECT_EQ(ParseKernelSize(KernelKind::kConv, "28")->Text(), "1x64x28x28x64x3");
}

TEST(KernelSize, WrongOnesNameTheForm) {
  for (const char* wrong : {"0", "-1", "x", "1x", "x1", "1x2", "1x2x3x4", "1.5", "1x2x3 ", "1e3",
                            "99999999999999999999", "1X2X3", "16777217"}) {
    const auto size = ParseKernelSize(KernelKind::kGemm, wrong);
    ASSERT_FALSE(size.has_value()) << wrong;
    EXPECT_EQ(size.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(size.error().message.find("MxNxK"), std::string::npos) << size.error().message;
  }
  const auto large = ParseKernelSize(KernelKind::kGemm, "16777216x16777216x16777216");
  ASSERT_FALSE(large.has_value());
  EXPECT_NE(large.error().message.find("limit"), std::string::npos) << large.error().message;
  EXPECT_EQ(ParseKernelKind("softmax").error().field, "--kernel");
}

TEST(KernelSize, AnythingIsParsedOrRefused) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::string<std::string>();
    for (const auto kind : {KernelKind::kGemm, KernelKind::kAttention, KernelKind::kConv}) {
      const auto size = ParseKernelSize(kind, text);
      if (!size.has_value()) continue;
      for (const auto one : size->sizes) RC_ASSERT(one >= 1);
    }
  }));
}

// The loops count what they do: against the same operations one after the other.
TEST(PeakLoops, MultiplyAddIsWhatItSays) {
  const auto& loops = BestPeakLoops();
  EXPECT_EQ(loops.flop_per_round % 24, 0);
  float expected[2] = {0, 0};
  for (int lane = 0; lane < 2; ++lane) {
    for (int sum = 0; sum < 12; ++sum) {
      float value = 2.0F + static_cast<float>(sum);
      for (int round = 0; round < 1000; ++round) value = value * 0.999999F + 2.0F * 1e-6F;
      expected[lane] += value;
    }
  }
  EXPECT_NEAR(loops.multiply_add(1000, 2.0F), expected[0] + expected[1], 0.05);
}

TEST(PeakLoops, TriadIsWhatItSays) {
  std::vector<double> a(37), b(37, 1.5), c(37, 2);
  BestPeakLoops().triad(a.data(), b.data(), c.data(), 3, 37);
  for (const double one : a) EXPECT_DOUBLE_EQ(one, 7.5);
}

TEST(CpuLimits, AreMeasuredAndSaidHow) {
  CpuLimitOptions options;
  options.threads = 2;
  options.trial_seconds = 0.005;
  options.trials = 2;
  options.triad_bytes = 1 << 20;
  const auto limits = MeasureCpuLimits(options);
  ASSERT_TRUE(limits.has_value()) << limits.error().message;
  EXPECT_GT(limits->flop_per_second, 0);
  EXPECT_GT(limits->bytes_per_second, 0);
  EXPECT_NE(limits->flop_source.find("2 threads"), std::string::npos);
  EXPECT_NE(limits->bytes_source.find("1.0 MiB"), std::string::npos) << limits->bytes_source;
  options.triad_bytes = std::uint64_t{1} << 60;
  EXPECT_EQ(MeasureCpuLimits(options).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace altlas::bench
