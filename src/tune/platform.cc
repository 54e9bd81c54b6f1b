// SPDX-License-Identifier: Apache-2.0
#include "tune/platform.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/file.h"

namespace altlas::tune {
namespace {

constexpr std::array kPlatformNames = {
    std::pair{Platform::kLinux, "linux"}, std::pair{Platform::kWindows, "windows"},
    std::pair{Platform::kWsl, "wsl"},     std::pair{Platform::kJetson, "jetson"},
    std::pair{Platform::kRocm, "rocm"},
};

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

std::string_view PlatformName(Platform platform) {
  for (const auto& [value, name] : kPlatformNames) {
    if (value == platform) return name;
  }
  return "linux";
}

Result<Platform> ParsePlatform(std::string_view name) {
  for (const auto& [value, known] : kPlatformNames) {
    if (name == known) return value;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "the platform \"{}\" is unknown; use linux, windows, wsl, jetson or rocm", name.substr(0, 64));
}

Platform ReadPlatform(const std::filesystem::path& root) {
  if (Exists(root / "etc/nv_tegra_release")) return Platform::kJetson;
  auto kernel = ReadFile(root / "proc/sys/kernel/osrelease", 4096).value_or("");
  std::transform(kernel.begin(), kernel.end(), kernel.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (kernel.find("microsoft") != std::string::npos) return Platform::kWsl;
  const bool nvidia = Exists(root / "proc/driver/nvidia/version");
  if (!nvidia && Exists(root / "sys/module/amdgpu") && Exists(root / "dev/kfd")) return Platform::kRocm;
  return Platform::kLinux;
}

}  // namespace altlas::tune
