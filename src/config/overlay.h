// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

// Which configuration file a runtime.yaml belongs to. A comment line in it says so ("# Belongs to: NAME"), so
// that of two configuration files in one folder neither changes the other. Pure.
namespace altlas::config {

// The line, with its newline; "" where there is no configuration file.
std::string OwnerLine(const std::filesystem::path& config_file);
// The name of the file that `overlay` belongs to where that is another one than `config_file`, or "". A text
// without the line belongs to whoever reads it.
std::string OtherOwner(std::string_view overlay, const std::filesystem::path& config_file);

}  // namespace altlas::config
