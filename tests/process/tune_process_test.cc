// SPDX-License-Identifier: Apache-2.0
// `alt_las tune`: lines that a shell carries out, and batches that a real model's steps prove.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

std::vector<std::string> Tune(std::vector<std::string> words) {
  words.insert(words.begin(), {ALTLAS_PROGRAM, "tune"});
  return words;
}

// TUN-1
TEST(TuneEnv, AShellThatEvaluatesTheLinesHasTheVariable) {
  const auto ran =
      RunToEnd({"/bin/sh", "-c",
                std::string("eval \"$(") + ALTLAS_PROGRAM +
                    " tune env --memory 8 --platform linux)\"; echo \"<$PYTORCH_CUDA_ALLOC_CONF>\""});
  EXPECT_NE(ran.output.find("<expandable_segments:True,max_split_size_mb:128>"), std::string::npos)
      << ran.output;
}

TEST(TuneEnv, SaysWhyAndFollowsVersionAndPlatform) {
  const auto windows =
      RunToEnd(Tune({"env", "--memory", "8", "--platform", "windows", "--shell", "powershell"}));
  EXPECT_EQ(windows.code, 0);
  EXPECT_NE(windows.output.find("$env:PYTORCH_CUDA_ALLOC_CONF = 'max_split_size_mb:128'"), std::string::npos)
      << windows.output;
  EXPECT_NE(windows.output.find("expandable_segments is left out"), std::string::npos);
  const auto later =
      RunToEnd(Tune({"env", "--memory", "24", "--platform", "linux", "--torch-version", "2.12.0", "--json"}));
  const auto json = nlohmann::json::parse(later.output);
  EXPECT_EQ(json["variables"][0]["name"], "PYTORCH_ALLOC_CONF");
  EXPECT_EQ(json["variables"][0]["value"], "expandable_segments:True,max_split_size_mb:512");
  // TUN-5
  const auto debug = RunToEnd(Tune({"env", "--memory", "8", "--debug"}));
  EXPECT_NE(debug.output.find("export CUDA_LAUNCH_BLOCKING='1'"), std::string::npos);
  EXPECT_NE(debug.output.find("export PYTORCH_NO_CUDA_MEMORY_CACHING='1'"), std::string::npos);
  EXPECT_NE(debug.output.find("times slower"), std::string::npos);
}

TEST(TuneEnv, WrongUsageIsExplained) {
  EXPECT_EQ(RunToEnd(Tune({"env", "--memory", "nan"})).code, 2);
  EXPECT_EQ(RunToEnd(Tune({"env", "--memory", "8", "--shell", "fish"})).code, 2);
  EXPECT_EQ(RunToEnd(Tune({"env", "--memory", "8", "--torch-version", "new"})).code, 2);
  EXPECT_NE(RunToEnd(Tune({"env", "--memory", "8", "--shell", "python", "--permanent"})).code, 0);
  EXPECT_EQ(RunToEnd(Tune({"env", "--memory", "8", "--config", "/nonexistent.yaml"})).code, 3);
  TemporaryFolder folder;
  const auto file = (folder.path() / "c.yaml").string();
  ASSERT_TRUE(WriteFileAtomically(file, "devices:\n  source: cpu\n").has_value());
  const auto none = RunToEnd(Tune({"env", "--config", file}));
  EXPECT_EQ(none.code, 3) << none.output;
  EXPECT_NE(none.output.find("--memory 8"), std::string::npos) << none.output;
}

TEST(TuneHelp, EveryOneHasExamples) {
  for (const auto& words : std::vector<std::vector<std::string>>{{}, {"env"}, {"batch"}}) {
    auto arguments = Tune(words);
    arguments.push_back("--help");
    const auto help = RunToEnd(arguments);
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.output.find("Examples:"), std::string::npos) << help.output;
    EXPECT_NE(help.output.find("Exit codes: 0"), std::string::npos) << help.output;
  }
}

TEST(TuneConfig, AnAllocatorTextIsChecked) {
  const auto wrong =
      RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--set", "workers.allocator=max_split_size:1"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.output.find("workers.allocator"), std::string::npos) << wrong.output;
  EXPECT_NE(wrong.output.find("max_split_size_mb?"), std::string::npos) << wrong.output;
}

#ifdef ALTLAS_WORKER
constexpr double kMiB = 1 << 20;

class TuneWorker : public testing::Test {
 protected:
  // The sanitizer's quarantine keeps freed memory and would be measured instead of the model.
  TuneWorker() {
    const char* options = std::getenv("ASAN_OPTIONS");
    ::setenv("ASAN_OPTIONS",
             (std::string(options == nullptr ? "" : options) + ":quarantine_size_mb=1").c_str(), 1);
  }
  const std::string model = std::string(ALTLAS_SOURCE_DIR) + "/models/alt-las-tiny";
  static double Peak(const std::string& model, std::uint64_t batch) {
    const auto ran = RunToEnd({ALTLAS_WORKER, "--measure", model, "--batch", std::to_string(batch),
                               "--length", "32", "--threads", "1"});
    const auto json = nlohmann::json::parse(ran.output.substr(ran.output.find('{')), nullptr, false);
    EXPECT_TRUE(json.is_object()) << ran.output;
    return json.is_object() ? json["peak_bytes"].get<double>() : 0;
  }
};

// TUN-3: beside the search an independent bisection over the same steps.
TEST_F(TuneWorker, TheBatchIsTheLargestThatFits) {
  const double limit = Peak(model, 1) + 200 * kMiB;
  const auto ran = RunToEnd(Tune({"batch", "--model", model, "--length", "32", "--threads", "1", "--share",
                                  "1", "--memory", std::to_string(limit / (1 << 30)), "--json"}));
  ASSERT_EQ(ran.code, 0) << ran.output;
  const auto json = nlohmann::json::parse(ran.output);
  const auto found = json["batch"].get<std::uint64_t>();
  EXPECT_LE(json["measured_bytes"].get<double>(), limit + kMiB);
  std::uint64_t fits = 1;
  std::uint64_t over = 2 * found;
  ASSERT_GT(Peak(model, over), limit);
  while (over - fits > std::max<std::uint64_t>(1, fits / 50)) {
    const auto middle = fits + (over - fits) / 2;
    (Peak(model, middle) <= limit ? fits : over) = middle;
  }
  // The heap's own noise from process to process is worth 2 % beside the 5 %.
  EXPECT_GE(static_cast<double>(found), 0.93 * static_cast<double>(fits)) << ran.output;
  EXPECT_LE(static_cast<double>(found), 1.07 * static_cast<double>(over)) << ran.output;
}

TEST_F(TuneWorker, NotEvenOneSampleIsSaid) {
  const auto ran = RunToEnd(Tune({"batch", "--model", model, "--length", "32", "--memory", "0.02"}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("not even the smallest"), std::string::npos) << ran.output;
}

TEST_F(TuneWorker, WrongInputsAreNamed) {
  EXPECT_EQ(RunToEnd(Tune({"batch", "--model", "nonsense"})).code, 3);
  EXPECT_EQ(RunToEnd(Tune({"batch", "--model", model, "--data", "/nowhere.txt"})).code, 3);
  EXPECT_EQ(RunToEnd(Tune({"batch", "--model", model, "--length", "999999"})).code, 2);
  TemporaryFolder folder;
  const auto greedy = RunToEnd(Tune({"batch", "--model", model, "--memory", "0.01", "--margin", "1e6"}));
  EXPECT_EQ(greedy.code, 2);
  EXPECT_NE(greedy.output.find("nothing is left to fill"), std::string::npos) << greedy.output;
  const auto empty = (folder.path() / "empty.txt").string();
  ASSERT_TRUE(WriteFileAtomically(empty, "\n\n").has_value());
  const auto ran = RunToEnd(Tune({"batch", "--model", model, "--data", empty}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.output.find("holds no sample"), std::string::npos) << ran.output;
}

// TUN-1: PyTorch's own parser reads what we print.
TEST_F(TuneWorker, TheSettingsAreWhatPyTorchReads) {
  const auto ran = RunToEnd(Tune({"env", "--memory", "12.5", "--platform", "linux", "--check"}));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("read expandable_segments:True max_split_size_mb:256"), std::string::npos)
      << ran.output;
}

// TUN-6
TEST_F(TuneWorker, MeasuresTheMachineAndWritesAConfigurationThatIsValid) {
  TemporaryFolder folder;
  const auto file = (folder.path() / "tuned.yaml").string();
  const auto data = (folder.path() / "data.txt").string();
  ASSERT_TRUE(
      WriteFileAtomically(data, "Once upon a time there was a fox.\nThe end of it.\nAnd so on and on.\n")
          .has_value());
  const auto ran = RunToEnd(Tune({"--quick", "--model", model, "--data", data, "--write", file}));
  ASSERT_EQ(ran.code, 0) << ran.output;
  for (const char* what : {"allocator", "batch size", "loader workers", "pinned memory", "threads",
                           "precision", "concurrency", "the guide: 112", "tokens/s"})
    EXPECT_NE(ran.output.find(what), std::string::npos) << what << ran.output;
  const auto valid = RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config", file});
  EXPECT_EQ(valid.code, 0) << valid.output;
}
#endif

}  // namespace
}  // namespace altlas::testing_process
