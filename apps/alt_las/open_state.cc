// SPDX-License-Identifier: Apache-2.0
#include "open_state.h"

#include "settings.h"
#include "store/state_dir.h"

namespace altlas::app {

Result<config::LoadOptions> ConfigSource(const CommonOptions& common) {
  std::optional<std::filesystem::path> named;
  if (!common.config.empty()) named = common.config;
  std::error_code error;
  config::LoadOptions options;
  ALTLAS_TRY(options.path,
             config::FindConfigFile(named, std::filesystem::current_path(error), ProgramFolder()));
  return options;
}

Result<config::LoadedConfig> ReadConfig(const CommonOptions& common) {
  ALTLAS_TRY(const auto source, ConfigSource(common));
  return config::LoadConfig(source);
}

Result<std::filesystem::path> StateFolder(const CommonOptions& common) {
  ALTLAS_TRY(const auto folder, store::ChooseStateDir(store::StateDirInput::FromProcess(common.state)));
  return store::PrepareStateDir(folder);
}

int ExitCode(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kConflict:
      return 2;
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotFound:
      return 3;
    default:
      return 1;
  }
}

int Complain(const Error& error) {
  fmt::print(stderr, "alt_las: {}\n", error.message);
  return ExitCode(error);
}

}  // namespace altlas::app
