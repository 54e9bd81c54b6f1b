// SPDX-License-Identifier: Apache-2.0
#include "metrics/registry.h"

#include <gtest/gtest.h>

#include <thread>

namespace altlas::metrics {
namespace {

TEST(Registry, ShowsEverySeriesInTheTextFormat) {
  Registry registry;
  auto& tasks = registry.AddCounter("altlas_tasks_total", "Tasks by outcome.");
  tasks.With({{"outcome", "completed"}}).Add();
  tasks.With({{"outcome", "completed"}}).Add(2);
  tasks.With({{"outcome", "a \"quoted\" one"}}).Add();
  registry.AddGauge("altlas_queue_depth", "Waiting tasks.").With({}).Set(7);
  registry.AddHistogram("altlas_wait_seconds", "Waits.", {0.1, 1}).With({}).Observe(0.5);
  const auto text = registry.Text();
  EXPECT_NE(text.find("# HELP altlas_tasks_total Tasks by outcome."), std::string::npos) << text;
  EXPECT_NE(text.find("altlas_tasks_total{outcome=\"completed\"} 3"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(outcome="a \"quoted\" one")"), std::string::npos) << text;
  EXPECT_NE(text.find("altlas_queue_depth 7"), std::string::npos) << text;
  EXPECT_NE(text.find("altlas_wait_seconds_bucket{le=\"1\"} 1"), std::string::npos) << text;
}

TEST(Registry, RefreshesBeforeEachText) {
  Registry registry;
  auto& gauge = registry.AddGauge("g", "g");
  int calls = 0;
  registry.OnCollect([&] { gauge.With({}).Set(++calls); });
  EXPECT_NE(registry.Text().find("g 1"), std::string::npos);
  EXPECT_NE(registry.Text().find("g 2"), std::string::npos);
}

TEST(Registry, ClearedSeriesAreGone) {
  Registry registry;
  auto& gauge = registry.AddGauge("g", "g");
  gauge.With({{"device", "gpu_7"}}).Set(1);
  gauge.Clear();
  EXPECT_EQ(registry.Text().find("gpu_7"), std::string::npos);
  gauge.With({{"device", "gpu_7"}}).Set(2);
  EXPECT_NE(registry.Text().find("gpu_7"), std::string::npos);
}

TEST(Registry, CountsFromManyThreadsAddUp) {
  Registry registry;
  auto& counter = registry.AddCounter("c_total", "c");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) counter.With({{"k", std::to_string(i % 3)}}).Add();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_NE(registry.Text().find("c_total{k=\"0\"} 1336"), std::string::npos) << registry.Text();
}

}  // namespace
}  // namespace altlas::metrics
