// SPDX-License-Identifier: Apache-2.0
// `alt_las profile analyze` and `diff` as scripts and people call them.
#include <gtest/gtest.h>

#include <filesystem>

#include "profile/analysis.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

// One launch under Nsight Compute, as its details page prints it.
const std::string kNcuCsv =
    "==PROF== Connected to process 1\n"
    R"("ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC",)"
    R"("Section Name","Metric Name","Metric Unit","Metric Value","Rule Name","Rule Type","Rule Description",)"
    R"("Estimated Speedup Type","Estimated Speedup")"
    "\n"
    R"csv("0","1","a.out","host","add(float *)","1","7","(256, 1, 1)","(64, 1, 1)","0","8.0","S","Duration","us","2.50",)csv"
    "\n"
    R"csv("0","1","a.out","host","add(float *)","1","7","(256, 1, 1)","(64, 1, 1)","0","8.0","S","Compute (SM) Throughput","%","12.5",)csv"
    "\n";

std::string PathIn(const TemporaryFolder& folder, const std::string& name) {
  return (folder.path() / name).string();
}

// A summary of kernels that follow one another.
void WriteRun(const std::string& path, const std::vector<std::pair<std::string, profile::Ns>>& kernels) {
  profile::Analysis analysis;
  analysis.Begin();
  profile::Ns at = 0;
  for (const auto& [name, length] : kernels) {
    profile::KernelEvent event;
    event.start = at;
    event.end = at += length;
    event.name = name;
    analysis.OnKernel(event);
  }
  analysis.End({});
  ASSERT_TRUE(profile::WriteSummary(path, analysis.Summarize()).has_value());
}

TEST(ProfileCommand, WhatAScriptReadsIsJsonWithTheMeanKernelTimeAtItsTop) {
  TemporaryFolder folder;
  const auto capture = PathIn(folder, "kernels.csv");
  ASSERT_TRUE(WriteFileAtomically(capture, kNcuCsv).has_value());
  const auto done = RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", capture});
  EXPECT_EQ(done.code, 0) << done.output;
  const auto json = Json::parse(done.output, nullptr, false);
  ASSERT_TRUE(json.is_object()) << done.output;
  EXPECT_EQ(json["avg_kernel_time"], 0.0025);
  EXPECT_EQ(json["sm_efficiency_percent"], 12.5);
  EXPECT_EQ(json["provenance"]["coalescing_percent"]["kind"], "absent");
  EXPECT_FALSE(json.contains("coalescing_percent"));
  // The script of the document, away from this tree: it finds the program on PATH.
  const auto script = folder.path() / "compat" / "analyze_profile.py";
  std::filesystem::create_directories(script.parent_path());
  for (const auto* name : {"analyze_profile.py", "alt_las.py"})
    std::filesystem::copy_file(std::filesystem::path(ALTLAS_SOURCE_DIR) / "compat" / name,
                               script.parent_path() / name);
  const auto programs = std::filesystem::path(ALTLAS_PROGRAM).parent_path().string();
  const auto scripted =
      RunToEnd({"/bin/sh", "-c", "PATH=\"$0:$PATH\" python3 \"$1\" \"$2\" > \"$3\"", programs,
                script.string(), capture, PathIn(folder, "profile_summary.json")});
  EXPECT_EQ(scripted.code, 0) << scripted.output;
  EXPECT_EQ(ReadFile(PathIn(folder, "profile_summary.json"), 1 << 20).value(), done.output);
}

TEST(ProfileCommand, TablesAreForPeopleAndHideNoControlCharacter) {
  TemporaryFolder folder;
  const auto run = PathIn(folder, "run.json");
  WriteRun(run, {{"void gemm<float>(float*)", 3'000'000}, {"\x1b[31mred", 1'000'000}});
  const auto copy = PathIn(folder, "copy.json");
  const auto done = RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", run, "--output", copy});
  EXPECT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("gemm<float>"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("75.0 %"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("\\x1b[31mred"), std::string::npos) << done.output;
  EXPECT_EQ(done.output.find('\x1b'), std::string::npos);
  EXPECT_EQ(Json::parse(ReadFile(copy, 1 << 20).value()), Json::parse(ReadFile(run, 1 << 20).value()));
  // A summary of somebody else: no word of it reaches the terminal as it is.
  auto json = Json::parse(ReadFile(run, 1 << 20).value());
  json["sources"] = Json::parse(R"([{"path": "a", "format": "\u001b]0;x\u0007"}])");
  json["warnings"] = Json::parse(R"([{"severity": "\u001b[2J", "text": "b", "source": 0}])");
  const auto hostile = PathIn(folder, "hostile.json");
  ASSERT_TRUE(WriteFileAtomically(hostile, json.dump()).has_value());
  const auto shown = RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", hostile, "--output", copy});
  EXPECT_EQ(shown.code, 0) << shown.output;
  EXPECT_NE(shown.output.find("[2J"), std::string::npos) << shown.output;
  EXPECT_EQ(shown.output.find_first_of("\x1b\x07"), std::string::npos);
}

TEST(ProfileCommand, ATableAsCsvNeitherBreaksItsRowsNorRunsInASpreadsheet) {
  TemporaryFolder folder;
  const auto run = PathIn(folder, "run.json");
  WriteRun(run, {{"=cmd(\"x\",1)", 10}});
  const auto done = RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", run, "--csv", "kernels"});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.output,
            "name,count,total_ns,mean_ns,median_ns,p95_ns,min_ns,max_ns,stddev_ns,share,full_name\r\n"
            "'=cmd,1,10,10,10,10,10,10,0,1,\"'=cmd(\"\"x\"\",1)\"\r\n");
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", run, "--csv", "nonsense"}).code, 2);
}

TEST(ProfileCommand, ACaptureWithoutKernelsAndOperatorsFailsWithASentence) {
  TemporaryFolder folder;
  const auto empty = PathIn(folder, "empty.json");
  WriteRun(empty, {});
  const auto done = RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", empty, "--csv", "figures"});
  EXPECT_EQ(done.code, 1);
  EXPECT_NE(done.output.find("avg_kernel_time is not given: no kernels in this capture"), std::string::npos)
      << done.output;
}

TEST(ProfileCommand, FilesThatAreNoCapturesAreRefusedWithAReason) {
  TemporaryFolder folder;
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", PathIn(folder, "nothing")}).code, 3);
  const auto foreign = PathIn(folder, "foreign");
  ASSERT_TRUE(WriteFileAtomically(foreign, "hello").has_value());
  const auto done = RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", foreign});
  EXPECT_EQ(done.code, 2) << done.output;
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "profile", "analyze"}).code, 2);
  const auto run = PathIn(folder, "run.json");
  WriteRun(run, {{"k", 10}});
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "profile", "analyze", run, run}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "profile", "diff", run}).code, 2);
  EXPECT_EQ(RunToEnd({ALTLAS_PROGRAM, "profile", "diff", "--before", run}).code, 2);
}

TEST(ProfileCommand, ADifferenceIsDividedIntoPartsThatAddUp) {
  TemporaryFolder folder;
  const auto a = PathIn(folder, "a.json");
  const auto b = PathIn(folder, "b.json");
  const auto c = PathIn(folder, "c.json");
  WriteRun(a, {{"k", 100}, {"k", 100}, {"gone", 7}});
  WriteRun(b, {{"k", 130}, {"k", 130}, {"k", 130}});
  WriteRun(c, {{"k", 132}, {"k", 132}, {"k", 132}});
  const auto two = Json::parse(RunToEnd({ALTLAS_PROGRAM, "profile", "diff", a, b}).output, nullptr, false);
  ASSERT_TRUE(two.is_object());
  EXPECT_EQ(two["whole_ns"]["delta"], 183);
  double sum = 0;
  for (const auto& term : two["terms"]) sum += term["delta_ns"].get<double>();
  EXPECT_EQ(sum, 183);
  EXPECT_FALSE(two["whole_ns"].contains("noise"));
  const auto three = Json::parse(
      RunToEnd({ALTLAS_PROGRAM, "profile", "diff", "--before", a, "--after", b, c}).output, nullptr, false);
  ASSERT_TRUE(three.is_object());
  EXPECT_EQ(three["runs_after"], 2);
  EXPECT_TRUE(three["whole_ns"]["beyond_noise"].get<bool>()) << three.dump();
}

}  // namespace
}  // namespace altlas::testing_process
