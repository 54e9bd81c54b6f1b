// SPDX-License-Identifier: Apache-2.0
#include "config/format.h"
#include "config/testing.h"

namespace altlas::config {
namespace {

using namespace std::chrono_literals;

// CFG-8
TEST(ValidFiles, EveryExampleValidatesWithoutAWarning) {
  const auto files = YamlFiles(SourceFolder() / "examples/config");
  EXPECT_GE(files.size(), 6u);
  for (const auto& file : files) {
    const auto loaded = LoadConfig(file);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_EQ(FormatProblems(loaded->warnings), "");
  }
}

// CFG-1
TEST(ValidFiles, EveryConfigurationPrintedInTheDocumentsValidatesAsItStands) {
  const auto files = YamlFiles(SourceFolder() / "src/config/testdata/documents");
  EXPECT_EQ(files.size(), 18u);
  for (const auto& file : files) {
    const auto loaded = LoadConfig(file);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
  }
}

// The four files of the document's section 6 and our examples of them say the same.
TEST(ValidFiles, TheExamplesHoldTheDocumentsValues) {
  const std::pair<const char*, const char*> pairs[] = {{"basic", "1_6_1"},
                                                       {"task_specific", "1_6_2"},
                                                       {"high_performance", "1_6_3"},
                                                       {"high_reliability", "1_6_4"}};
  for (const auto& [example, printed] : pairs) {
    const auto ours = LoadConfig(SourceFolder() / "examples/config" / (std::string(example) + ".yaml"));
    const auto theirs = LoadConfig(SourceFolder() / "src/config/testdata/documents" /
                                   ("document_" + std::string(printed) + ".yaml"));
    ASSERT_TRUE(ours.has_value() && theirs.has_value());
    EXPECT_TRUE(DiffConfig(ours->config, theirs->config).empty()) << example;
    EXPECT_EQ(ours->origins.size(), theirs->origins.size()) << example;
  }
}

TEST(ValidFiles, HighReliabilityIsReadValueByValue) {
  const auto loaded = LoadConfig(SourceFolder() / "examples/config/high_reliability.yaml");
  ASSERT_TRUE(loaded.has_value());
  const auto& gpu = loaded->config.gpu;
  EXPECT_EQ(gpu.memory_threshold, 0.8);
  EXPECT_EQ(gpu.utilization_threshold, 0.9);
  EXPECT_EQ(gpu.max_temperature, 80);
  EXPECT_EQ(gpu.health_check_interval, 30s);
  EXPECT_EQ(gpu.multi_gpu.min_batch_size_per_gpu, 2);
  EXPECT_EQ(gpu.multi_gpu.max_concurrent_tasks_per_gpu, 4);
  EXPECT_EQ(gpu.multi_gpu.queue_processing_interval, 200ms);
  EXPECT_EQ(gpu.multi_gpu.queue_timeout, 30min);
  EXPECT_EQ(gpu.multi_gpu.default_strategy, Strategy::kLeastLoaded);
}

TEST(ValidFiles, UnequalCpuHasTwoDevicesOfOneAndAThird) {
  const auto loaded = LoadConfig(SourceFolder() / "examples/config/unequal_cpu.yaml");
  ASSERT_TRUE(loaded.has_value());
  const auto& devices = loaded->config.devices;
  EXPECT_EQ(devices.source, DeviceSource::kCpu);
  ASSERT_EQ(devices.cpu.size(), 2u);
  EXPECT_NEAR(devices.cpu[1].quota / devices.cpu[0].quota, 1.0 / 3, 1e-3);
}

TEST(ValidFiles, TheFullExampleNamesEveryKeyThereIs) {
  const auto text = MustRead(SourceFolder() / "examples/config/full.yaml");
  const auto loaded = MustLoad(text);
  // What it leaves out stands in a comment.
  for (const auto* commented : {"certificate:", "key:", "path:", "simulated_file:", "cpu_count:", "program:"})
    EXPECT_NE(text.find("# " + std::string(commented)), std::string::npos) << commented;
  const auto effective = FormatEffectiveYaml(loaded);
  const auto defaults = std::count(effective.begin(), effective.end(), '\n');
  EXPECT_GT(defaults, 60);
  std::size_t left = 0;
  for (std::size_t at = effective.find("# default\n"); at != std::string::npos;
       at = effective.find("# default\n", at + 1))
    ++left;
  EXPECT_EQ(left, 6u) << effective;
}

TEST(ValidFiles, EmptyTextEmptySectionsAndCommentsAreTheDefaults) {
  for (const auto* text :
       {"", "\n", "# nothing\n", "---\n", "system:\n  # ...\n",
        "gpu:\nserver:\n  tls:\nmodels:\ndevices:\n  cpu:\n", "{}", "\xEF\xBB\xBFgpu:\n  enabled: true\n"}) {
    const auto loaded = MustLoad(text);
    EXPECT_TRUE(DiffConfig(Config{}, loaded.config).empty()) << text;
  }
}

TEST(ValidFiles, LineEndingsOfWindowsAreFine) {
  EXPECT_EQ(MustLoad("gpu:\r\n  multi_gpu:\r\n    default_strategy: random\r\n")
                .config.gpu.multi_gpu.default_strategy,
            Strategy::kRandom);
}

TEST(ValidFiles, AliasesStandForTheirValues) {
  const auto loaded = MustLoad(
      "gpu:\n  memory_threshold: &limit 0.7\n  utilization_threshold: *limit\n"
      "models:\n  - &first {name: a, path: x}\n");
  EXPECT_EQ(loaded.config.gpu.utilization_threshold, 0.7);
  EXPECT_EQ(loaded.origins.at("gpu.utilization_threshold").line, 3);
}

TEST(ValidFiles, DurationsAndSizesMayHaveUnits) {
  const auto config = MustLoad(
                          "gpu: {health_check_interval: 1500ms, multi_gpu: {queue_timeout: 1.5h, "
                          "queue_processing_interval: 0.001}}\n"
                          "store: {retention: {max_age: '2 d'}, min_free_bytes: \"1.5 GiB\"}\n"
                          "server: {limits: {body_bytes: 10MB, header_bytes: 4096}}\n")
                          .config;
  EXPECT_EQ(config.gpu.health_check_interval, 1500ms);
  EXPECT_EQ(config.gpu.multi_gpu.queue_timeout, 90min);
  EXPECT_EQ(config.gpu.multi_gpu.queue_processing_interval, 1ms);
  EXPECT_EQ(config.store.retention.max_age, 48h);
  EXPECT_EQ(config.store.min_free_bytes, MiB(1536));
  EXPECT_EQ(config.server.limits.body_bytes.count, 10'000'000u);
  EXPECT_EQ(config.server.limits.header_bytes, KiB(4));
}

TEST(ValidFiles, ModelsAreReadWithTheirDefaults) {
  const auto config = MustLoad(
                          "models:\n"
                          "  - name: tiny\n    path: models/tiny\n"
                          "  - {name: org/Big-7B, path: /m, dtype: bfloat16, default: true, devices: "
                          "[gpu_1], kv_cache: 2GiB}\n"
                          "  - {name: eyes, path: e, type: object_detection, context_length: null}\n")
                          .config;
  ASSERT_EQ(config.models.size(), 3u);
  EXPECT_EQ(config.models[0].dtype, Dtype::kFloat32);
  EXPECT_FALSE(config.models[0].devices.has_value());
  EXPECT_EQ(config.models[1].devices, std::vector<std::string>{"gpu_1"});
  EXPECT_EQ(config.models[1].kv_cache, MiB(2048));
  EXPECT_EQ(DefaultModel(config, "text_generation")->name, "org/Big-7B");
  EXPECT_EQ(DefaultModel(config, "object_detection")->name, "eyes");
  EXPECT_EQ(DefaultModel(config, "embedding"), nullptr);
}

TEST(ValidFiles, RemoteWithTlsAndKeysIsFineAndWithoutThemOnlyWhenSaid) {
  MustLoad("server: {listen: {address: 0.0.0.0}, tls: {certificate: a, key: b}}");
  const auto open =
      MustLoad("server: {listen: {address: '::'}, allow_insecure_remote: true}\nauth: {enabled: false}");
  EXPECT_EQ(open.warnings.size(), 1u);
}

// CFG-4
TEST(ValidFiles, StrangeMappingsAreWarnings) {
  const auto loaded = MustLoad(
      "gpu:\n  multi_gpu:\n    task_specific_mappings:\n      text_generaton: gpu_7\n      zebra: "
      "node-b/gpu_0\n"
      "    min_batch_size_per_gpu: 9\n");
  const auto text = FormatProblems(loaded.warnings);
  EXPECT_NE(text.find("text_generaton is no task type that is known here, did you mean text_generation?"),
            std::string::npos);
  EXPECT_NE(text.find("zebra is no task type"), std::string::npos);
  EXPECT_NE(text.find("config.yaml:6:29: gpu.multi_gpu.min_batch_size_per_gpu"), std::string::npos) << text;
}

TEST(ValidFiles, DevicesThatDoNotExistAreWarnings) {
  const auto loaded = MustLoad(
      "gpu: {multi_gpu: {task_specific_mappings: {text_generation: gpu_0, embedding: gpu_2}}}\n"
      "models: [{name: a, path: b, devices: [gpu_1, gpu_3]}]\n");
  const std::vector<std::string> devices = {"gpu_0", "gpu_1"};
  const auto warnings = DeviceWarnings(loaded, devices);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0].key, "gpu.multi_gpu.task_specific_mappings.embedding");
  EXPECT_EQ(warnings[0].message, "there is no device gpu_2; there are gpu_0, gpu_1");
  EXPECT_EQ(warnings[1].key, "models[0].devices");
  EXPECT_EQ(warnings[1].line, 2);
}

TEST(ValidFiles, LoopbackAddressesAreKnown) {
  for (const auto* address : {"127.0.0.1", "127.1.2.3", "::1", "localhost", "::ffff:127.0.0.1"})
    EXPECT_TRUE(IsLoopback(address));
  for (const auto* address : {"0.0.0.0", "10.0.0.1", "::", "::2", "128.0.0.1", "", "example.org"})
    EXPECT_FALSE(IsLoopback(address)) << address;
}

}  // namespace
}  // namespace altlas::config
