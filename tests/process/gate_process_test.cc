// SPDX-License-Identifier: Apache-2.0
// `alt_las profile gate` over real commands: what they take is never judged here, what they write is.
#include <gtest/gtest.h>
#include <signal.h>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

class Gate : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  // A command whose n-th run writes the n-th of a fixed row of kernel times around `center`: as noisy as a
  // real one, and the same on every machine.
  std::string Command(const std::string& name, double center) const {
    const auto script = Path(name + ".sh");
    const auto text = fmt::format(
        "#!/bin/sh\n"
        "n=$(cat {0}.count 2>/dev/null || echo 0); n=$((n + 1)); echo $n >{0}.count\n"
        "awk -v n=$n 'BEGIN {{ x = (n * 7919 % 101) / 101 - 0.5; printf \"{{\\\"avg_kernel_time\\\": "
        "%.6f}}\", {1} * (1 + 0.03 * "
        "x) }}' >\"$ALTLAS_SUMMARY_OUT\"\n",
        Path(name), center);
    EXPECT_TRUE(WriteFileAtomically(script, text, 0755).has_value());
    return script;
  }
  std::string Record(const std::string& command, std::vector<std::string> more = {}) {
    const auto baseline = Path("baseline.json");
    std::vector<std::string> words = {ALTLAS_PROGRAM, "profile", "gate", "record", "--baseline", baseline};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"--", command});
    const auto done = RunToEnd(words);
    EXPECT_EQ(done.code, 0) << done.output;
    ForgetOtherProcesses(baseline);
    return baseline;
  }
  // What else runs on this machine now and then would make a verdict inconclusive; that it does is tested
  // where it is made up (gate_test).
  static void ForgetOtherProcesses(const std::string& baseline) {
    auto json = Json::parse(*ReadFile(baseline, 1 << 24));
    for (auto& session : json.at("sessions")) {
      for (auto& run : session.at("runs")) run.erase("foreign_cpu");
    }
    EXPECT_TRUE(WriteFileAtomically(baseline, json.dump()).has_value());
  }
  Finished Judge(std::vector<std::string> more) {
    std::vector<std::string> words = {ALTLAS_PROGRAM, "profile", "gate"};
    words.insert(words.end(), more.begin(), more.end());
    return RunToEnd(words);
  }
  TemporaryFolder folder_;
};

constexpr const char* kMetric = "avg_kernel_time";

TEST_F(Gate, PassesWhatIsEqualAndFailsWhatIsSlower) {
  const auto baseline = Record(Command("base", 10));
  const auto same = Judge({"--baseline", baseline, "--metric", kMetric, "--", Command("same", 10)});
  EXPECT_EQ(same.code, 0) << same.output;
  EXPECT_NE(same.output.find("PASS"), std::string::npos) << same.output;
  const auto slower = Judge({"--baseline", baseline, "--metric", kMetric, "--", Command("slower", 10.6)});
  EXPECT_EQ(slower.code, 1) << slower.output;
  EXPECT_NE(slower.output.find("FAIL"), std::string::npos) << slower.output;
  const auto loose = Judge(
      {"--baseline", baseline, "--metric", kMetric, "--threshold", "20%", "--", Command("loose", 10.6)});
  EXPECT_EQ(loose.code, 0) << loose.output;
}

TEST_F(Gate, ComparesTwoCommandsInTurns) {
  const auto against = [&](double center) {
    return Judge({"--against", Command("a", 10), "--metric", kMetric, "--", Command("b", center)});
  };
  EXPECT_EQ(against(10).code, 0);
  const auto slower = against(10.6);
  EXPECT_EQ(slower.code, 1) << slower.output;
}

TEST_F(Gate, WritesJsonJunitAndMarkdown) {
  const auto baseline = Record(Command("base", 10));
  const auto report = Judge({"--baseline", baseline, "--metric", kMetric, "--json", "--junit", Path("j.xml"),
                             "--markdown", Path("m.md"), "--", Command("slower", 11)});
  EXPECT_EQ(report.code, 1);
  const auto json = Json::parse(report.output);
  EXPECT_EQ(json["outcome"], "FAIL");
  EXPECT_EQ(json["metrics"][0]["name"], kMetric);
  EXPECT_NEAR(json["metrics"][0]["shift_percent"].get<double>(), 10, 1.5);
  EXPECT_NE(ReadFile(Path("j.xml"), 1 << 20)->find("<failure"), std::string::npos);
  EXPECT_NE(ReadFile(Path("m.md"), 1 << 20)->find("## Performance gate: FAIL"), std::string::npos);
}

TEST_F(Gate, SummariesOfRunsAlreadyMadeAreJudgedToo) {
  std::vector<std::string> base;
  std::vector<std::string> head;
  for (int i = 0; i < 24; ++i) {
    for (auto* files : {&base, &head}) {
      files->push_back(Path(fmt::format("{}_{}.json", files == &base ? "base" : "head", i)));
      const double value = (files == &base ? 10 : 11) * (1 + 0.001 * (i * 37 % 24));
      ASSERT_TRUE(
          WriteFileAtomically(files->back(), fmt::format("{{\"avg_kernel_time\": {}}}", value)).has_value());
    }
  }
  auto record = base;
  record.insert(record.begin(), {ALTLAS_PROGRAM, "profile", "gate", "record", "--baseline", Path("b.json")});
  EXPECT_EQ(RunToEnd(record).code, 0);
  auto again = base;
  again.insert(again.begin(), {"--baseline", Path("b.json")});
  EXPECT_EQ(Judge(again).code, 0);
  head.insert(head.begin(), {"--baseline", Path("b.json")});
  EXPECT_EQ(Judge(head).code, 1);
  const auto few = Judge({"--baseline", Path("b.json"), head.back()});
  EXPECT_EQ(few.code, 3);
  EXPECT_NE(few.output.find("too-few-runs"), std::string::npos) << few.output;
}

TEST_F(Gate, TheDocumentsRuleJudgesOneSummary) {
  const auto summary = [&](double value) {
    EXPECT_TRUE(
        WriteFileAtomically(Path("s.json"), fmt::format("{{\"avg_kernel_time\": {}}}", value)).has_value());
    return Judge({"--rule", "document", "--threshold", "200ms", Path("s.json")}).code;
  };
  EXPECT_EQ(summary(17.7), 0);
  EXPECT_EQ(summary(250), 1);
  EXPECT_EQ(Judge({"--threshold", "200ms", Path("s.json")}).code, 3);
}

TEST_F(Gate, AnotherEnvironmentIsRefusedBeforeAnyRunUnlessAllowed) {
  const auto baseline = Record(Command("base", 10));
  auto json = Json::parse(*ReadFile(baseline, 1 << 24));
  json["environment"]["kernel"] = "Linux 2.6.18";
  ASSERT_TRUE(WriteFileAtomically(baseline, json.dump()).has_value());
  const auto command = Command("same", 10);
  const auto refused = Judge({"--baseline", baseline, "--metric", kMetric, "--", command});
  EXPECT_EQ(refused.code, 3) << refused.output;
  EXPECT_NE(refused.output.find("2.6.18"), std::string::npos) << refused.output;
  EXPECT_FALSE(std::filesystem::exists(Path("same.count")));
  const auto allowed =
      Judge({"--baseline", baseline, "--metric", kMetric, "--allow-different-environment", "--", command});
  EXPECT_EQ(allowed.code, 0) << allowed.output;
  const auto record =
      RunToEnd({ALTLAS_PROGRAM, "profile", "gate", "record", "--baseline", baseline, "--", command});
  EXPECT_EQ(record.code, 2);
  EXPECT_NE(record.output.find("--replace"), std::string::npos) << record.output;
}

TEST_F(Gate, ACommandThatFailsIsNoVerdictAndTheBaselineStays) {
  const auto baseline = Record(Command("base", 10));
  const auto before = *ReadFile(baseline, 1 << 24);
  const std::vector<std::pair<std::string, std::string>> failures = {
      {"echo out of memory >&2; exit 7", "out of memory"},
      {"kill -SEGV $$", "killed by signal 11"},
      {"echo nonsense >$ALTLAS_SUMMARY_OUT", "ALTLAS_SUMMARY_OUT"}};
  for (const auto& [line, said] : failures) {
    for (const bool record : {false, true}) {
      std::vector<std::string> words = {ALTLAS_PROGRAM, "profile", "gate"};
      if (record) words.emplace_back("record");
      words.insert(words.end(), {"--baseline", baseline, "--", "sh", "-c", line});
      const auto done = RunToEnd(words);
      EXPECT_EQ(done.code, 2) << done.output;
      EXPECT_NE(done.output.find(said), std::string::npos) << done.output;
    }
  }
  EXPECT_EQ(Judge({"--baseline", baseline, "--", "/nonexistent/program"}).code, 2);
  EXPECT_EQ(Judge({"--baseline", baseline, "--timeout", "0.3", "--", "sleep", "600"}).code, 2);
  EXPECT_EQ(*ReadFile(baseline, 1 << 24), before);
}

TEST_F(Gate, CtrlCEndsTheRunAndLeavesTheBaselineAsItWas) {
  const auto baseline = Record(Command("base", 10));
  const auto before = *ReadFile(baseline, 1 << 24);
  const auto pid_file = Path("pid");
  Child child({ALTLAS_PROGRAM, "profile", "gate", "record", "--baseline", baseline, "--", "sh", "-c",
               "echo $$ >" + pid_file + ".new; mv " + pid_file + ".new " + pid_file + "; sleep 600"},
              Path("output"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(pid_file); }));
  child.Signal(SIGINT);
  EXPECT_EQ(child.Wait(), 130);
  const auto run = std::stoi(*ReadFile(pid_file, 100));
  EXPECT_TRUE(Eventually([&] { return ::kill(run, 0) != 0; }));
  EXPECT_EQ(*ReadFile(baseline, 1 << 24), before);
  EXPECT_NE(ReadFile(Path("output"), 1 << 20)->find("is as it was"), std::string::npos);
}

TEST_F(Gate, SignalsEndTheRunWithTheirCodeAndLeaveNothing) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    const auto pid_file = Path(fmt::format("pid{}", signal));
    const auto temporary = Path(fmt::format("tmp{}", signal));
    std::filesystem::create_directory(temporary);
    Child child({"/usr/bin/env", "TMPDIR=" + temporary, ALTLAS_PROGRAM, "profile", "gate", "record",
                 "--baseline", Path("none.json"), "--", "sh", "-c",
                 "echo $$ >" + pid_file + ".new; mv " + pid_file + ".new " + pid_file + "; sleep 600"},
                Path("output"));
    ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(pid_file); }));
    child.Signal(signal);
    EXPECT_EQ(child.Wait(), 128 + signal);
    const auto run = std::stoi(*ReadFile(pid_file, 100));
    EXPECT_TRUE(Eventually([&] { return ::kill(run, 0) != 0; }));
    EXPECT_TRUE(std::filesystem::is_empty(temporary));
    EXPECT_FALSE(std::filesystem::exists(Path("none.json")));
    EXPECT_NE(ReadFile(Path("output"), 1 << 20)->find("none.json was not made"), std::string::npos);
  }
}

// The capture of a run says "kernel" and "driver" in its tool's spelling; both are hard facts of the machine.
TEST_F(Gate, ABaselineIsOfItsOwnMachineWhateverTheCapturesSay) {
  const auto script = Path("nsys.sh");
  ASSERT_TRUE(WriteFileAtomically(script,
                                  "#!/bin/sh\necho '{\"schema\": \"altlas.profile_summary\", "
                                  "\"schema_version\": 1, \"avg_kernel_time\": 1.5, \"environment\": "
                                  "{\"kernel\": \"5.10.1\", \"driver\": \"525.105.17\", \"cores\": \"3\"}}' "
                                  ">\"$ALTLAS_SUMMARY_OUT\"\n",
                                  0755)
                  .has_value());
  const auto baseline = Record(script, {"--runs", "10"});
  const auto environment = Json::parse(*ReadFile(baseline, 1 << 24))["environment"];
  EXPECT_TRUE(environment["kernel"].get<std::string>().starts_with("Linux ")) << environment;
  EXPECT_EQ(environment["capture_kernel"], "5.10.1");
  Record(script, {"--runs", "5"});
  const auto judged = Judge({"--baseline", baseline, "--metric", kMetric, "--", script});
  EXPECT_EQ(judged.output.find("no run was made"), std::string::npos) << judged.output;
  EXPECT_EQ(judged.code, 0) << judged.output;
}

TEST_F(Gate, NoSecretOfTheCommandIsWrittenDown) {
  const std::vector<std::string> command = {
      "--", "true", "--token", "hunter2zz", "https://bob:urlpw12@h/", "Authorization: Bearer abcdef123456"};
  const auto check = [](const std::string& text) {
    for (const auto* secret : {"hunter2zz", "urlpw12", "abcdef123456"})
      EXPECT_EQ(text.find(secret), std::string::npos) << text;
  };
  std::vector<std::string> record = {ALTLAS_PROGRAM, "profile", "gate", "record",   "--baseline",
                                     Path("s.json"), "--runs",  "5",    "--warmup", "0"};
  record.insert(record.end(), command.begin(), command.end());
  const auto done = RunToEnd(record);
  ASSERT_EQ(done.code, 0) << done.output;
  check(*ReadFile(Path("s.json"), 1 << 20));
  std::vector<std::string> judge = {"--against",   "API_TOKEN=hunter2zz true",
                                    "--runs",      "5",
                                    "--warmup",    "0",
                                    "--json",      "--junit",
                                    Path("j.xml"), "--markdown",
                                    Path("m.md")};
  judge.insert(judge.end(), command.begin(), command.end());
  check(Judge(judge).output);
  check(*ReadFile(Path("j.xml"), 1 << 20));
  check(*ReadFile(Path("m.md"), 1 << 20));
}

TEST_F(Gate, NoOutputOverwritesWhatIsRead) {
  const auto text = std::string(R"({"avg_kernel_time": 17.7})");
  const auto summary = Path("s.json");
  ASSERT_TRUE(WriteFileAtomically(summary, text).has_value());
  std::filesystem::create_symlink(summary, Path("soft.json"));
  std::filesystem::create_hard_link(summary, Path("hard.json"));
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {ALTLAS_PROGRAM, "profile"});
    const auto done = RunToEnd(words);
    EXPECT_EQ(done.code, 2) << done.output;
    EXPECT_NE(done.output.find("would overwrite what is read"), std::string::npos) << done.output;
    EXPECT_EQ(*ReadFile(summary, 100), text);
  };
  for (const auto* name : {"s.json", "soft.json", "hard.json"}) {
    const auto output = Path(name);
    refused({"analyze", summary, "-o", output});
    refused({"report", summary, "-o", output});
    refused({"report", Path("other.json"), "--baseline", summary, "-o", output});
    refused({"gate", "--rule", "document", "--junit", output, summary});
    refused({"gate", "--baseline", summary, "--markdown", output, "--", "true"});
    refused({"gate", "record", "--baseline", output, summary});
  }
  const auto twice = Judge({"--rule", "document", "--junit", Path("n"), "--markdown", Path("./n"), summary});
  EXPECT_EQ(twice.code, 2);
  EXPECT_NE(twice.output.find("are one file"), std::string::npos) << twice.output;
  EXPECT_EQ(Judge({"--rule", "document", "--junit", "/dev/null", "--markdown", "/dev/null", summary}).code,
            0);
}

TEST_F(Gate, AVerdictThatCannotBePrintedIsNone) {
  ASSERT_TRUE(WriteFileAtomically(Path("s.json"), R"({"avg_kernel_time": 17.7})").has_value());
  for (const auto* where : {"> /dev/full", ">&-"}) {
    const auto lost =
        RunToEnd({"/bin/sh", "-c", fmt::format("exec \"$0\" \"$@\" {}", where), ALTLAS_PROGRAM, "profile",
                  "gate", "--rule", "document", "--threshold", "200ms", Path("s.json")});
    EXPECT_EQ(lost.code, 2) << lost.output;
    EXPECT_NE(lost.output.find("standard output cannot be written"), std::string::npos) << lost.output;
  }
}

// Root may write anywhere, so the folder that cannot be written is one that is not there.
TEST_F(Gate, AnOutputThatIsALinkIsAskedForItsTarget) {
  ASSERT_TRUE(WriteFileAtomically(Path("s.json"), R"({"avg_kernel_time": 17.7})").has_value());
  std::filesystem::create_symlink(Path("gone/j.xml"), Path("link"));
  const auto judge = [&] { return Judge({"--rule", "document", "--junit", Path("link"), Path("s.json")}); };
  const auto refused = judge();
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.output.find("there is no folder"), std::string::npos) << refused.output;
  std::filesystem::create_directory(Path("gone"));
  EXPECT_EQ(judge().code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link")));
  EXPECT_TRUE(std::filesystem::is_regular_file(Path("gone/j.xml")));
}

TEST_F(Gate, RecordingAgainAddsASessionAndReplaceBeginsAnew) {
  const auto command = Command("base", 10);
  const auto baseline = Record(command, {"--runs", "10"});
  Record(command, {"--runs", "6"});
  auto json = Json::parse(*ReadFile(baseline, 1 << 24));
  ASSERT_EQ(json["sessions"].size(), 2u);
  EXPECT_EQ(json["sessions"][1]["metrics"]["wall"]["values"].size(), 6u);
  EXPECT_EQ(json["environment"]["command"], command);
  Record(command, {"--replace", "--runs", "6"});
  json = Json::parse(*ReadFile(baseline, 1 << 24));
  EXPECT_EQ(json["sessions"].size(), 1u);
}

TEST_F(Gate, WrongUsageExitsWithTwoAndSaysWhatIsMissing) {
  const auto refused = [&](std::vector<std::string> words, const std::string& said) {
    const auto done = Judge(std::move(words));
    EXPECT_EQ(done.code, 2) << done.output;
    EXPECT_NE(done.output.find(said), std::string::npos) << done.output;
  };
  refused({}, "nothing to judge");
  refused({"--", "true"}, "--baseline FILE or --against");
  refused({"--baseline", Path("none.json"), "--", "true"}, "none.json");
  refused({"--threshold", "5", "--against", "true", "--", "true"}, "the unit is missing");
  refused({"--threshold", "200ms", "--against", "true", "--", "true"}, "a limit (200ms)");
  refused({"--rule", "document", "--threshold", "5%", "x.json"}, "not with a share");
  refused({"--rule", "guess", "x.json"}, "--rule");
  refused({"--baseline", "b", "--against", "true", "--", "true"}, "exclude each other");
  refused({"--against", "true", "x.json"}, "--against needs a command");
  refused({"--baseline", "b", "x.json", "--", "true"}, "not expected: true");
  refused({"--baseline", "b", "--runs", "0", "--", "true"}, "--runs");
  const auto help = Judge({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.output.find("Examples:"), std::string::npos);
  EXPECT_NE(help.output.find("3 INCONCLUSIVE"), std::string::npos);
}

}  // namespace
}  // namespace altlas::testing_process
