// SPDX-License-Identifier: Apache-2.0
// The injected library in a program of its own, over a stand-in for libcupti: what is tested is the way from
// CUPTI's records to the collector's file, and what is said where CUPTI refuses. A GPU's activity is another
// matter.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "profile/capture_lines.h"
#include "profile/collector_file.h"

namespace altlas::cuda {
namespace {

struct Injected {
  int status = 0;
  std::string said;  // on standard error
  profile::CaptureLines records;
  Result<profile::CaptureInfo> info = Fail(ErrorCode::kNotFound, "no file");
};

Injected Inject(const std::string& mode, const std::string& argument = "",
                const std::string& library = ALTLAS_FAKE_CUPTI) {
  TemporaryFolder folder;
  const auto line = "CUDA_INJECTION64_PATH='" ALTLAS_CUPTI_COLLECTOR "' ALTLAS_CUPTI_LIBRARY='" + library +
                    "' ALTLAS_FAKE_CUPTI='" + mode + "' ALTLAS_PROFILE_OUTPUT='" + folder.path().string() +
                    "' exec '" ALTLAS_FAKE_CUDA_PROGRAM "' " + argument + " 2>'" +
                    (folder.path() / "said").string() + "'";
  Injected injected;
  injected.status = std::system(("(" + line + ")").c_str());
  injected.said = ReadFile(folder.path() / "said", 1 << 20).value_or("");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().filename().string().starts_with("gpu-"))
      injected.info = profile::ReadCollector(entry.path(), injected.records);
  }
  return injected;
}

// `text` with every word that begins with `head` and goes on in `tail` replaced.
std::string Replaced(std::string text, const std::string& head, const std::string& tail,
                     const std::string& by) {
  for (auto at = text.find(head); at != std::string::npos;
       at = text.find(head, at + head.size() + by.size())) {
    const auto from = at + head.size();
    const auto end = std::min(text.find_first_not_of(tail, from), text.size());
    text.replace(from, end - from, by);
  }
  return text;
}

// Times depend on when the process began: what remains is what the stand-in says.
std::string WithoutTimes(const profile::CaptureLines& records) {
  auto text = records.text();
  for (const char* kind : {"kernel ", "copy ", "memset ", "api ", "sync "})
    text = Replaced(text, kind, "-0123456789.", "T");
  return Replaced(text, "proc ", "0123456789", "P");
}

constexpr const char* kActivity =
    "kernel T \"void gemm<float>(float*, int)\" dev 1 ctx 2 stream 7 corr 5 proc P grid 3x3x3 block 4x4x4 "
    "regs 32 "
    "shared 64+128 graph false\n"
    "copy T host to device (pageable -> device) 4096 B dev 0 stream 0 corr 6\n"
    "memset T 256 B dev 0 stream 0 corr 0\n"
    "api T cudaLaunchKernel thread 167772171 corr 5 result 0\n"
    "sync T stream dev -1 stream 7 corr 0";

TEST(CuptiCollector, GpuActivityGoesToTheFile) {
  const auto injected = Inject("");
  EXPECT_EQ(WEXITSTATUS(injected.status), 7);
  ASSERT_TRUE(injected.info.has_value()) << injected.said;
  EXPECT_EQ(WithoutTimes(injected.records), kActivity);
  EXPECT_TRUE(injected.info->present.kernels);
  ASSERT_EQ(injected.info->notes.size(), 1u);
  EXPECT_NE(injected.info->notes[0].text.find("dropped 3 records"), std::string::npos);
  // The lengths are CUPTI's: 200 ns of kernel.
  const auto& kernel = injected.records.lines[0];
  const auto start = std::stoll(kernel.substr(std::string("kernel ").size()));
  EXPECT_EQ(std::stoll(kernel.substr(kernel.find("..") + 2)) - start, 200);
}

TEST(CuptiCollector, AKilledProgramKeepsWhatWasFlushed) {
  const auto injected = Inject("", "kill");
  ASSERT_TRUE(injected.info.has_value()) << injected.said;
  EXPECT_EQ(WithoutTimes(injected.records), kActivity);
}

TEST(CuptiCollector, WhatCuptiRefusesIsSaid) {
  const auto busy = Inject("busy");
  ASSERT_TRUE(busy.info.has_value()) << busy.said;
  ASSERT_FALSE(busy.info->notes.empty());
  EXPECT_FALSE(busy.info->present.kernels);
  EXPECT_TRUE(busy.info->present.copies);
  EXPECT_EQ(busy.info->notes[0].text,
            "CUPTI does not record kernels: CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED");
  const auto refused = Inject("refuses");
  EXPECT_EQ(WEXITSTATUS(refused.status), 7);
  EXPECT_NE(refused.said.find("GPU activity is not recorded"), std::string::npos) << refused.said;
  EXPECT_FALSE(refused.info.has_value());
}

TEST(CuptiCollector, AnotherVersionOrNoneIsRefusedAndTheProgramRuns) {
  const auto old = Inject("old");
  EXPECT_EQ(WEXITSTATUS(old.status), 7);
  EXPECT_NE(old.said.find("version 28"), std::string::npos) << old.said;
  EXPECT_FALSE(old.info.has_value());
  const auto none = Inject("", "", "/no/such/libcupti.so");
  EXPECT_EQ(WEXITSTATUS(none.status), 7);
  EXPECT_NE(none.said.find("cannot be loaded"), std::string::npos) << none.said;
}

}  // namespace
}  // namespace altlas::cuda
