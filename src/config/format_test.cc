// SPDX-License-Identifier: Apache-2.0
#include "config/format.h"

#include <rapidcheck.h>

#include <nlohmann/json.hpp>

#include "config/emit.h"
#include "config/key_spec.h"
#include "config/scalar.h"
#include "config/testing.h"

namespace altlas::config {
namespace {

using nlohmann::json;

// CFG-10
TEST(Reference, TheCommittedPageIsTheGeneratedOne) {
  ExpectSameAsFile(FormatReference(), SourceFolder() / "docs/reference/configuration.md");
}

TEST(Schema, TheCommittedSchemaIsTheGeneratedOne) {
  ExpectSameAsFile(FormatJsonSchema(), SourceFolder() / "docs/reference/configuration.schema.json");
}

// CFG-10
TEST(Schema, HoldsEveryKeyWithItsDefaultAndNoOther) {
  const auto schema = json::parse(FormatJsonSchema());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  const Config defaults;
  const auto effective = json::parse(FormatEffectiveJson(LoadedConfig{}))["config"];
  ForEachKey(&defaults, [&](const KeySpec& key, const void*) {
    auto pointer = "/" + key.path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    std::string in_schema;
    for (const char c : pointer) in_schema += c == '/' ? std::string("/properties/") : std::string(1, c);
    ASSERT_TRUE(schema.contains(json::json_pointer(in_schema))) << in_schema;
    const auto& row = schema[json::json_pointer(in_schema)];
    EXPECT_EQ(row["default"], effective[json::json_pointer(pointer)]) << key.path;
    EXPECT_FALSE(row["description"].get<std::string>().empty());
  });
  const auto& gpu = schema["properties"]["gpu"];
  EXPECT_EQ(gpu["additionalProperties"], false);
  EXPECT_EQ(gpu["properties"]["memory_threshold"]["maximum"], 1);
  EXPECT_EQ(gpu["properties"]["multi_gpu"]["properties"]["default_strategy"]["enum"].size(), 5u);
  EXPECT_EQ(schema["properties"]["models"]["items"]["required"], json::parse(R"(["name", "path"])"));
  EXPECT_EQ(schema["properties"]["devices"]["properties"]["cpu"]["items"]["properties"]["quota"]["minimum"],
            0.01);
}

TEST(Effective, ReadsBackAsTheSameConfiguration) {
  for (const auto* folder : {"examples/config", "src/config/testdata/documents"}) {
    for (const auto& file : YamlFiles(SourceFolder() / folder)) {
      const auto loaded = LoadConfig(file);
      ASSERT_TRUE(loaded.has_value());
      const auto again = MustLoad(FormatEffectiveYaml(*loaded));
      EXPECT_TRUE(DiffConfig(loaded->config, again.config).empty()) << FormatEffectiveYaml(*loaded);
    }
  }
}

TEST(Effective, EachLineSaysWhereItsValueComesFrom) {
  TemporaryFolder folder;
  const auto path = folder.path() / "config.yaml";
  ASSERT_TRUE(WriteFileAtomically(path, "gpu:\n  memory_threshold: 0.8\n  multi_gpu: {max_queue_size: 7}\n")
                  .has_value());
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "runtime.yaml",
                                  "gpu:\n  multi_gpu:\n    default_strategy: random\n")
                  .has_value());
  const auto file = LoadConfig(LoadOptions{path, {}, {{"server.listen.port", "9090"}}});
  ASSERT_TRUE(file.has_value()) << file.error().message;
  const auto loaded = SetRuntime(*file, "gpu.max_temperature", "70");
  ASSERT_TRUE(loaded.has_value());
  const auto yaml = FormatEffectiveYaml(*loaded);
  for (const auto* line :
       {"\n  memory_threshold: 0.8  # config.yaml:2\n", "\n    max_queue_size: 7  # config.yaml:3\n",
        "\n    default_strategy: random  # runtime.yaml:3\n", "\n    port: 9090  # command line\n",
        "\n  max_temperature: 70.0  # run time, not kept over a restart\n", "\n  enabled: true  # default\n"})
    EXPECT_NE(yaml.find(line), std::string::npos) << line << yaml;
  const auto document = json::parse(FormatEffectiveJson(*loaded));
  EXPECT_EQ(document["file"], path.string());
  EXPECT_EQ(document["config"]["gpu"]["multi_gpu"]["default_strategy"], "random");
  const auto& origins = document["origins"];
  EXPECT_EQ(origins["gpu.memory_threshold"], json::parse(R"({"origin": "file", "line": 2})"));
  EXPECT_EQ(origins["gpu.multi_gpu.default_strategy"],
            json::parse(R"({"origin": "runtime", "persisted": true, "line": 3})"));
  EXPECT_EQ(origins["gpu.max_temperature"], json::parse(R"({"origin": "runtime", "persisted": false})"));
  EXPECT_EQ(origins["server.listen.port"], json::parse(R"({"origin": "command_line"})"));
  EXPECT_EQ(origins["gpu.enabled"], json::parse(R"({"origin": "default"})"));
}

TEST(Effective, AFileWithAStrangeNameStaysInsideItsComment) {
  LoadedConfig loaded;
  loaded.path = "/x/a\nstore: {min_free_bytes: 9}\n.yaml";
  loaded.origins["gpu.enabled"] = {OriginKind::kFile, 1, 1};
  EXPECT_EQ(MustLoad(FormatEffectiveYaml(loaded)).config.store.min_free_bytes, StoreConfig{}.min_free_bytes);
}

// Any text, also one that looks like YAML, JSON or a number, survives being printed and read.
TEST(Effective, AnyTextReadsBackAsItself) {
  EXPECT_TRUE(rc::check([] {
    const auto pieces = rc::gen::element<std::string>(
        "a", "0", "1", ".", ":", " ", "#", "\"", "'", "\\", "{", "]", ",", "&", "*", "!", "|", ">", "%", "@",
        "\n", "\t", "-", "?", "~", "yes", "null", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xE2\x80\xA8", "\x01",
        "\x7f", "_", "e5", "=", "<<");
    const auto text = *rc::gen::map(rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(pieces)),
                                    [](const std::vector<std::string>& parts) {
                                      std::string joined;
                                      for (const auto& part : parts) joined += part;
                                      return joined;
                                    });
    LoadedConfig loaded;
    loaded.config.store.path = text;
    loaded.config.gpu.multi_gpu.task_specific_mappings[text] = text;
    const auto printed = FormatEffectiveYaml(loaded);
    const auto checked = CheckConfig({"effective", printed});
    RC_ASSERT(FormatProblems(checked.errors) == "");
    RC_ASSERT(checked.loaded.config.store.path->string() == text);
    RC_ASSERT(checked.loaded.config.gpu.multi_gpu.task_specific_mappings.at(text) == text);
  }));
}

TEST(Effective, AnyNumberInRangeReadsBackAsItself) {
  EXPECT_TRUE(rc::check([](double share, std::uint32_t ms, std::uint64_t size) {
    LoadedConfig loaded;
    loaded.config.gpu.memory_threshold =
        0.06 + std::abs(std::remainder(std::isfinite(share) ? share : 0.5, 1.0));
    loaded.config.gpu.multi_gpu.queue_timeout = milliseconds(1 + ms);
    loaded.config.store.min_free_bytes = {size % (1ull << 50)};
    const auto checked = CheckConfig({"effective", FormatEffectiveYaml(loaded)});
    RC_ASSERT(FormatProblems(checked.errors) == "");
    RC_ASSERT(DiffConfig(loaded.config, checked.loaded.config).empty());
  }));
}

}  // namespace
}  // namespace altlas::config
