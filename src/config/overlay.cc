// SPDX-License-Identifier: Apache-2.0
#include "config/overlay.h"

#include <algorithm>

#include "config/scalar.h"

namespace altlas::config {
namespace {

constexpr std::string_view kMark = "# Belongs to: ";

// One line, whatever the file is called.
std::string NameOf(const std::filesystem::path& config_file) {
  return config_file.empty() ? std::string() : Shown(config_file.filename().string(), true);
}

}  // namespace

std::string OwnerLine(const std::filesystem::path& config_file) {
  return config_file.empty() ? std::string() : std::string(kMark) + NameOf(config_file) + "\n";
}

std::string OtherOwner(std::string_view overlay, const std::filesystem::path& config_file) {
  while (!overlay.empty()) {
    auto line = overlay.substr(0, overlay.find('\n'));
    overlay.remove_prefix(std::min(overlay.size(), line.size() + 1));
    if (!line.starts_with(kMark)) continue;
    line.remove_prefix(kMark.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line == NameOf(config_file) ? std::string() : std::string(line);
  }
  return {};
}

}  // namespace altlas::config
