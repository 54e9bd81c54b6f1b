// SPDX-License-Identifier: Apache-2.0
#include "profile/tool_commands.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace altlas::profile {
namespace {

std::string Line(const std::vector<std::string>& command) {
  return fmt::format("{}", fmt::join(command, " "));
}

ProfileRequest Request(ProfileTool tool) {
  ProfileRequest request;
  request.tool = tool;
  request.command = {"python", "bench.py", "--sample=cpu"};
  return request;
}

InstalledTools Both(ToolVersion nsys = {2025, 3, 1}, ToolVersion ncu = {2025, 2, 0}) {
  InstalledTools tools;
  tools.nsys = nsys;
  tools.ncu = ncu;
  return tools;
}

TEST(ToolCommands, VersionsAreFoundInWhatTheToolsPrint) {
  EXPECT_EQ(ParseToolVersion("NVIDIA Nsight Systems version 2024.5.1.113-245134619542v0\n"),
            (ToolVersion{2024, 5, 1}));
  EXPECT_EQ(
      ParseToolVersion(
          "NVIDIA (R) Nsight Compute Command Line Profiler\nCopyright (c) 2018-2023 NVIDIA Corporation\n"
          "Version 2023.2.1.0 (build 33050884) (public-release)\n"),
      (ToolVersion{2023, 2, 1}));
  EXPECT_EQ(ParseToolVersion("Copyright (c) 2012-2019. All rights"), std::nullopt);
  EXPECT_EQ(ParseToolVersion("bash: nsys: command not found"), std::nullopt);
  EXPECT_EQ(ParseToolVersion(""), std::nullopt);
}

TEST(ToolCommands, TheSystemProfileUsesFlagsThatCurrentVersionsTake) {
  const auto plan = PlanProfile(Request(ProfileTool::kNsys), Both(), "/out");
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->steps.size(), 1u);
  EXPECT_EQ(
      Line(plan->steps[0].command),
      "nsys profile --output=/out/system_profile --force-overwrite=true --trace=cuda,nvtx,osrt,cudnn,cublas "
      "--sample=none --cpuctxsw=none python bench.py --sample=cpu");
  EXPECT_EQ(plan->steps[0].result, "/out/system_profile.nsys-rep");
  EXPECT_TRUE(plan->steps[0].runs_command);
  EXPECT_FALSE(plan->inject);
}

TEST(ToolCommands, AnOldSystemProfilerGetsWhatItKnows) {
  const auto plan = PlanProfile(Request(ProfileTool::kNsys), Both({2020, 2, 0}), "/out");
  EXPECT_EQ(Line(plan->steps[0].command).find("--cpuctxsw"), std::string::npos);
  EXPECT_EQ(plan->steps[0].result, "/out/system_profile.qdrep");
}

TEST(ToolCommands, ADurationEndsTheRecordingAndNotTheCommand) {
  auto request = Request(ProfileTool::kNsys);
  request.duration_s = 29.6;
  const auto line = Line(PlanProfile(request, Both(), "/out")->steps[0].command);
  EXPECT_NE(line.find(" --duration=30 --kill=none "), std::string::npos) << line;
}

TEST(ToolCommands, TheKernelProfileFiltersByRegularExpression) {
  auto request = Request(ProfileTool::kNcu);
  request.kernel_regex = ".*gemm.*";
  request.launch_skip = 5;
  request.launch_count = 3;
  const auto plan = PlanProfile(request, Both(), "/out");
  ASSERT_EQ(plan->steps.size(), 3u);
  EXPECT_EQ(Line(plan->steps[0].command),
            "ncu --export=/out/kernel_profile --force-overwrite --target-processes=all --replay-mode=kernel "
            "--kernel-name=regex:.*gemm.* --launch-skip=5 --launch-count=3 --set=detailed python bench.py "
            "--sample=cpu");
  EXPECT_EQ(Line(plan->steps[1].command),
            "ncu --import /out/kernel_profile.ncu-rep --csv --page details --print-units base");
  EXPECT_EQ(plan->steps[1].output_file, "/out/kernel_details.csv");
  EXPECT_FALSE(plan->steps[1].runs_command);
  EXPECT_EQ(plan->steps[2].output_file, "/out/kernel_raw.csv");
  const auto old = PlanProfile(request, Both({2025, 1, 1}, {2019, 5, 0}), "/out");
  EXPECT_NE(Line(old->steps[0].command).find(" --kernel-regex=.*gemm.* "), std::string::npos);
  request.metrics = {"gpu__time_duration.sum", "dram__bytes.sum"};
  const auto metrics = Line(PlanProfile(request, Both(), "/out")->steps[0].command);
  EXPECT_NE(metrics.find(" --metrics=gpu__time_duration.sum,dram__bytes.sum "), std::string::npos);
  EXPECT_EQ(metrics.find("--set"), std::string::npos);
}

TEST(ToolCommands, BothRunOneAfterTheOther) {
  const auto plan = PlanProfile(Request(ProfileTool::kBoth), Both(), "/out");
  ASSERT_EQ(plan->steps.size(), 4u);
  EXPECT_EQ(plan->steps[0].command[0], "nsys");
  EXPECT_EQ(plan->steps[1].command[0], "ncu");
  EXPECT_EQ(plan->notes.size(), 2u);
}

TEST(ToolCommands, AFlagOfTheUsersReplacesOurs) {
  auto request = Request(ProfileTool::kNsys);
  request.flags = {"--sample=process-tree", "-t", "--gpu-metrics-devices=all"};
  const auto line = Line(PlanProfile(request, Both(), "/out")->steps[0].command);
  EXPECT_EQ(line.find("--sample=none"), std::string::npos);
  EXPECT_EQ(line.find("--trace="), std::string::npos);
  EXPECT_NE(line.find(" --sample=process-tree -t --gpu-metrics-devices=all python "), std::string::npos)
      << line;
}

TEST(ToolCommands, WithoutToolsTheBuiltInCollectorsRun) {
  for (const auto tool : {ProfileTool::kAuto, ProfileTool::kNsys, ProfileTool::kNcu, ProfileTool::kBoth}) {
    const auto plan = PlanProfile(Request(tool), {}, "/out");
    ASSERT_TRUE(plan.has_value());
    EXPECT_TRUE(plan->inject);
    EXPECT_TRUE(plan->tool_missing);
    EXPECT_TRUE(plan->steps.empty());
    EXPECT_EQ(plan->tool, ProfileTool::kBuiltin);
  }
  const auto torch = PlanProfile(Request(ProfileTool::kTorch), Both(), "/out");
  EXPECT_TRUE(torch->inject);
  EXPECT_FALSE(torch->tool_missing);
  EXPECT_EQ(PlanProfile(Request(ProfileTool::kAuto), Both(), "/out")->tool, ProfileTool::kNsys);
}

TEST(ToolCommands, WrongRequestsAreNamed) {
  const auto field = [](const ProfileRequest& request) {
    const auto plan = PlanProfile(request, Both(), "/out");
    return plan.has_value() ? std::string("accepted") : plan.error().field;
  };
  auto request = Request(ProfileTool::kNsys);
  request.command.clear();
  EXPECT_EQ(field(request), "command");
  request = Request(ProfileTool::kNsys);
  request.trace = {"cuda", "cpu"};
  EXPECT_EQ(field(request), "--trace");
  request = Request(ProfileTool::kNsys);
  request.kernel_regex = "a";
  EXPECT_EQ(field(request), "--tool");
  request = Request(ProfileTool::kNcu);
  request.trace = {"cuda"};
  EXPECT_EQ(field(request), "--trace");
  request = Request(ProfileTool::kNcu);
  request.duration_s = 3;
  EXPECT_EQ(field(request), "--duration");
  request = Request(ProfileTool::kNsys);
  request.duration_s = 0;
  EXPECT_EQ(field(request), "--duration");
}

TEST(ToolCommands, TheDocumentsMinimumsAreChecked) {
  MachineFacts facts;
  facts.os_id = "ubuntu";
  facts.os_version = "22.04";
  facts.cuda = "11.10";
  facts.driver = "470.57.02";
  facts.compute_capabilities = {8.6, 7.0};
  for (const auto& check : CheckMinimums(facts)) EXPECT_EQ(check.holds, true) << check.what;
  facts.os_version = "18.04";
  facts.cuda = "11.3";
  facts.driver = "470.57.01";
  facts.compute_capabilities = {8.6, 6.1};
  for (const auto& check : CheckMinimums(facts)) EXPECT_EQ(check.holds, false) << check.what;
  for (const auto& check : CheckMinimums({})) EXPECT_EQ(check.holds, std::nullopt) << check.what;
}

TEST(ToolCommands, VersionsCompareByNumbers) {
  EXPECT_LT(CompareVersions("11.4", "11.10"), 0);
  EXPECT_EQ(CompareVersions("470.57.02", "470.57.2"), 0);
  EXPECT_GT(CompareVersions("12", "11.9.9"), 0);
  EXPECT_EQ(CompareVersions("", "0"), 0);
}

TEST(ToolCommands, InstallLinesAreForThisSystem) {
  EXPECT_NE(InstallLines({.os_id = "ubuntu", .os_version = "24.04"})[0].find("/ubuntu2404/"),
            std::string::npos);
  EXPECT_NE(InstallLines({.os_id = "debian", .os_version = "12"})[0].find("/debian12/"), std::string::npos);
  EXPECT_NE(InstallLines({.os_id = "gentoo", .os_version = "2"})[0].find("developer.nvidia.com"),
            std::string::npos);
}

}  // namespace
}  // namespace altlas::profile
