// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "commands.h"
#include "config/load.h"

namespace altlas::app {

// The configuration that the options and the search order name.
Result<config::LoadOptions> ConfigSource(const CommonOptions& common);
Result<config::LoadedConfig> ReadConfig(const CommonOptions& common);
// The state directory, made if it is not there.
Result<std::filesystem::path> StateFolder(const CommonOptions& common);

}  // namespace altlas::app
