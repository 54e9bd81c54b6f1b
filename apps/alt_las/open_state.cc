// SPDX-License-Identifier: Apache-2.0
#include "open_state.h"

#include <algorithm>
#include <string>

#include "../cli_checks.h"
#include "base/log.h"
#include "net/address.h"
#include "settings.h"
#include "tables.h"

namespace altlas::app {
namespace {

// "gpu.enabled=false" -> key and value.
Status AddOverrides(const CommonOptions& common, config::LoadOptions& source) {
  for (const auto& item : common.set) {
    const auto equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      return Fail(ErrorCode::kInvalidArgument,
                  "--set needs KEY=VALUE, e.g. --set gpu.multi_gpu.default_strategy=random; it is \"{}\"",
                  item);
    source.overrides.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  if (common.listen.empty()) return {};
  const auto address = net::Address::Parse(common.listen);
  if (!address.has_value() || address->kind != net::Address::Kind::kTcp || address->host.empty())
    return Fail(
        ErrorCode::kInvalidArgument,
        "--listen needs ADDRESS:PORT with an IP address or localhost, e.g. 127.0.0.1:8080, [::1]:8080, "
        "or 0.0.0.0:8080 for every interface; it is \"{}\"",
        common.listen);
  source.overrides.emplace_back("server.listen.address", "\"" + address->host + "\"");
  source.overrides.emplace_back("server.listen.port", fmt::format("{}", address->port));
  return {};
}

Result<std::filesystem::path> ChosenState(const CommonOptions& common) {
  return store::ChooseStateDir(store::StateDirInput::FromProcess(common.state));
}

}  // namespace

Result<config::LoadOptions> ConfigSource(const CommonOptions& common) {
  std::optional<std::filesystem::path> named;
  if (!common.config.empty()) named = common.config;
  std::error_code error;
  config::LoadOptions options;
  options.refuse_empty = true;
  ALTLAS_TRY(options.path,
             config::FindConfigFile(named, std::filesystem::current_path(error), ProgramFolder()));
  if (options.path.empty()) {
    if (const auto state = ChosenState(common); state.has_value())
      options.runtime_path = std::filesystem::absolute(*state, error) / "runtime.yaml";
  }
  ALTLAS_TRY_VOID(AddOverrides(common, options));
  return options;
}

Result<config::LoadedConfig> ReadConfig(const CommonOptions& common) {
  ALTLAS_TRY(const auto source, ConfigSource(common));
  return config::LoadConfig(source);
}

Result<std::filesystem::path> StateFolder(const CommonOptions& common) {
  ALTLAS_TRY(const auto folder, ChosenState(common));
  return store::PrepareStateDir(folder);
}

Result<std::filesystem::path> LookAtState(const CommonOptions& common) {
  ALTLAS_TRY(const auto folder, ChosenState(common));
  auto state = store::CheckStateDir(folder);
  if (!state.has_value() && state.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kNotFound,
                "there is no state directory {}; name the server's with --state, or start one with `alt_las "
                "serve`, which makes it",
                folder.string());
  return state;
}

std::filesystem::path StoreFolder(const config::LoadedConfig& loaded, const std::filesystem::path& state) {
  const auto& path = loaded.config.store.path;
  return path ? config::ResolvePath(loaded, *path) : state;
}

void AddPlaces(CLI::App& command, CommonOptions& common) {
  command
      .add_option("--config", common.config,
                  "The configuration file (default: config.yaml here, beside the program, in /etc/alt_las)")
      ->check(NotEmpty())
      ->type_name("PATH");
  command
      .add_option("--state", common.state,
                  "The state directory (default: $XDG_STATE_HOME/alt_las, else ~/.local/state/alt_las)")
      ->check(NotEmpty())
      ->type_name("DIR");
}

int ExitCode(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kConflict:
    case ErrorCode::kTooLarge:
      return 2;
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotFound:
    case ErrorCode::kTimeout:
      return 3;
    default:
      return 1;
  }
}

int Complain(const Error& error) {
  // Names come from outside, and a terminal obeys them. Lines are ours: errors of a file have one each.
  std::string text;
  for (std::size_t begin = 0; begin <= error.message.size();) {
    const auto end = std::min(error.message.find('\n', begin), error.message.size());
    if (begin > 0) text += '\n';
    text += Printable(std::string_view(error.message).substr(begin, end - begin));
    begin = end + 1;
  }
  Print(Output::kError, fmt::format("alt_las: {}\n", text));
  return ExitCode(error);
}

}  // namespace altlas::app
