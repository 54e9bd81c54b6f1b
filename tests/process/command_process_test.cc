// SPDX-License-Identifier: Apache-2.0
// The command line: help, exit codes, keys and devices with and without a server, reload by signal.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "net/test_certificate.h"
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
    EXPECT_NE(help.output.find("Exit codes: 0 done"), std::string::npos) << help.output;
  }
  for (const auto& [command, sub] :
       {std::pair{"key", "create"}, {"key", "list"}, {"config", "show"}, {"config", "validate"}}) {
    const auto help = RunToEnd({ALTLAS_PROGRAM, command, sub, "--help"});
    EXPECT_NE(help.output.find("Exit codes: 0 done"), std::string::npos) << help.output;
    EXPECT_NE(help.output.find("--config PATH"), std::string::npos) << help.output;
  }
  for (const char* command : {"serve", "gpus"}) {
    const auto help = RunToEnd({ALTLAS_PROGRAM, command, "--help"});
    EXPECT_NE(help.output.find("--state DIR"), std::string::npos) << help.output;
  }
  EXPECT_NE(RunToEnd({ALTLAS_PROGRAM, "--version"}).output.find("alt_las "), std::string::npos);
}

TEST(Command, WrongUsageExitsWithTwo) {
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "frobnicate"}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "gpus", "--nonsense"}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "create"}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "create", "--name", "x", "--scopes", "everything"}).code, 2);
}

TEST(Command, AnEmptyValueAndANumberThatIsNoneAreWrongUsage) {
  for (const char* option : {"--config", "--state", "--listen"}) {
    const auto refused = RunToEnd({ALTLAS_PROGRAM, "config", "show", option, ""});
    EXPECT_EQ(refused.code, 2) << option;
    EXPECT_NE(refused.output.find("empty"), std::string::npos) << refused.output;
  }
  for (const char* value : {"nan", "inf", "-nan", "1e999", "0", "x"}) {
    const auto refused = RunToEnd({ALTLAS_PROGRAM, "gpus", "--interval", value});
    EXPECT_EQ(refused.code, 2) << value << refused.output;
  }
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "create", "--name", "x", "--rate", "nan"}).code, 2);
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
  for (const char* name :
       {"basic", "task_specific", "high_performance", "high_reliability", "unequal_cpu", "full"}) {
    const auto right = RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config",
                                 std::string(ALTLAS_SOURCE_DIR) + "/examples/config/" + name + ".yaml"});
    EXPECT_EQ(right.code, 0) << right.output;
  }
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config", "/nonexistent.yaml"}).code, 3);
}

TEST(Command, ValidateConfigHonoursSetAndListen) {
  const auto wrong =
      RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--set", "gpu.multi_gpu.default_strategy=fastest"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.output.find("gpu.multi_gpu.default_strategy: found fastest"), std::string::npos)
      << wrong.output;
  const auto reachable = RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--listen", "0.0.0.0:1"});
  EXPECT_EQ(reachable.code, 2);
  EXPECT_NE(reachable.output.find("server.tls.certificate"), std::string::npos) << reachable.output;
}

// What the file alone cannot tell is told with the same places, and a start says the same.
TEST(Command, ValidateConfigLooksAtThisMachine) {
  TemporaryFolder folder;
  const auto file = (folder.path() / "c.yaml").string();
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "garbage", "garbage").has_value());
  struct Case {
    const char* text;
    const char* place;
    const char* part;
  };
  for (const auto& [text, place, part] : {
           Case{"server:\n  tls:\n    certificate: none.pem\n    key: none.key\n",
                "c.yaml:3:18: ", "none.pem"},
           Case{"server:\n  tls:\n    certificate: garbage\n    key: garbage\n",
                "c.yaml:3:18: ", "no certificate"},
           Case{"models:\n  - name: a\n    path: nowhere\n", "c.yaml:3:11: models[0].path: ", "no folder"},
           Case{"models:\n  - name: a\n    path: .\n", "c.yaml:3:11: models[0].path: ", "no config.json"},
           Case{"workers:\n  program: nothing\n", "c.yaml:2:12: workers.program: ", "does not exist"},
           Case{"workers:\n  program: garbage\n", "c.yaml:2:12: workers.program: ", "no program"},
           Case{"devices:\n  source: cpu\n  cpu:\n    - threads: 1\n      pin: [4000]\n",
                "c.yaml:5:12: devices.cpu[0].pin: ", "4000"},
           Case{"devices: {source: simulated, simulated_file: none.json}\n", "c.yaml:1:46: ", "none.json"},
       }) {
    ASSERT_TRUE(WriteFileAtomically(file, text).has_value());
    const auto state = (folder.path() / "state").string();
    for (const auto& command : std::vector<std::vector<std::string>>{
             {ALTLAS_PROGRAM, "--validate-config", "--config", file},
             {ALTLAS_PROGRAM, "serve", "--listen", "127.0.0.1:0", "--state", state, "--config", file}}) {
      const auto wrong = RunToEnd(command);
      EXPECT_NE(wrong.code, 0) << text;
      EXPECT_NE(wrong.output.find(place), std::string::npos) << text << wrong.output;
      EXPECT_NE(wrong.output.find(part), std::string::npos) << text << wrong.output;
    }
  }
  ASSERT_TRUE(WriteFileAtomically(file, std::string(300 << 10, '#')).has_value());
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config", file}).code, 2);
}

TEST(Command, ConfigPrintsSchemaAndEffectiveValues) {
  EXPECT_TRUE(Json::parse(RunToEnd({ALTLAS_PROGRAM, "config", "schema"}).output, nullptr, false).is_object());
  const auto shown = RunToEnd({ALTLAS_PROGRAM, "config", "show", "--effective"});
  EXPECT_NE(shown.output.find("least_loaded"), std::string::npos);
}

TEST(Command, ConfigShowAsksTheRunningServerInBothForms) {
  ServerProcess server;
  server.Start();
  ASSERT_EQ(server.Call("POST", "/api/v1/config/gpu/strategy", R"({"strategy":"random"})").status, 200);
  const auto text = RunToEnd({ALTLAS_PROGRAM, "config", "show", "--state", server.state().string()});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.output.find("default_strategy: random  # run time"), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("program: " + (server.folder() / "worker").string() + "  # config.yaml:"),
            std::string::npos)
      << text.output;
  const auto json =
      RunToEnd({ALTLAS_PROGRAM, "config", "show", "--json", "--state", server.state().string()});
  EXPECT_EQ(Json::parse(json.output)["config"]["gpu"]["multi_gpu"]["default_strategy"], "random");
  EXPECT_NE(server.Log().find("configuration read file=" + server.config_file().string()), std::string::npos)
      << "which file was read stands in the log";
}

TEST(Command, AChangeIsKeptInTheStateDirectoryWhereThereIsNoConfigurationFile) {
  ServerProcess server;
  server.WithoutConfigFile();
  server.Start();
  EXPECT_EQ(
      server.Call("POST", "/api/v1/config/gpu/strategy", R"({"strategy":"random","persist":true})").status,
      200);
  EXPECT_TRUE(std::filesystem::exists(server.state() / "runtime.yaml"));
  EXPECT_EQ(server.Terminate(), 0);
  const auto shown = RunToEnd({ALTLAS_PROGRAM, "config", "show", "--state", server.state().string()});
  EXPECT_NE(shown.output.find("default_strategy: random  # runtime.yaml:"), std::string::npos)
      << shown.output;
  server.Start();
  EXPECT_EQ(server.Call("GET", "/api/v1/config/gpu/strategy").json["strategy"], "random");
}

// Whoever looks makes nothing, and a slip of the pen makes no second key ring.
TEST(Command, ACommandOnAFolderThatIsNotThereMakesNone) {
  TemporaryFolder folder;
  const auto typo = (folder.path() / "typo").string();
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"key", "list"}, {"key", "revoke", "x"}, {"key", "create", "--name", "x"}, {"gpus"}}) {
    std::vector<std::string> arguments = {ALTLAS_PROGRAM, "--state", typo};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const auto refused = RunToEnd(arguments);
    EXPECT_EQ(refused.code, 3) << words[0] << refused.output;
    EXPECT_NE(refused.output.find("no state directory " + typo), std::string::npos) << refused.output;
  }
  EXPECT_FALSE(std::filesystem::exists(typo));
  const auto list = RunToEnd({ALTLAS_PROGRAM, "--state", folder.path().string(), "key", "list"});
  EXPECT_EQ(list.code, 3) << list.output;
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  const auto gpus = RunToEnd({ALTLAS_PROGRAM, "--state", folder.path().string(), "gpus"});
  EXPECT_NE(gpus.output.find("no server answers"), std::string::npos) << gpus.output;
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Command, OfflineListsLookLikeOnlineOnes) {
  TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {ALTLAS_PROGRAM, "--state", folder.path().string()});
    return RunToEnd(words);
  };
  ASSERT_EQ(run({"key", "create", "--name", "old"}).code, 0);
  ASSERT_EQ(run({"key", "create", "--name", "new"}).code, 0);
  ASSERT_EQ(run({"key", "revoke", "old"}).code, 0);
  for (const char* wrong : {"", "a\nb", "\x1b[31m"})
    EXPECT_EQ(run({"key", "create", "--name", wrong}).code, 2) << wrong;
  const auto keys = Json::parse(run({"key", "list", "--json"}).output)["keys"];
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0]["name"], "old");
  EXPECT_EQ(keys[0]["scopes"], Json::array({"predict"}));
  EXPECT_EQ(keys[0]["burst"], 20);
  EXPECT_TRUE(keys[0]["created_at"].get<std::string>().ends_with("Z"));
  EXPECT_TRUE(keys[0]["revoked_at"].is_string());
  EXPECT_TRUE(keys[1]["revoked_at"].is_null());
  EXPECT_NE(run({"key", "list"}).output.find(keys[0]["revoked_at"].get<std::string>()), std::string::npos);
}

TEST(Command, KeysAreMadeListedAndRevokedWithAndWithoutAServer) {
  ServerProcess server;
  std::filesystem::create_directory(server.state());
  std::filesystem::permissions(server.state(), std::filesystem::perms::owner_all);
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
  const auto seen = Json::parse(run({"key", "list", "--json"}).output)["keys"][0];
  EXPECT_TRUE(seen["last_used_at"].is_string()) << seen.dump();
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
  const auto two = RunToEnd({ALTLAS_PROGRAM, "gpus", "--set", "devices.cpu_count=2", "--set",
                             "devices.source=cpu", "--state", folder.path().string()});
  EXPECT_NE(two.output.find("~ estimated"), std::string::npos) << two.output;
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
  // After an option with a value the words of its command go on.
  for (const auto& [words, expected] :
       {std::pair{"alt_las key create --name ci ''", "--scopes"},
        std::pair{"alt_las --listen 127.0.0.1 : 80 ''", "serve"},
        std::pair{"alt_las --set a = b key ''", "revoke"}, std::pair{"alt_las --state /x gpus ''", "--watch"},
        std::pair{"alt_las serve --", "--config"}, std::pair{"alt_las config validate --", "--state"},
        std::pair{"alt_las completion ''", "bash zsh"},
        std::pair{"alt_las key create --scopes ''", "predict admin metrics"},
        std::pair{"alt_las key create --scopes predict,a", "predict,admin"}}) {
    ASSERT_TRUE(WriteFileAtomically(file, script.output + "COMP_WORDS=(" + words +
                                              "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _alt_las; echo "
                                              "\"${COMPREPLY[@]}\"\n")
                    .has_value());
    const auto more = RunToEnd({"/bin/bash", file});
    EXPECT_NE(more.output.find(expected), std::string::npos) << words << more.output;
  }
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

// A file that is just being written, or no file at all, must not stop or change a server.
TEST(Command, SighupNeitherTakesAFileWithoutAKeyNorWaitsForAPipe) {
  ServerProcess server;
  server.WriteConfig(ReadFile(server.config_file(), 1 << 20).value() +
                     "\ngpu:\n  multi_gpu:\n    default_strategy: random\n");
  server.Start();
  std::size_t at = 0;
  for (const char* without_a_key : {"", "# later:\n#   gpu: {}\n"}) {
    server.WriteConfig(without_a_key);
    ::kill(server.pid(), SIGHUP);
    EXPECT_TRUE(Eventually([&] {
      const auto found = server.Log().find("write {} for the defaults", at);
      if (found != std::string::npos) at = found + 1;
      return found != std::string::npos;
    })) << without_a_key;
  }
  std::filesystem::remove(server.config_file());
  ASSERT_EQ(::mkfifo(server.config_file().c_str(), 0600), 0);
  ::kill(server.pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] { return server.Log().find("a regular file is needed") != std::string::npos; }));
  EXPECT_EQ(server.Call("GET", "/api/v1/config/gpu/strategy").json["strategy"], "random");
}

TEST(Command, AnExpiredCertificateDoesNotTakeThePlaceOfAValidOne) {
  ServerProcess server;
  constexpr WallMillis kDay = 86'400'000;
  const auto now = SystemClock().WallNow();
  const auto stem = server.folder() / "server";
  net::MakeCertificate(stem, now - kDay, now + kDay);
  server.WriteConfig(ReadFile(server.config_file(), 1 << 20).value() +
                     "\nserver: {tls: {certificate: server.pem, key: server.key}}\n");
  server.Start(false);
  net::MakeCertificate(stem, now - 2 * kDay, now - kDay);
  ::kill(server.pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] {
    const auto log = server.Log();
    const auto at = log.find("certificate not reloaded, the old one stays");
    return at != std::string::npos && log.find("expired at", at) != std::string::npos;
  })) << server.Log();
  EXPECT_EQ(server.Terminate(), 0);
  // Where there is no better one it serves, and says so.
  server.Start(false);
  EXPECT_TRUE(Eventually([&] { return server.Log().find("warn  config") != std::string::npos; }));
}

TEST(Command, TheSlotsOfTheInterfaceHaveTheLimitsOfTheirKey) {
  ServerProcess server;
  server.Start();
  const auto refused =
      server.Call("POST", "/api/v1/config/gpu/max_concurrent_tasks", R"({"max_concurrent_tasks":0})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.reply.body.find("1024"), std::string::npos) << refused.reply.body;
}

TEST(Command, ALostDatabaseIsNoFirstStart) {
  ServerProcess server;
  server.Start();
  EXPECT_EQ(server.Terminate(), 0);
  const auto database = server.state() / "alt_las.db";
  std::filesystem::remove(database);
  const auto refused = RunToEnd(server.CommandLine());
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.output.find(database.string() + " is missing"), std::string::npos) << refused.output;
  EXPECT_FALSE(std::filesystem::exists(database));
}

TEST(Command, TheFolderOfStorePathIsCheckedAsTheStateDirectoryIs) {
  TemporaryFolder folder;
  const auto open = folder.path() / "open";
  std::filesystem::create_directory(open);
  std::filesystem::permissions(open, std::filesystem::perms::all);
  const auto refused = RunToEnd({ALTLAS_PROGRAM, "serve", "--listen", "127.0.0.1:0", "--state",
                                 (folder.path() / "s").string(), "--set", "store.path=" + open.string()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.output.find("store.path: " + open.string() + " has mode 0777"), std::string::npos)
      << refused.output;
}

TEST(Command, AQuickStartWithoutItsKeyFileSaysHowToMakeAKey) {
  ServerProcess server;
  server.Start();
  EXPECT_EQ(server.Terminate(), 0);
  ASSERT_TRUE(WriteFileAtomically(server.state() / "first_key", "alk_of_another_time\n", 0600).has_value());
  server.Start();
  EXPECT_TRUE(Eventually([&] {
    return server.Log().find("key create --name try --state '" + server.state().string() + "')") !=
           std::string::npos;
  })) << server.Log();
  EXPECT_NE(server.Log().find("Bearer $KEY"), std::string::npos);
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
