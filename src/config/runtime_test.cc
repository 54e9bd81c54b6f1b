// SPDX-License-Identifier: Apache-2.0
#include "config/format.h"
#include "config/testing.h"

namespace altlas::config {
namespace {

constexpr std::string_view kStrategy = "gpu.multi_gpu.default_strategy";
constexpr std::string_view kTasks = "gpu.multi_gpu.max_concurrent_tasks_per_gpu";

class RuntimeTest : public testing::Test {
 protected:
  void Write(std::string_view name, std::string_view text) {
    ASSERT_TRUE(WriteFileAtomically(folder_.path() / name, text).has_value());
  }
  LoadedConfig Load() {
    auto loaded = LoadConfig(folder_.path() / "config.yaml");
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return loaded.has_value() ? *loaded : LoadedConfig{};
  }
  std::string Overlay() { return MustRead(folder_.path() / "runtime.yaml"); }

  TemporaryFolder folder_;
};

LoadedConfig Must(Result<LoadedConfig> result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return result.has_value() ? std::move(*result) : LoadedConfig{};
}

TEST_F(RuntimeTest, AChangeIsSeenAndTheOldValueObjectStays) {
  Write("config.yaml", "gpu:\n  multi_gpu:\n    default_strategy: random\n");
  const auto before = Load();
  const auto after = Must(SetRuntime(before, kStrategy, "\"round_robin\""));
  EXPECT_EQ(after.config.gpu.multi_gpu.default_strategy, Strategy::kRoundRobin);
  EXPECT_EQ(before.config.gpu.multi_gpu.default_strategy, Strategy::kRandom);
  EXPECT_EQ(after.origins.at(std::string(kStrategy)).kind, OriginKind::kRuntime);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "runtime.yaml"));
}

TEST_F(RuntimeTest, EachKindOfRefusalHasItsCodeAndItsField) {
  const LoadedConfig base;
  const auto refuse = [&](std::string_view key, std::string_view value, ErrorCode code,
                          std::string_view part) {
    const auto result = SetRuntime(base, key, value);
    ASSERT_FALSE(result.has_value()) << key;
    EXPECT_EQ(result.error().code, code) << key;
    EXPECT_EQ(result.error().field, key);
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  };
  refuse("gpu.multi_gpu.default_stratgy", "random", ErrorCode::kNotFound,
         "did you mean gpu.multi_gpu.default_strategy?");
  refuse("gpu.multi_gpu", "{}", ErrorCode::kNotFound,
         "is a section of keys; give one of them, such as gpu.multi_gpu.enabled, ");
  refuse("system", "1", ErrorCode::kNotFound, "is a section, and it has no keys yet");
  refuse("GPU.Enabled", "1", ErrorCode::kNotFound, "did you mean gpu.enabled?");
  refuse("", "1", ErrorCode::kNotFound, "unknown key");
  refuse("server.listen.port", "1", ErrorCode::kConflict, "takes effect at a start only");
  refuse(kStrategy, "fastest", ErrorCode::kInvalidArgument, "found fastest, allowed is one of round_robin");
  refuse(kStrategy, "", ErrorCode::kInvalidArgument, "has no value");
  refuse(kStrategy, "\"random", ErrorCode::kInvalidArgument, "a quote that is never closed");
  refuse(kStrategy, "@", ErrorCode::kInvalidArgument, "not YAML");
  refuse(kStrategy, "random\n---\nrandom", ErrorCode::kInvalidArgument, "second YAML document");
  refuse(kTasks, "0", ErrorCode::kInvalidArgument, "found 0, allowed is a whole number, 1 to 1024");
  refuse(kTasks, "\"12\"", ErrorCode::kInvalidArgument, "take the quotes away");
  refuse("gpu.multi_gpu.strategies", "[random]", ErrorCode::kInvalidArgument,
         "gpu.multi_gpu.default_strategy: found least_loaded (the default), allowed is one of");
}

TEST_F(RuntimeTest, AKeptChangeOutlastsARestartAndLeavesTheFileAlone) {
  constexpr std::string_view kFile = "# mine\ngpu:\n  multi_gpu:\n    default_strategy: random  # for now\n";
  Write("config.yaml", kFile);
  const auto changed = Must(SetRuntime(Load(), kStrategy, "round_robin"));
  const auto kept = Must(PersistRuntime(changed));
  EXPECT_EQ(kept.origins.at(std::string(kStrategy)).kind, OriginKind::kPersisted);
  EXPECT_EQ(MustRead(folder_.path() / "config.yaml"), kFile);
  const auto again = Load();
  EXPECT_EQ(again.config.gpu.multi_gpu.default_strategy, Strategy::kRoundRobin);
  EXPECT_EQ(again.origins.at(std::string(kStrategy)).kind, OriginKind::kPersisted);
  EXPECT_GT(again.origins.at(std::string(kStrategy)).line, 0);
}

TEST_F(RuntimeTest, OnlyTheNamedChangesAreKeptAndEarlierOnesStay) {
  Write("config.yaml", "");
  auto loaded = Must(PersistRuntime(Must(SetRuntime(Load(), kTasks, "12"))));
  loaded = Must(SetRuntime(loaded, kTasks, "13"));  // not kept
  loaded = Must(SetRuntime(loaded, kStrategy, "random"));
  loaded =
      Must(SetRuntime(loaded, "gpu.multi_gpu.task_specific_mappings", R"({"text_generation": "gpu_1"})"));
  const std::vector<std::string> keys = {std::string(kStrategy), "gpu.multi_gpu.task_specific_mappings"};
  loaded = Must(PersistRuntime(loaded, keys));
  EXPECT_EQ(loaded.config.gpu.multi_gpu.max_concurrent_tasks_per_gpu, 13);
  const auto again = Load();
  EXPECT_EQ(again.config.gpu.multi_gpu.max_concurrent_tasks_per_gpu, 12);
  EXPECT_EQ(again.config.gpu.multi_gpu.default_strategy, Strategy::kRandom);
  EXPECT_EQ(again.config.gpu.multi_gpu.task_specific_mappings.at("text_generation"), "gpu_1");
  const auto nothing = PersistRuntime(again, std::vector<std::string>{"gpu.enabled"});
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RuntimeTest, WithoutAFileThereIsNoPlaceToKeepAChangeUnlessOneIsNamed) {
  const auto changed = Must(SetRuntime(Must(LoadConfig(LoadOptions{})), kTasks, "12"));
  const auto refused = PersistRuntime(changed);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);

  const LoadOptions options{{}, folder_.path() / "state-runtime.yaml", {}};
  Must(PersistRuntime(Must(SetRuntime(Must(LoadConfig(options)), kTasks, "12"))));
  EXPECT_EQ(Must(LoadConfig(options)).config.gpu.multi_gpu.max_concurrent_tasks_per_gpu, 12);
}

TEST_F(RuntimeTest, TwoFilesInOneFolderDoNotChangeEachOther) {
  Write("c1.yaml", "");
  Write("c2.yaml", "");
  const auto load = [&](std::string_view name) { return Must(LoadConfig(folder_.path() / name)); };
  Must(PersistRuntime(Must(SetRuntime(load("c1.yaml"), kStrategy, "random"))));
  const auto kept = Overlay();
  EXPECT_NE(kept.find("# Belongs to: c1.yaml\n"), std::string::npos) << kept;
  EXPECT_EQ(load("c1.yaml").config.gpu.multi_gpu.default_strategy, Strategy::kRandom);
  EXPECT_TRUE(load("c1.yaml").warnings.empty());
  const auto second = load("c2.yaml");
  EXPECT_EQ(second.config.gpu.multi_gpu.default_strategy, Strategy::kLeastLoaded);
  ASSERT_EQ(second.warnings.size(), 1u);
  EXPECT_NE(second.warnings[0].message.find("belongs to c1.yaml"), std::string::npos);
  const auto refused = PersistRuntime(Must(SetRuntime(second, kTasks, "12")));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find("belongs to c1.yaml"), std::string::npos);
  EXPECT_EQ(Overlay(), kept);
}

TEST_F(RuntimeTest, ARuntimeFileThatNamesNobodyBelongsToWhoeverReadsIt) {
  Write("c1.yaml", "");
  Write("runtime.yaml", "gpu: {max_temperature: 71}\n");
  const auto loaded = Must(LoadConfig(folder_.path() / "c1.yaml"));
  EXPECT_EQ(loaded.config.gpu.max_temperature, 71);
  Must(PersistRuntime(Must(SetRuntime(loaded, kTasks, "12"))));
  EXPECT_NE(Overlay().find("# Belongs to: c1.yaml\n"), std::string::npos);
  EXPECT_NE(Overlay().find("max_temperature: 71"), std::string::npos);
}

TEST_F(RuntimeTest, AWrongRuntimeFileIsAnErrorThatNamesIt) {
  Write("config.yaml", "gpu:\n  multi_gpu:\n    strategies: [random]\n    default_strategy: random\n");
  Write("runtime.yaml",
        "gpu:\n  multi_gpu:\n    default_strategy: round_robin\nserver:\n  allow_insecure_remote: true\n");
  const auto loaded = LoadConfig(folder_.path() / "config.yaml");
  ASSERT_FALSE(loaded.has_value());
  const auto name = (folder_.path() / "runtime.yaml").string();
  EXPECT_NE(loaded.error().message.find(name + ":3:23: gpu.multi_gpu.default_strategy: found round_robin"),
            std::string::npos)
      << loaded.error().message;
  EXPECT_NE(
      loaded.error().message.find(name + ":5:3: server.allow_insecure_remote: cannot be changed at run time"),
      std::string::npos);
}

TEST_F(RuntimeTest, OverridesOfTheCommandLineWinOverBothFiles) {
  Write("config.yaml", "gpu: {max_temperature: 70}\n");
  Write("runtime.yaml", "gpu: {max_temperature: 71}\n");
  LoadOptions options{
      folder_.path() / "config.yaml", {}, {{"gpu.max_temperature", "72"}, {"server.listen.port", "0"}}};
  const auto loaded = Must(LoadConfig(options));
  EXPECT_EQ(loaded.config.gpu.max_temperature, 72);
  EXPECT_EQ(loaded.config.server.listen.port, 0);
  EXPECT_EQ(loaded.persisted.at("gpu.max_temperature"), "71.0");
  options.overrides = {{"server.prot", "1"}, {"server.listen.port", "x"}};
  const auto wrong = LoadConfig(options);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message,
            "command line: server.prot: unknown key; did you mean server.listen.port?\n"
            "command line: server.listen.port: found x, allowed is a whole number, 0 to 65535");
}

// CFG-9
TEST_F(RuntimeTest, AReloadSeesWhatChangesAtOnceAndWhatNeedsARestart) {
  Write("config.yaml", "gpu: {memory_threshold: 0.8}\nserver: {allow_insecure_remote: true}\n");
  const auto before = Load();
  Write("config.yaml", "gpu: {memory_threshold: 0.7}\nmodels: [{name: a, path: b, kv_cache: 1GiB}]\n");
  const auto diff = DiffConfig(before.config, Load().config);
  ASSERT_EQ(diff.at_run_time.size(), 1u);
  EXPECT_EQ(diff.at_run_time[0].key, "gpu.memory_threshold");
  EXPECT_EQ(diff.at_run_time[0].before, "0.8");
  EXPECT_EQ(diff.at_run_time[0].after, "0.7");
  ASSERT_EQ(diff.need_restart.size(), 2u);
  EXPECT_EQ(diff.need_restart[0].key, "server.allow_insecure_remote");
  EXPECT_EQ(diff.need_restart[1].after,
            "[{name: a, path: b, dtype: float32, default: false, kv_cache: 1073741824}]");
  EXPECT_TRUE(DiffConfig(before.config, before.config).empty());
}

// CFG-1
TEST_F(RuntimeTest, TheFileIsSearchedInTheOrderOfTheDocument) {
  const auto cwd = folder_.path() / "cwd";
  const auto root = folder_.path() / "root";
  const auto etc = folder_.path() / "etc";
  for (const auto& path : {cwd, root, etc}) ASSERT_TRUE(MakeFolder(path).has_value());
  const auto find = [&] { return FindConfigFile(std::nullopt, cwd, root, etc).value(); };
  EXPECT_EQ(find(), "");
  Write("etc/config.yaml", "");
  EXPECT_EQ(find(), etc / "config.yaml");
  Write("root/config.yaml", "");
  EXPECT_EQ(find(), root / "config.yaml");
  Write("cwd/config.yaml", "");
  EXPECT_EQ(find(), cwd / "config.yaml");
  EXPECT_EQ(FindConfigFile(etc / "config.yaml", cwd, root, etc).value(), etc / "config.yaml");
  const auto missing = FindConfigFile(etc / "other.yaml", cwd, root, etc);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST_F(RuntimeTest, RelativePathsCountFromTheFolderOfTheFile) {
  LoadedConfig loaded;
  loaded.path = "/etc/alt_las/config.yaml";
  EXPECT_EQ(ResolvePath(loaded, "models/a"), "/etc/alt_las/models/a");
  EXPECT_EQ(ResolvePath(loaded, "/models/a"), "/models/a");
  EXPECT_EQ(ResolvePath(LoadedConfig{}, "models/a"), "models/a");
}

TEST_F(RuntimeTest, AMissingFileAndAFolderAreErrors) {
  EXPECT_EQ(LoadConfig(folder_.path() / "none.yaml").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(LoadConfig(folder_.path()).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace altlas::config
