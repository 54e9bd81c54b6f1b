// SPDX-License-Identifier: Apache-2.0
#include "tune/platform.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace altlas::tune {
namespace {

Platform PlatformOf(const std::vector<std::pair<std::string, std::string>>& files) {
  const TemporaryFolder root;
  for (const auto& [name, text] : files) {
    std::filesystem::create_directories((root.path() / name).parent_path());
    std::ofstream(root.path() / name) << text;
  }
  return ReadPlatform(root.path());
}

// TUN-1: recorded names of the kernels of Debian, of WSL 2 and of a Jetson.
TEST(Platform, IsReadFromTheMachinesFiles) {
  EXPECT_EQ(PlatformOf({}), Platform::kLinux);
  EXPECT_EQ(PlatformOf({{"proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"}}), Platform::kLinux);
  EXPECT_EQ(PlatformOf({{"proc/sys/kernel/osrelease", "5.15.153.1-microsoft-standard-WSL2\n"}}),
            Platform::kWsl);
  EXPECT_EQ(PlatformOf({{"proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n"}}), Platform::kWsl);
  EXPECT_EQ(
      PlatformOf({{"proc/sys/kernel/osrelease", "5.15.136-tegra\n"}, {"etc/nv_tegra_release", "# R36\n"}}),
      Platform::kJetson);
  EXPECT_EQ(PlatformOf({{"sys/module/amdgpu/version", "6\n"}, {"dev/kfd", ""}}), Platform::kRocm);
  EXPECT_EQ(PlatformOf({{"sys/module/amdgpu/version", "6\n"},
                        {"dev/kfd", ""},
                        {"proc/driver/nvidia/version", "NVRM version\n"}}),
            Platform::kLinux)
      << "an AMD processor's own graphics beside an NVIDIA card";
}

TEST(Platform, NamesAreReadBack) {
  for (const auto platform :
       {Platform::kLinux, Platform::kWindows, Platform::kWsl, Platform::kJetson, Platform::kRocm})
    EXPECT_EQ(*ParsePlatform(PlatformName(platform)), platform);
  EXPECT_FALSE(ParsePlatform("amiga").has_value());
}

}  // namespace
}  // namespace altlas::tune
