// SPDX-License-Identifier: Apache-2.0
#include "profile/run_manifest.h"

#include <gtest/gtest.h>

namespace altlas::profile {
namespace {

TEST(RunManifest, SaysWhatIsKnownAndLeavesOutWhatIsNot) {
  RunManifest manifest;
  manifest.status = "finished";
  manifest.command = {"python", "train.py"};
  manifest.tool = "builtin";
  manifest.versions["alt_las"] = "0.1.0";
  manifest.started_unix_ms = 1'700'000'000'000;
  manifest.exit_code = 3;
  manifest.processors = 2;
  manifest.git_commit = "abc";
  manifest.git_branch = "main";
  manifest.git_dirty = true;
  manifest.files.push_back({"counters.alc", "process counters", 10});
  EXPECT_EQ(
      RenderRunManifest(manifest),
      "{\"format\":\"alt_las.profile_run\",\"version\":1,\"status\":\"finished\",\"command\":[\"python\","
      "\"train.py\"],"
      "\"tool\":\"builtin\",\"versions\":{\"alt_las\":\"0.1.0\"},\"tool_commands\":[],"
      "\"started_unix_ms\":1700000000000,\"exit_code\":3,"
      "\"git\":{\"commit\":\"abc\",\"branch\":\"main\",\"dirty\":true},"
      "\"machine\":{\"processors\":2,\"memory_bytes\":0},\"devices\":[],\"environment\":{},\"notes\":[],"
      "\"files\":[{\"name\":\"counters.alc\",\"what\":\"process counters\",\"bytes\":10}]}\n");
}

TEST(RunManifest, SecretsStayOut) {
  RunManifest manifest;
  manifest.command = {"python", "up.py", "--token", "hunter2", "--password=correct-horse", "--batch", "8"};
  manifest.tool_commands = {{"nsys", "profile", "python", "--api-key", "swordfish"}};
  manifest.environment = {
      {"HF_TOKEN", "hunter3"}, {"PATH", "/usr/bin"}, {"DB", "postgres://ada:hunter4@db/x"}};
  const auto json = RenderRunManifest(manifest);
  for (const char* secret : {"hunter2", "correct-horse", "swordfish", "hunter3", "hunter4"}) {
    EXPECT_EQ(json.find(secret), std::string::npos) << secret << "\n" << json;
  }
  for (const char* plain : {"HF_TOKEN", "/usr/bin", "\"--batch\",\"8\"", "up.py"}) {
    EXPECT_NE(json.find(plain), std::string::npos) << plain << "\n" << json;
  }
}

TEST(RunManifest, WhatTheEnvironmentGivesAwayIsInNoArgumentAndNoNote) {
  RunManifest manifest;
  manifest.command = {"sh",     "x",     "-phunter2zz", "hunter2zz", "-u",      "dave:davepw12",
                      "--user", "carol", "python",      "-u",        "train.py"};
  manifest.tool_commands = {{"nsys", "profile", "sh", "-phunter2zz", "again=davepw12"}};
  manifest.notes = {"nsys said: hunter2zz is wrong"};
  manifest.environment = {{"DB_PASSWORD", "hunter2zz"}, {"DB_URL", "db?x=hunter2zz"}};
  const auto json = RenderRunManifest(manifest);
  for (const char* secret : {"hunter2zz", "dave", "davepw12", "carol"})
    EXPECT_EQ(json.find(secret), std::string::npos) << secret << "\n" << json;
  EXPECT_NE(json.find("\"python\",\"-u\",\"train.py\""), std::string::npos) << json;
}

TEST(RunManifest, ACommandLineKeepsItsNumberOfWords) {
  const std::vector<std::string> wanted = {"run", "-p[redacted]", "--token", "[redacted]", "[redacted]", "8"};
  EXPECT_EQ(RedactCommandLine({"run", "-pswordfish1", "--token", "hunter3zz", "hunter3zz", "8"},
                              {{"API_KEY", "swordfish1"}}),
            wanted);
}

}  // namespace
}  // namespace altlas::profile
