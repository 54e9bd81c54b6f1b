// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "commands.h"
#include "config/load.h"
#include "store/state_dir.h"

namespace altlas::app {

// The configuration that the options and the search order name, with --set and --listen over it. Without a
// file, what was changed at run time and kept lies in the state directory.
Result<config::LoadOptions> ConfigSource(const CommonOptions& common);
Result<config::LoadedConfig> ReadConfig(const CommonOptions& common);

// The state directory, made if it is not there.
Result<std::filesystem::path> StateFolder(const CommonOptions& common);
// The same for those who only look: kNotFound where it is not there.
Result<std::filesystem::path> LookAtState(const CommonOptions& common);

// The folder of the database: store.path, or the state directory itself.
std::filesystem::path StoreFolder(const config::LoadedConfig& loaded, const std::filesystem::path& state);
inline constexpr store::FolderRole kStorePathRole = {"store.path:", "name another folder in store.path"};

}  // namespace altlas::app
