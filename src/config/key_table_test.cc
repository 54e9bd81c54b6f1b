// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <functional>
#include <set>

#include "config/emit.h"
#include "config/key_spec.h"
#include "config/testing.h"

namespace altlas::config {
namespace {

void ForEachRow(const KeySpec& parent, const std::function<void(const KeySpec&)>& visit) {
  for (const auto& child : parent.children) {
    if (child.name.empty()) continue;  // the items of a list
    visit(child);
    ForEachRow(child, visit);
  }
}

TEST(KeyTable, EveryRowHasASentenceAndAPath) {
  std::set<std::string> paths;
  ForEachRow(KeyTable(), [&](const KeySpec& key) {
    EXPECT_FALSE(key.sentence.empty()) << key.path;
    EXPECT_TRUE(key.sentence.ends_with('.')) << key.path;
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(key.sentence[0])) ||
                key.sentence.starts_with("sqlite") || key.sentence.starts_with("auto"))
        << key.path;
    EXPECT_TRUE(paths.insert(key.path).second) << key.path << " stands twice";
    EXPECT_EQ(key.path.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.[]"), std::string::npos) << key.path;
  });
  EXPECT_GT(paths.size(), 80u);
}

TEST(KeyTable, EveryNumberHasARange) {
  const std::function<void(const KeySpec&)> check = [&](const KeySpec& key) {
    for (const auto& child : key.children) check(child);
    if (!key.IsNumber()) return;
    EXPECT_TRUE(std::isfinite(key.minimum) && std::isfinite(key.maximum) && key.minimum < key.maximum)
        << key.path;
  };
  check(KeyTable());
}

TEST(KeyTable, WhatMayBeAbsentSaysWhatHappensThen) {
  ForEachRow(KeyTable(),
             [&](const KeySpec& key) { EXPECT_EQ(key.optional, !key.absent.empty()) << key.path; });
}

TEST(KeyTable, EachDefaultIsAllowedByItsOwnRow) {
  const Config defaults;
  ForEachKey(&defaults, [&](const KeySpec& key, const void* owner) {
    std::vector<std::string> names;
    const auto text = YamlText(key, key.load(owner));
    const auto checked = CheckConfig({"defaults", ""}, std::nullopt, {{{key.path, text}}});
    EXPECT_EQ(FormatProblems(checked.errors), "");
    EXPECT_TRUE(DiffConfig(defaults, checked.loaded.config).empty()) << key.path << ": " << text;
  });
}

// CFG-3, CFG-4, CFG-6, CFG-7
TEST(KeyTable, TheDocumentsDefaults) {
  const auto& gpu = Config{}.gpu;
  EXPECT_TRUE(gpu.enabled && gpu.multi_gpu.enabled && gpu.multi_gpu.batch_split && gpu.monitoring.enabled);
  EXPECT_EQ(gpu.min_compute_capability, 7.0);
  EXPECT_EQ(gpu.memory_threshold, 0.9);
  EXPECT_EQ(gpu.utilization_threshold, 0.95);
  EXPECT_EQ(gpu.max_temperature, 85);
  EXPECT_EQ(gpu.health_check_interval, std::chrono::seconds(60));
  EXPECT_EQ(gpu.multi_gpu.default_strategy, Strategy::kLeastLoaded);
  EXPECT_EQ(gpu.multi_gpu.strategies.size(), 5u);
  EXPECT_EQ(gpu.multi_gpu.min_batch_size_per_gpu, 4);
  EXPECT_EQ(gpu.multi_gpu.max_concurrent_tasks_per_gpu, 8);
  EXPECT_EQ(gpu.multi_gpu.queue_processing_interval, std::chrono::milliseconds(100));
  EXPECT_EQ(gpu.multi_gpu.queue_priority_levels,
            (std::map<std::string, int>{{"high", 0}, {"normal", 1}, {"low", 2}}));
  EXPECT_EQ(gpu.multi_gpu.default_queue_priority, "normal");
  EXPECT_EQ(gpu.multi_gpu.max_queue_size, 1000);
  EXPECT_EQ(gpu.multi_gpu.queue_timeout, std::chrono::hours(1));
  EXPECT_EQ(gpu.monitoring.interval, std::chrono::seconds(10));
  EXPECT_EQ(gpu.monitoring.prometheus_endpoint, "/metrics");
  EXPECT_EQ(gpu.monitoring.log_level, LogLevel::kInfo);
}

TEST(KeyTable, FindsByExactPathOnly) {
  EXPECT_EQ(FindKey("gpu.multi_gpu.strategies")->type, KeyType::kList);
  EXPECT_EQ(FindKey("gpu.multi_gpu")->type, KeyType::kSection);
  for (const auto* path :
       {"gpu.", ".gpu", "gpu..enabled", "gpu.enabled.", "gpu.enabled.x", "models.name", "nothing"})
    EXPECT_EQ(FindKey(path), nullptr) << path;
}

}  // namespace
}  // namespace altlas::config
