// SPDX-License-Identifier: Apache-2.0
#include "tune/allocator.h"

#include <gtest/gtest.h>

namespace altlas::tune {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

std::string ValueFor(std::uint64_t memory, TorchVersion torch = kBundledTorch,
                     Platform platform = Platform::kLinux) {
  return AdviseAllocator({memory, torch, platform}).variable.value;
}

std::string NameFor(TorchVersion torch, Platform platform = Platform::kLinux) {
  return AdviseAllocator({8'000 * kMiB, torch, platform}).variable.name;
}

// TUN-1: what NVML reports of cards whose names say 4, 6, 8, 10, 11, 12, 15, 16, 24, 24 and 80 GB.
TEST(Allocator, EveryCardFindsItsRow) {
  const std::pair<std::uint64_t, std::uint64_t> cards[] = {
      {4096, 64},    {5934, 64},    {6144, 64},    {7982, 128},   {8188, 128},   {10'240, 128}, {11'264, 128},
      {12'282, 256}, {15'360, 256}, {16'376, 256}, {23'034, 512}, {24'564, 512}, {81'559, 512}};
  for (const auto& [mib, row] : cards) EXPECT_EQ(MaxSplitMib(mib * kMiB), row) << mib << " MiB";
  EXPECT_EQ(MaxSplitMib(0), 64u);
  EXPECT_EQ(MaxSplitMib(7'500'000'000), 64u) << "between two rows the lower one";
  EXPECT_EQ(MaxSplitMib(20'000'000'000), 256u);
  EXPECT_EQ(MaxSplitMib(~std::uint64_t{0}), 512u);
}

TEST(Allocator, TheGuidesLineIsTheOneForItsCard) {
  const auto advice = AdviseAllocator({8188 * kMiB});
  EXPECT_EQ(advice.variable.name, "PYTORCH_CUDA_ALLOC_CONF");
  EXPECT_EQ(advice.variable.value, "expandable_segments:True,max_split_size_mb:128");
  EXPECT_EQ(advice.reasons.size(), 3u) << "the name, and each part";
}

// The names of the variable: research on pytorch#183387 and the wheel's own headers.
TEST(Allocator, TheNameFollowsTheVersion) {
  EXPECT_EQ(NameFor({1, 13, 1}), kCudaAllocConf);
  EXPECT_EQ(NameFor({2, 7, 1}), kCudaAllocConf);
  EXPECT_EQ(NameFor({2, 9, 1}), kCudaAllocConf) << "the new name is ignored there";
  EXPECT_EQ(NameFor({2, 11, 0}), kCudaAllocConf);
  EXPECT_EQ(NameFor({2, 12, 0}), kAllocConf);
  EXPECT_EQ(NameFor({3, 0, 0}), kAllocConf);
  EXPECT_EQ(NameFor({2, 11, 0}, Platform::kRocm), kHipAllocConf);
}

TEST(Allocator, ExpandableSegmentsOnlyWhereTheyWork) {
  for (const auto platform : {Platform::kWindows, Platform::kWsl, Platform::kJetson, Platform::kRocm})
    EXPECT_EQ(ValueFor(8188 * kMiB, kBundledTorch, platform), "max_split_size_mb:128")
        << PlatformName(platform);
  EXPECT_EQ(ValueFor(8188 * kMiB, {2, 0, 1}), "max_split_size_mb:128");
  EXPECT_EQ(ValueFor(8188 * kMiB, {2, 4, 1}), "expandable_segments:True") << "the two together could assert";
  EXPECT_EQ(ValueFor(8188 * kMiB, {2, 5, 0}), "expandable_segments:True,max_split_size_mb:128");
  EXPECT_EQ(ValueFor(8188 * kMiB, {1, 9, 0}), "") << "nothing that it knows";
}

TEST(Allocator, EveryPartLeftOutSaysWhy) {
  const auto advice = AdviseAllocator({8188 * kMiB, {1, 9, 0}, Platform::kWindows});
  ASSERT_EQ(advice.reasons.size(), 3u);
  EXPECT_NE(advice.reasons[1].find("Windows"), std::string::npos);
  EXPECT_NE(advice.reasons[2].find("older"), std::string::npos);
}

// TUN-3: the guide's answer to an out of memory.
TEST(Allocator, AfterAnOutOfMemoryTheSmallestSplitSize) {
  const auto advice =
      AdviseAllocator({.memory_bytes = 80'000 * kMiB, .torch = kBundledTorch, .short_of_memory = true});
  EXPECT_EQ(advice.variable.value, "expandable_segments:True,max_split_size_mb:64");
}

// TUN-5
TEST(Allocator, TheDebugSwitchIsTwoVariables) {
  EXPECT_EQ(DebugVariables(),
            (std::vector<Variable>{{"CUDA_LAUNCH_BLOCKING", "1"}, {"PYTORCH_NO_CUDA_MEMORY_CACHING", "1"}}));
  EXPECT_NE(kDebugIsSlow.find("slower"), std::string_view::npos);
}

TEST(Allocator, ATextOfOnesOwnIsChecked) {
  for (const char* right : {"max_split_size_mb:128", "expandable_segments:True,max_split_size_mb:128",
                            "backend:cudaMallocAsync", "roundup_power2_divisions:[256:1,512:2,>:8]",
                            "roundup_power2_divisions:[256:1,>:8],garbage_collection_threshold:0.8"})
    EXPECT_TRUE(CheckAllocatorText(right).has_value()) << right;
  for (const char* wrong : {"",
                            "max_split_size_mb",
                            "max_split_size_mb:",
                            "a b:1",
                            "max_split:128",
                            ",",
                            "x:1,",
                            "roundup_power2_divisions:[256:1",
                            "backend:x]",
                            "max_split_size_mb:1\n",
                            "max_split_size_mb:abc",
                            "max_split_size_mb:-5",
                            "max_split_size_mb:19",
                            "max_split_size_mb:64.5",
                            "max_split_size_mb:nan",
                            "garbage_collection_threshold:0",
                            "garbage_collection_threshold:9",
                            "per_process_memory_fraction:1.2",
                            "expandable_segments:true",
                            "pinned_use_background_threads:1"})
    EXPECT_FALSE(CheckAllocatorText(wrong).has_value()) << wrong;
  EXPECT_NE(CheckAllocatorText("max_split_size:128").error().message.find("max_split_size_mb?"),
            std::string::npos);
  EXPECT_FALSE(CheckAllocatorText(std::string(5000, 'x')).has_value());
}

TEST(TorchVersion, IsReadAsPyTorchPrintsIt) {
  EXPECT_EQ(*ParseTorchVersion("2.11.0+cu130"), (TorchVersion{2, 11, 0}));
  EXPECT_EQ(*ParseTorchVersion("2.9"), (TorchVersion{2, 9, 0}));
  EXPECT_EQ(*ParseTorchVersion("2.12.0a0+gitabc"), (TorchVersion{2, 12, 0}));
  EXPECT_EQ(*ParseTorchVersion("2.6.0.dev20250101"), (TorchVersion{2, 6, 0}));
  EXPECT_LT(*ParseTorchVersion("2.9.1"), *ParseTorchVersion("2.11.0")) << "as numbers, not as text";
  for (const char* wrong : {"", "2", "2.", "x.y", "2.11.", "2.11.0 ", "-1.2", "2.11.0\n", "99999.1", "v2.1"})
    EXPECT_FALSE(ParseTorchVersion(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace altlas::tune
