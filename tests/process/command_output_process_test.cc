// SPDX-License-Identifier: Apache-2.0
// The command line where something is in its way: output that nobody takes, a server that hangs, folders with
// the wrong mode, files without a key.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

using Words = std::vector<std::string>;

Finished RunRedirected(const std::string& redirection, const Words& words) {
  Words line = {"/bin/sh", "-c", "exec \"$0\" \"$@\" " + redirection, ALTLAS_PROGRAM};
  line.insert(line.end(), words.begin(), words.end());
  return RunToEnd(line);
}

Json KeyNamed(const std::string& name, const std::string& state) {
  const auto list = RunToEnd({ALTLAS_PROGRAM, "--state", state, "key", "list", "--json"});
  const auto json = Json::parse(list.output, nullptr, false);
  if (!json.is_object()) return {};
  for (const auto& key : json["keys"]) {
    if (key["name"] == name) return key;
  }
  return {};
}

TEST(CommandOutput, WhatCannotBeWrittenIsAFailureOfEveryCommand) {
  TemporaryFolder folder;
  const auto state = folder.path().string();
  ASSERT_EQ(RunToEnd({ALTLAS_PROGRAM, "key", "create", "--name", "x", "--state", state}).code, 0);
  for (const auto& words : std::vector<Words>{{"config", "schema"},
                                              {"config", "reference"},
                                              {"config", "show", "--json"},
                                              {"config", "show"},
                                              {"config", "validate"},
                                              {"completion"},
                                              {"gpus", "--state", state},
                                              {"gpus", "--json", "--state", state},
                                              {"gpus", "--watch", "--state", state},
                                              {"key", "list", "--state", state},
                                              {"key", "list", "--json", "--state", state},
                                              {"--validate-config"},
                                              {"--version"},
                                              {"--help"}}) {
    const auto lost = RunRedirected("> /dev/full", words);
    EXPECT_EQ(lost.code, 1) << words.front() << words.back() << lost.output;
    EXPECT_NE(lost.output.find("alt_las: standard output cannot be written: No space left"),
              std::string::npos)
        << words.front() << words.back() << lost.output;
    EXPECT_EQ(RunRedirected("> /dev/full 2> /dev/full", words).code, 1) << words.front() << words.back();
  }
  EXPECT_EQ(RunRedirected("2> /dev/full", {"key", "revoke", "nobody", "--state", state}).code, 3);
}

TEST(CommandOutput, AKeyThatCouldNotBeShownIsRevokedAtOnce) {
  ServerProcess server;
  std::filesystem::create_directory(server.state());
  std::filesystem::permissions(server.state(), std::filesystem::perms::owner_all);
  const auto state = server.state().string();
  const auto check = [&](const std::string& name) {
    const auto lost = RunRedirected("> /dev/full", {"key", "create", "--name", name, "--state", state});
    EXPECT_EQ(lost.code, 1) << lost.output;
    EXPECT_NE(lost.output.find("could not be shown and was revoked"), std::string::npos) << lost.output;
    EXPECT_EQ(lost.output.find("is shown this once"), std::string::npos) << lost.output;
    const auto key = KeyNamed(name, state);
    EXPECT_TRUE(key.is_object() && key["revoked_at"].is_string()) << key.dump();
  };
  check("offline");
  const auto made = Json::parse(
      RunToEnd({ALTLAS_PROGRAM, "key", "create", "--name", "a", "--state", state, "--json"}).output);
  ASSERT_TRUE(
      WriteFileAtomically(server.state() / "first_key", made["secret"].get<std::string>() + "\n", 0600)
          .has_value());
  server.Start();
  check("online");
}

TEST(CommandOutput, ANewKeyAsJsonHasItsIdAndItsScopesAsAList) {
  TemporaryFolder folder;
  const auto state = folder.path().string();
  const auto made = Json::parse(RunToEnd({ALTLAS_PROGRAM, "key", "create", "--name", "a", "--scopes",
                                          "metrics,predict", "--state", state, "--json"})
                                    .output);
  EXPECT_EQ(made["scopes"], Json::array({"predict", "metrics"}));
  EXPECT_EQ(made["name"], "a");
  EXPECT_EQ(made["id"], KeyNamed("a", state)["id"]);
}

// Whoever asks it is told so, and nobody takes its place.
TEST(CommandOutput, AServerThatHangsIsNoServerThatIsNotThere) {
  ServerProcess server;
  server.Start();
  ::kill(server.pid(), SIGSTOP);
  ASSERT_TRUE(Eventually([&] {
    const auto stat = ReadFile("/proc/" + std::to_string(server.pid()) + "/stat", 4096).value_or("");
    return stat.find(") T ") != std::string::npos;
  }));
  TemporaryFolder outputs;
  std::vector<Child> asking;
  const std::vector<Words> commands = {
      {"gpus"}, {"key", "create", "--name", "x"}, {"key", "list"}, {"config", "show"}};
  const auto file = [&](std::size_t i) { return outputs.path() / std::to_string(i); };
  for (std::size_t i = 0; i < commands.size(); ++i) {
    Words line = {ALTLAS_PROGRAM, "--state", server.state().string()};
    line.insert(line.end(), commands[i].begin(), commands[i].end());
    asking.emplace_back(line, file(i));
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    EXPECT_EQ(asking[i].Wait(), 3) << commands[i][0];
    const auto said = ReadFile(file(i), 1 << 20).value();
    EXPECT_NE(said.find("waiting for the server"), std::string::npos) << said;
    EXPECT_NE(said.find("did not answer within"), std::string::npos) << said;
    EXPECT_EQ(said.find("gpu_0"), std::string::npos) << said;
  }
  ::kill(server.pid(), SIGCONT);
  EXPECT_EQ(server.Call("GET", "/health/live").status, 200);
}

TEST(CommandOutput, AStopSaysWhatTheNextSignalDoesAndTakesTheAddressAway) {
  ServerProcess server;
  server.Start();
  EXPECT_TRUE(std::filesystem::exists(server.state() / "address"));
  EXPECT_EQ(server.Terminate(), 0);
  EXPECT_NE(server.Log().find("stopping signal=15 again_to=\"end now\""), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(server.state() / "address"));
}

TEST(CommandOutput, AStateDirectoryOpenToOthersIsWarnedOfAndLeftAsItIs) {
  ServerProcess server;
  std::filesystem::create_directory(server.state());
  ASSERT_EQ(::chmod(server.state().c_str(), 0755), 0);
  server.Start();
  EXPECT_NE(server.Log().find("run: chmod 700 '" + server.state().string() + "'"), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat(server.state().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0755u);
}

TEST(CommandOutput, AFileWithoutAKeyIsRefusedByTheCheckAndByTheStart) {
  TemporaryFolder folder;
  const auto file = (folder.path() / "c.yaml").string();
  for (const char* text : {"", "# gpu:\n#   enabled: false\n"}) {
    ASSERT_TRUE(WriteFileAtomically(file, text).has_value());
    for (const auto& words :
         std::vector<Words>{{"--validate-config", "--config", file},
                            {"serve", "--config", file, "--state", (folder.path() / "state").string()}}) {
      const auto refused = RunRedirected("", words);
      EXPECT_EQ(refused.code, 2) << text << refused.output;
      EXPECT_NE(refused.output.find(file + " holds no key; write {} for the defaults"), std::string::npos)
          << refused.output;
    }
  }
  ASSERT_TRUE(WriteFileAtomically(file, "{}\n").has_value());
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--config", file}).code, 0);
}

TEST(CommandOutput, ListenSaysWhatItTakes) {
  for (const char* wrong : {"x", ":0", "unix:/tmp/x.sock", "127.0.0.1"}) {
    const auto refused = RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--listen", wrong});
    EXPECT_EQ(refused.code, 2) << wrong;
    EXPECT_NE(refused.output.find("--listen needs ADDRESS:PORT"), std::string::npos) << refused.output;
    EXPECT_EQ(refused.output.find("unix:/path"), std::string::npos) << refused.output;
  }
  for (const char* right : {"127.0.0.1:0", "[::1]:8080", "localhost:8080"})
    EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "--validate-config", "--listen", right}).code, 0) << right;
}

TEST(CommandOutput, WhereRunTimeChangesCannotBeKeptACheckSaysSo) {
  TemporaryFolder folder;
  const auto place = folder.path() / "etc";
  std::filesystem::create_directory(place);
  ASSERT_TRUE(WriteFileAtomically(place / "c.yaml", "{}\n").has_value());
  const auto run = [&](Words words) {
    // Root may write everywhere, unless it gives that right up.
    if (::geteuid() == 0)
      words.insert(words.begin(), {"/usr/bin/setpriv", "--inh-caps=-all", "--bounding-set=-all"});
    return RunToEnd(words);
  };
  const Words check = {ALTLAS_PROGRAM, "--validate-config", "--config", (place / "c.yaml").string()};
  EXPECT_EQ(run(check).output.find("cannot be kept"), std::string::npos);
  ASSERT_EQ(::chmod(place.c_str(), 0555), 0);
  if (run({"/usr/bin/test", "!", "-w", place.string()}).code != 0) GTEST_SKIP() << "no folder is closed here";
  const auto warned = run(check);
  EXPECT_EQ(warned.code, 0) << warned.output;
  EXPECT_NE(warned.output.find("warning: " + check.back() + ": this user may not write to " + place.string()),
            std::string::npos)
      << warned.output;
  EXPECT_NE(warned.output.find("ReadWritePaths=" + place.string()), std::string::npos) << warned.output;
  ASSERT_EQ(::chmod(place.c_str(), 0755), 0);
}

}  // namespace
}  // namespace altlas::testing_process
