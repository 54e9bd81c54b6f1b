// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace altlas::tune {

// What PyTorch's GPU allocator runs on, as far as its settings differ by it.
enum class Platform {
  kLinux,    // an NVIDIA driver on Linux
  kWindows,  // PyTorch for Windows
  kWsl,      // Linux inside Windows
  kJetson,   // Tegra: GPU and processor share the memory
  kRocm,     // PyTorch for AMD's GPUs
};

// "linux", "windows", "wsl", "jetson", "rocm".
std::string_view PlatformName(Platform platform);
Result<Platform> ParsePlatform(std::string_view name);

// This machine's, from the files below `root` ("/", or recorded ones in tests): a Tegra release file,
// "microsoft" in the kernel's name, AMD's driver without NVIDIA's; else Linux. Blocks for three small files.
Platform ReadPlatform(const std::filesystem::path& root);

}  // namespace altlas::tune
