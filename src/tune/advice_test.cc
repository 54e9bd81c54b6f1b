// SPDX-License-Identifier: Apache-2.0
#include "tune/advice.h"

#include <gtest/gtest.h>

namespace altlas::tune {
namespace {

Measurements OnAProcessor() {
  Measurements m;
  m.device = "Example CPU";
  m.cores = 4;
  m.model = "tiny";
  m.model_path = "/models/\"odd\"\nname";
  m.by_threads = {{1, 100}, {2, 190}, {4, 195}};
  m.by_sequences = {{1, 100}, {2, 180}, {4, 300}, {8, 305}};
  m.float32_per_second = 300;
  m.bfloat16_per_second = 320;
  m.batch = 64;
  m.batch_bytes = 6.0 * (1 << 30);
  m.limit_bytes = 7.0 * (1 << 30);
  m.free_bytes = 8.0 * (1 << 30);
  m.samples_per_second = 32;
  m.step_seconds = 2;
  m.length = 256;
  m.seconds_to_load_a_sample = 0.05;
  return m;
}

const Advice& About(const std::vector<Advice>& advice, std::string_view what) {
  for (const auto& one : advice) {
    if (one.what == what) return one;
  }
  ADD_FAILURE() << "no advice about " << what;
  return advice.front();
}

// TUN-6
TEST(Advice, EveryLineHasItsMeasurementAndTheGuidesFigure) {
  const auto advice = Advise(OnAProcessor());
  ASSERT_EQ(advice.size(), 7u);
  for (const auto& one : advice) EXPECT_FALSE(one.measurement.empty()) << one.what;
  EXPECT_EQ(About(advice, "batch size").value, "64");
  EXPECT_NE(About(advice, "batch size").measurement.find("2.00 GiB of margin"), std::string::npos);
  EXPECT_NE(About(advice, "batch size").guide.find("112"), std::string::npos);
  EXPECT_NE(About(advice, "batch size").guide.find("780"), std::string::npos);
  EXPECT_NE(About(advice, "loader workers").guide.find("2 to 4"), std::string::npos);
  EXPECT_NE(About(advice, "pinned memory").guide.find("6 to 8"), std::string::npos);
  EXPECT_EQ(About(advice, "threads").value, "2") << "4 gain less than 5 %";
  EXPECT_EQ(About(advice, "concurrency").value, "4");
  EXPECT_EQ(About(advice, "precision").value, "float32") << "7 % are not worth other numbers";
}

TEST(Advice, LoadersKeepUpWithTheSteps) {
  auto m = OnAProcessor();
  EXPECT_EQ(LoaderWorkers(m), 2) << "3.2 s of loading for 2 s of computing";
  m.seconds_to_load_a_sample = 1;
  EXPECT_EQ(LoaderWorkers(m), 4) << "no more than there are cores";
  m.seconds_to_load_a_sample = 1e-5;
  EXPECT_EQ(LoaderWorkers(m), 0);
  m.seconds_to_load_a_sample = 0;
  EXPECT_NE(About(Advise(m), "loader workers").measurement.find("not measured"), std::string::npos);
}

TEST(Advice, OnAGpuTheAllocatorAndTheCopiesCount) {
  auto m = OnAProcessor();
  m.gpu = true;
  m.memory_bytes = 8188ull << 20;
  m.pageable_bytes_per_second = 6e9;
  m.pinned_bytes_per_second = 24e9;
  const auto advice = Advise(m);
  EXPECT_NE(About(advice, "allocator").measurement.find("max_split_size_mb:128"), std::string::npos);
  EXPECT_EQ(About(advice, "pinned memory").value, "true");
  EXPECT_EQ(About(advice, "threads").value, "-");
  m.pinned_bytes_per_second = 5e9;
  EXPECT_EQ(About(Advise(m), "pinned memory").value, "false") << "as measured, whatever the guide says";
}

TEST(Advice, WhatWasNotMeasuredSaysSo) {
  const auto advice = Advise({});
  for (const char* what : {"threads", "precision", "concurrency", "loader workers"})
    EXPECT_NE(About(advice, what).measurement.find("not measured"), std::string::npos) << what;
  EXPECT_EQ(About(advice, "batch size").value, "-");
}

TEST(Advice, TheSmallestNearTheBest) {
  EXPECT_EQ(SmallestNearBest({}), 0);
  EXPECT_EQ(SmallestNearBest(std::vector<Rate>{{8, 0}}), 0);
  EXPECT_EQ(SmallestNearBest(std::vector<Rate>{{8, 100}, {4, 96}, {2, 94}}), 4);
}

TEST(Advice, TheConfigurationHoldsTheSettingsAndQuotesNames) {
  auto m = OnAProcessor();
  auto odd = Advise(m);
  odd[0].measurement = "a\nname: b";
  EXPECT_EQ(FormatConfiguration(m, odd).find("\nname"), std::string::npos);
  const auto text = FormatConfiguration(m, Advise(m));
  EXPECT_NE(text.find("    path: \"/models/\\\"odd\\\"\\nname\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    - threads: 2\n"), std::string::npos);
  EXPECT_NE(text.find("    max_concurrent_tasks_per_gpu: 4\n"), std::string::npos);
  EXPECT_NE(text.find("batch_size=64, num_workers=2, pin_memory=False, persistent_workers=True"),
            std::string::npos);
}

}  // namespace
}  // namespace altlas::tune
