// SPDX-License-Identifier: Apache-2.0
#include "profile/open_capture.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "profile/capture_recorder.h"
#include "profile/nsys_writer.h"

namespace altlas::profile {
namespace {

// An nsys that copies a prepared database to where it is told, or does what a broken one does.
struct FakeNsys {
  explicit FakeNsys(std::filesystem::path made = {}, int exit_code = 0)
      : database(std::move(made)), code(exit_code) {}
  std::filesystem::path database;
  int code = 0;
  int runs = 0;
  std::vector<std::string> last;

  CommandRunner AsRunner() {
    return {[](const std::string& program) {
              return program == "nsys" ? std::string("/opt/nsys") : std::string();
            },
            [this](const std::vector<std::string>& arguments) -> Result<int> {
              ++runs;
              last = arguments;
              const auto& out = arguments.at(7);
              if (!database.empty()) std::filesystem::copy_file(database, out);
              return code;
            }};
  }
};

class OpenCapture : public ::testing::Test {
 protected:
  void SetUp() override {
    MadeCapture what;
    what.kernels = 20;
    ASSERT_TRUE(WriteMadeCapture(made_, what).has_value());
    std::ofstream(report_) << "a closed format";
  }
  std::vector<std::string> FilesBeside() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  const TemporaryFolder folder_;
  const TemporaryFolder elsewhere_;
  const std::filesystem::path report_ = folder_.path() / "x.nsys-rep";
  const std::filesystem::path made_ = elsewhere_.path() / "made.sqlite";
  CaptureRecorder seen_;
};

TEST_F(OpenCapture, ContentTellsTheFormatWhateverTheNameIs) {
  std::filesystem::copy_file(made_, folder_.path() / "trace.json");
  const auto info = ReadCapture(folder_.path() / "trace.json", seen_);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(info->format, CaptureFormat::kNsysSqlite);
  EXPECT_EQ(seen_.kernels.size(), 20U);
  std::ofstream(folder_.path() / "x.sqlite")
      << "printed first\n\"ID\",\"Kernel Name\",\"m\"\n\"\",\"\",\"us\"\n\"0\",\"k\",\"1\"\n";
  const auto csv = ReadCapture(folder_.path() / "x.sqlite", seen_);
  ASSERT_TRUE(csv.has_value()) << csv.error().message;
  EXPECT_EQ(csv->format, CaptureFormat::kNcuCsv);
  EXPECT_EQ(csv->path, (folder_.path() / "x.sqlite").string());
}

TEST_F(OpenCapture, AReportIsExportedOnceAndTheExportIsUsedAgain) {
  FakeNsys nsys(made_);
  for (int i = 0; i < 2; ++i) {
    CaptureRecorder seen;
    const auto info = ReadCapture(report_, seen, {}, nsys.AsRunner());
    ASSERT_TRUE(info.has_value()) << info.error().message;
    EXPECT_EQ(info->path, report_.string());
    EXPECT_EQ(seen.kernels.size(), 20U);
  }
  EXPECT_EQ(nsys.runs, 1);
  EXPECT_EQ(nsys.last.front(), "/opt/nsys");
  EXPECT_EQ(nsys.last.back(), report_.string());
  EXPECT_EQ(FilesBeside(), (std::vector<std::string>{"x.nsys-rep", "x.sqlite"}));
}

TEST_F(OpenCapture, AZeroedExportOfAnInterruptedRunIsNotUsed) {
  std::ofstream(folder_.path() / "x.sqlite") << std::string(4096, '\0');
  FakeNsys nsys(made_);
  EXPECT_TRUE(ReadCapture(report_, seen_, {}, nsys.AsRunner()).has_value());
  EXPECT_EQ(nsys.runs, 1);
  EXPECT_EQ(seen_.kernels.size(), 20U);
}

TEST_F(OpenCapture, WithoutNsysTheSentenceSaysWhatToRun) {
  const CommandRunner none{[](const std::string&) { return std::string(); },
                           [](const std::vector<std::string>&) -> Result<int> { return 0; }};
  const auto info = ReadCapture(report_, seen_, {}, none);
  ASSERT_FALSE(info.has_value());
  EXPECT_EQ(info.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(info.error().message.find("nsys export --type sqlite x.nsys-rep"), std::string::npos);
}

TEST_F(OpenCapture, AnExportThatFailsLeavesNothingBehind) {
  FakeNsys failing({}, 1);
  FakeNsys silent;  // says it went well and writes nothing
  for (auto* nsys : {&failing, &silent}) {
    const auto info = ReadCapture(report_, seen_, {}, nsys->AsRunner());
    ASSERT_FALSE(info.has_value());
    EXPECT_EQ(info.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(FilesBeside(), std::vector<std::string>{"x.nsys-rep"});
  }
}

TEST_F(OpenCapture, TheSystemsRunnerFindsProgramsAndTellsTheirExitCode) {
  const auto system = SystemCommands();
  const auto shell = system.find("sh");
  ASSERT_FALSE(shell.empty());
  EXPECT_EQ(*system.run({shell, "-c", "echo lost; exit 7"}), 7);
  EXPECT_EQ(*system.run({shell, "-c", "kill -9 $$"}), 128 + 9);
  EXPECT_FALSE(system.run({"/no/such/program"}).has_value());
  EXPECT_EQ(system.find("no-such-program-anywhere"), "");
}

TEST_F(OpenCapture, WhatIsNoCaptureIsNamed) {
  const auto message = [&](const std::string& name) {
    const auto info = ReadCapture(folder_.path() / name, seen_);
    EXPECT_FALSE(info.has_value());
    return info.has_value() ? std::string() : info.error().message;
  };
  std::ofstream(folder_.path() / "empty") << "";
  EXPECT_NE(message("empty").find("is empty"), std::string::npos);
  std::ofstream(folder_.path() / "zeros") << std::string(100, '\0');
  EXPECT_NE(message("zeros").find("zeros only"), std::string::npos);
  std::ofstream(folder_.path() / "xml") << "<?xml version=\"1.0\"?><nvidia_smi_log/>";
  EXPECT_NE(message("xml").find("XML"), std::string::npos);
  std::ofstream(folder_.path() / "prose") << "Dear reader";
  EXPECT_NE(message("prose").find("begins \"Dear reader\""), std::string::npos);
  EXPECT_NE(message("missing").find("there is no file"), std::string::npos);
  EXPECT_NE(message(".").find("a folder"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder_.path() / "pipe").c_str(), 0600), 0);
  EXPECT_NE(message("pipe").find("a pipe"), std::string::npos);
}

}  // namespace
}  // namespace altlas::profile
