// SPDX-License-Identifier: Apache-2.0
// The command line: help, exit codes, keys and devices with and without a server, reload by signal.
#include <gtest/gtest.h>
#include <signal.h>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

TEST(Command, EveryHelpNamesExamplesAndEndsWell) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{}, {"serve"}, {"key"}, {"gpus"}, {"config"}, {"completion"}}) {
    std::vector<std::string> arguments = {ALTLAS_PROGRAM};
    arguments.insert(arguments.end(), words.begin(), words.end());
    arguments.push_back("--help");
    const auto help = RunToEnd(arguments);
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.output.find("Examples:"), std::string::npos) << help.output;
  }
  EXPECT_NE(RunToEnd({ALTLAS_PROGRAM, "--version"}).output.find("alt_las "), std::string::npos);
}

TEST(Command, WrongUsageExitsWithTwo) {
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "frobnicate"}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "gpus", "--nonsense"}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "create"}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "create", "--name", "x", "--scopes", "everything"}).code, 2);
}

// CFG-2
TEST(Command, ValidateConfigPrintsEveryErrorWithItsPlace) {
  TemporaryFolder folder;
  const auto file = (folder.path() / "c.yaml").string();
  ASSERT_TRUE(WriteFileAtomically(file, "gpu:\n  enabeld: true\n  memory_threshold: 1.5\n").has_value());
  const auto wrong = RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config", file});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.output.find("c.yaml:2:3"), std::string::npos) << wrong.output;
  EXPECT_NE(wrong.output.find("enabled"), std::string::npos) << wrong.output;
  EXPECT_NE(wrong.output.find("c.yaml:3:"), std::string::npos) << wrong.output;
  for (const char* name : {"basic", "task_specific", "high_performance", "high_reliability"}) {
    const auto right = RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config",
                                 std::string(ALTLAS_SOURCE_DIR) + "/examples/config/" + name + ".yaml"});
    EXPECT_EQ(right.code, 0) << right.output;
  }
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config", "/nonexistent.yaml"}).code, 3);
}

TEST(Command, ConfigPrintsSchemaAndEffectiveValues) {
  EXPECT_TRUE(Json::parse(RunToEnd({ALTLAS_PROGRAM, "config", "schema"}).output, nullptr, false).is_object());
  const auto shown = RunToEnd({ALTLAS_PROGRAM, "config", "show", "--effective"});
  EXPECT_NE(shown.output.find("least_loaded"), std::string::npos);
}

TEST(Command, KeysAreMadeListedAndRevokedWithAndWithoutAServer) {
  ServerProcess server;
  const auto run = [&](std::vector<std::string> words) {
    std::vector<std::string> arguments = {ALTLAS_PROGRAM, "--state", server.state().string(), "--config",
                                          server.config_file().string()};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return RunToEnd(arguments);
  };
  const auto offline = run({"key", "create", "--name", "early", "--json"});
  ASSERT_EQ(offline.code, 0) << offline.output;
  const std::string early = Json::parse(offline.output.substr(offline.output.find('{')))["secret"];
  ASSERT_TRUE(WriteFileAtomically(server.state() / "first_key", early + "\n", 0600).has_value());
  server.Start();
  EXPECT_EQ(server.CallWithKey(early, "GET", "/api/v1/gpus").status, 200);
  const auto online = run({"key", "create", "--name", "late", "--json"});
  ASSERT_EQ(online.code, 0) << online.output;
  const std::string late = Json::parse(online.output.substr(online.output.find('{')))["secret"];
  EXPECT_EQ(server.CallWithKey(late, "GET", "/api/v1/gpus").status, 200);
  EXPECT_NE(run({"key", "list"}).output.find("late"), std::string::npos);
  EXPECT_EQ(run({"key", "revoke", "late"}).code, 0);
  EXPECT_EQ(server.CallWithKey(late, "GET", "/api/v1/gpus").status, 401);
  EXPECT_EQ(run({"key", "revoke", "nobody"}).code, 3);
}

TEST(Command, GpusPrintsATableAndJson) {
  TemporaryFolder folder;
  const auto table = RunToEnd({ALTLAS_PROGRAM, "--state", folder.path().string(), "gpus"});
  EXPECT_EQ(table.code, 0) << table.output;
  EXPECT_NE(table.output.find("gpu_0"), std::string::npos);
  const auto json = Json::parse(
      RunToEnd({ALTLAS_PROGRAM, "--state", folder.path().string(), "gpus", "--json"}).output, nullptr, false);
  EXPECT_TRUE(json.is_object()) << "not JSON";
}

TEST(Command, CompletionIsAShellScript) {
  const auto script = RunToEnd({ALTLAS_PROGRAM, "completion", "bash"});
  EXPECT_NE(script.output.find("complete -F _alt_las alt_las"), std::string::npos);
  TemporaryFolder folder;
  const auto file = (folder.path() / "c").string();
  ASSERT_TRUE(WriteFileAtomically(
                  file, script.output +
                            "COMP_WORDS=(alt_las key ''); COMP_CWORD=2; _alt_las; echo \"${COMPREPLY[@]}\"\n")
                  .has_value());
  const auto completed = RunToEnd({"/bin/bash", file});
  EXPECT_NE(completed.output.find("revoke"), std::string::npos) << completed.output;
}

// CFG-9
TEST(Command, SighupTakesARightFileAndKeepsTheOldOneForAWrongOne) {
  ServerProcess server;
  server.Start();
  const auto original = ReadFile(server.config_file(), 1 << 20).value();
  server.WriteConfig(original + "\ngpu:\n  multi_gpu:\n    default_strategy: random\n");
  ::kill(server.pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] {
    return server.Call("GET", "/api/v1/config/gpu/strategy").json["strategy"] == "random";
  })) << server.Log();
  server.WriteConfig(original + "\ngpu:\n  multi_gpu:\n    default_strategy: fastest\n");
  ::kill(server.pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] { return server.Log().find("not reloaded") != std::string::npos; }));
  EXPECT_EQ(server.Call("GET", "/api/v1/config/gpu/strategy").json["strategy"], "random");
}

TEST(Command, RefusesToBeReachableWithoutTls) {
  TemporaryFolder folder;
  const auto refused = RunToEnd({ALTLAS_PROGRAM, "serve", "--state", (folder.path() / "s").string(), "--set",
                                 "server.listen.address=0.0.0.0"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.output.find("server.tls.certificate"), std::string::npos) << refused.output;
}

}  // namespace
}  // namespace altlas::testing_process
