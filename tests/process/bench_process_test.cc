// SPDX-License-Identifier: Apache-2.0
// `alt_las bench`: the whole way from the command line over alt_las_worker to table and file (PRF-5).
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

const std::string kShipped = std::string(ALTLAS_SOURCE_DIR) + "/models/alt-las-tiny";

Finished Bench(std::vector<std::string> words,
               std::vector<std::pair<std::string, std::string>> environment = {}) {
  words.insert(words.begin(), {ALTLAS_PROGRAM, "bench"});
  return RunToEnd(std::move(words), std::move(environment));
}

Json ReadJson(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return Json::parse(stream, nullptr, false);
}

// What docs/formats/profile_summary.md asks of a scenario.
void CheckSummary(const Json& summary, const std::string& scenario, const std::vector<std::string>& metrics) {
  ASSERT_TRUE(summary.is_object());
  EXPECT_EQ(summary["schema"], "altlas.profile_summary");
  EXPECT_EQ(summary["schema_version"], 1);
  EXPECT_EQ(summary["scenario"]["name"], scenario);
  EXPECT_EQ(summary["sources"][0]["format"], "bench");
  EXPECT_TRUE(summary["environment"].contains("cpu_model"));
  for (const auto& name : metrics) {
    const auto found = std::find_if(summary["metrics"].begin(), summary["metrics"].end(),
                                    [&](const Json& metric) { return metric["name"] == name; });
    ASSERT_NE(found, summary["metrics"].end()) << name;
    EXPECT_TRUE((*found)["value"].is_number()) << name;
    EXPECT_TRUE((*found)["unit"].is_string()) << name;
  }
}

TEST(Bench, InferenceWritesTableAndFiles) {
  TemporaryFolder folder;
  const auto asked = folder.path() / "asked.json";
  const auto done = Bench({"infer", "--model", kShipped, "--batch-size", "2", "--sequence-length", "8",
                           "--new-tokens", "3", "--runs", "2", "--warmup", "1", "--threads", "1",
                           "--accelerator", "cpu", "--output", folder.path() / "out.json"},
                          {{"ALTLAS_SUMMARY_OUT", asked}});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("latency_p50"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("batch_size=2"), std::string::npos) << "the options reach the measuring program";
  for (const auto& file : {folder.path() / "out.json", asked})
    CheckSummary(ReadJson(file), "infer",
                 {"latency_p50", "latency_p99", "generated_tokens_per_second", "memory_peak"});
  EXPECT_EQ(ReadJson(asked)["scenario"]["parameters"]["new_tokens"], "3");
}

// The measured JSON of a run that must succeed.
Json Measure(std::vector<std::string> words,
             std::vector<std::pair<std::string, std::string>> environment = {}) {
  TemporaryFolder folder;
  words.insert(words.end(), {"--output", folder.path() / "out.json"});
  const auto done = Bench(std::move(words), std::move(environment));
  EXPECT_EQ(done.code, 0) << done.output;
  return ReadJson(folder.path() / "out.json");
}

TEST(Bench, TheShippedModelHasAName) {
  CheckSummary(Measure({"infer", "--model", "alt-las-tiny", "--runs", "1", "--warmup", "0", "--new-tokens",
                        "2", "--sequence-length", "4", "--json"}),
               "infer", {"latency_p50"});
}

TEST(Bench, LoadingAndAKernelRun) {
  CheckSummary(Measure({"load", "--model", kShipped, "--runs", "1", "--accelerator", "cpu"}), "load",
               {"warm_read", "warm_convert", "warm_tokenizer", "warm_load"});
  CheckSummary(Measure({"kernel", "--kernel", "gemm", "--size", "32", "--runs", "2", "--threads", "1",
                        "--accelerator", "cpu"}),
               "kernel", {"torch_time", "alt_las_time", "torch_share_of_limit"});
}

TEST(Bench, AModelThatKeepsNothingPasses) {
  // The address sanitizer keeps what was freed in a quarantine, so that resident memory would grow.
  CheckSummary(Measure({"memory", "--model", "bert-tiny", "--iterations", "20", "--sequence-length", "8",
                        "--fail-on-growth", "--accelerator", "cpu"},
                       {{"ASAN_OPTIONS", "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}}),
               "memory", {"memory_in_use_slope", "growing"});
}

TEST(Bench, AGrowingProcessFailsWhereThatIsAsked) {
  const std::vector<std::string> words = {"memory", "--model",           "llama-tiny", "--iterations",
                                          "30",     "--plant-leak",      "20000",      "--new-tokens",
                                          "2",      "--sequence-length", "8",          "--accelerator",
                                          "cpu"};
  const auto told = Bench(words);
  EXPECT_EQ(told.code, 0) << told.output;
  EXPECT_NE(told.output.find("WARNING: "), std::string::npos) << told.output;
  EXPECT_NE(told.output.find("leak"), std::string::npos) << told.output;
  auto strict = words;
  strict.emplace_back("--fail-on-growth");
  EXPECT_EQ(Bench(strict).code, 1);
}

TEST(Bench, TooFewIterationsHaveNotPassed) {
  EXPECT_EQ(Bench({"memory", "--model", "bert-tiny", "--iterations", "3", "--sequence-length", "8",
                   "--accelerator", "cpu", "--fail-on-growth"})
                .code,
            1);
}

TEST(Bench, EveryHelpNamesExamplesAndExitCodes) {
  for (const char* scenario : {"", "load", "infer", "memory", "kernel", "pipeline"}) {
    std::vector<std::string> words;
    if (*scenario != '\0') words.emplace_back(scenario);
    words.emplace_back("--help");
    const auto help = Bench(words);
    EXPECT_EQ(help.code, 0) << scenario;
    EXPECT_NE(help.output.find("Examples:"), std::string::npos) << help.output;
    EXPECT_NE(help.output.find("Exit codes: 0 done"), std::string::npos) << help.output;
  }
}

TEST(Bench, WrongInputIsToldInOneSentence) {
  const auto expect = [](std::vector<std::string> words, int code, const char* part) {
    const auto done = Bench(std::move(words));
    EXPECT_EQ(done.code, code) << done.output;
    EXPECT_NE(done.output.find(part), std::string::npos) << done.output;
  };
  expect({}, 2, "subcommand");
  expect({"infer"}, 2, "--model");
  expect({"infer", "--model", ""}, 2, "empty");
  expect({"infer", "--model", "/nowhere/at/all"}, 3, "/nowhere/at/all");
  expect({"infer", "--model", "bert-tiny", "--batch-size", "0"}, 2, "--batch-size");
  expect({"infer", "--model", "bert-tiny", "--sequence-length", "100000"}, 2, "512");
  expect({"infer", "--model", "bert-tiny", "--sequence-length", "99999999999"}, 2, "--sequence-length");
  expect({"infer", "--model", "bert-tiny", "--dtype", "int3"}, 2, "--dtype");
  expect({"memory", "--model", "bert-tiny", "--iterations", "0"}, 2, "--iterations");
  expect({"kernel", "--kernel", "fft"}, 2, "--kernel");
  expect({"kernel", "--kernel", "gemm", "--size", "1x2"}, 2, "MxNxK");
  expect({"load", "--model", "bert-tiny", "--scratch", "/nowhere/at/all"}, 2, "--scratch");
  expect({"infer", "--model", "bert-tiny", "--output", "/nowhere/at/all.json"}, 3, "/nowhere/at");
  expect({"infer", "--model", "bert-tiny", "--seed", "-1"}, 2, "--seed");
  expect({"infer", "--model", "no\x1b[31mred", "--accelerator", "cpu"}, 3, "no\\x1b[31mred");
  expect({"infer", "--model", "bert-tiny", "--worker", "/nowhere/at/all"}, 3, "/nowhere/at/all");
  TemporaryFolder folder;
  expect({"infer", "--model", folder.path()}, 3, "config.json");
  std::ofstream(folder.path() / "config.json") << "{";
  expect({"load", "--model", folder.path()}, 3, "safetensors");
  expect({"infer", "--model", folder.path()}, 1, "config.json");
}

// A measuring program that writes rubbish, too little, or fails.
TEST(Bench, AWorkerThatFailsIsTold) {
  TemporaryFolder folder;
  const auto program = folder.path() / "worker";
  const auto run = [&](const std::string& script) {
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    ::chmod(program.c_str(), 0700);
    return Bench({"infer", "--model", "x", "--worker", program});
  };
  EXPECT_EQ(run("echo nonsense").code, 1);
  EXPECT_EQ(run("exit 0").code, 1);
  EXPECT_EQ(run("exit 5").code, 5);
  const auto killed = run("kill -KILL $$");
  EXPECT_EQ(killed.code, 1);
  EXPECT_NE(killed.output.find("signal 9, as it is where memory runs out"), std::string::npos)
      << killed.output;
  const auto arguments = run("echo \"$@\" >&2; exit 4");
  EXPECT_EQ(arguments.code, 4);
  EXPECT_NE(arguments.output.find("bench infer --model x"), std::string::npos) << arguments.output;
}

TEST(Bench, ThePipelineNeedsAPythonWithTorch) {
  const auto nowhere = Bench({"pipeline", "--python", "/nowhere/python"});
  EXPECT_EQ(nowhere.code, 3) << nowhere.output;
  EXPECT_NE(nowhere.output.find("/nowhere/python"), std::string::npos) << nowhere.output;
  TemporaryFolder folder;
  std::ofstream(folder.path() / "torch.py") << "raise ImportError('not this one')\n";
  const auto without = Bench({"pipeline", "--python", "python3", "--workers", "0", "--runs", "1"},
                             {{"PYTHONPATH", folder.path()}});
  EXPECT_EQ(without.code, 3) << without.output;
  EXPECT_NE(without.output.find("--python"), std::string::npos) << without.output;
  EXPECT_EQ(Bench({"pipeline", "--python", "python3", "--workers", "many"}).code, 2);
}

// The documents' scripts stand for the commands.
TEST(Bench, TheDocumentsScriptsRunTheScenarios) {
  const std::string compat = std::string(ALTLAS_SOURCE_DIR) + "/compat/";
  const std::vector<std::pair<std::string, std::string>> environment = {{"ALTLAS_PROGRAM", ALTLAS_PROGRAM}};
  const auto infer = RunToEnd({"/usr/bin/env", "python3", compat + "benchmark_inference.py", "--model",
                               "bert-tiny", "--batch-size", "3", "--sequence-length", "16", "--runs", "1"},
                              environment);
  EXPECT_EQ(infer.code, 0) << infer.output;
  EXPECT_NE(infer.output.find("batch_size=3"), std::string::npos) << infer.output;
  const auto memory = RunToEnd({"/usr/bin/env", "python3", compat + "memory_benchmark.py", "--model",
                                "bert-tiny", "--iterations", "10"},
                               environment);
  EXPECT_EQ(memory.code, 0) << memory.output;
  EXPECT_EQ(RunToEnd({"/usr/bin/env", "python3", compat + "benchmark.py", "--model", "bert-tiny",
                      "--batch-size", "0"},
                     environment)
                .code,
            2);
  const auto load = RunToEnd({"/usr/bin/env", "python3", "-c",
                              "import sys; sys.path.insert(0, '" + compat +
                                  "')\nfrom ai_orchestrator import ModelLoader\n"
                                  "summary = ModelLoader().load_model('bert-tiny')\n"
                                  "assert summary['scenario']['name'] == 'load', summary\n"},
                             environment);
  EXPECT_EQ(load.code, 0) << load.output;
  EXPECT_NE(load.output.find("warm_load"), std::string::npos) << load.output;
}

}  // namespace
}  // namespace altlas::testing_process
