// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"

// From files to a Config and back. Values in, values out: nothing here is shared or locked, and every change
// makes a new LoadedConfig. Reading and writing files blocks. An error's message may hold several lines, one
// for each thing found wrong.
namespace altlas::config {

// Where a value came from. What stands later in the list wins.
enum class OriginKind {
  kDefault,
  kFile,         // the configuration file
  kPersisted,    // runtime.yaml: changed at run time and written
  kCommandLine,  // an override of LoadOptions
  kRuntime,      // changed at run time, gone with a restart
};
struct Origin {
  OriginKind kind = OriginKind::kDefault;
  int line = 0;  // 1-based, for kFile and kPersisted
  int column = 0;
  bool operator==(const Origin&) const = default;
};
// "default", "file", "command_line" or "runtime" (both kinds of it).
std::string_view Name(OriginKind kind);

// Something found in a file. `key` is its path ("gpu.memory_threshold", "models[1].name"), empty where it is
// about the file as a whole; line and column are 1-based, 0 where there is no place to point at.
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string key;
  std::string message;
  bool operator==(const Problem&) const = default;
};
// "config.yaml:12:21: gpu.memory_threshold: found 1.5, allowed is 0 to 1"
std::string FormatProblem(const Problem& problem);
// One line each.
std::string FormatProblems(std::span<const Problem> problems);

struct LoadedConfig {
  Config config;
  std::filesystem::path path;          // empty: no file, the defaults
  std::filesystem::path runtime_path;  // where PersistRuntime writes; empty: nowhere
  // Of each key that does not have its default, by path; of the items of lists also each key that the file
  // gives ("models[1].path").
  std::map<std::string, Origin> origins;
  // What runtime.yaml holds: values as YAML by key. The value in force may be a later one that was not
  // written.
  std::map<std::string, std::string> persisted;
  std::vector<Problem> warnings;  // worth a log line, no reason to refuse
};

struct LoadOptions {
  std::filesystem::path path;          // empty: no file, the defaults
  std::filesystem::path runtime_path;  // empty: runtime.yaml beside `path`
  std::vector<std::pair<std::string, std::string>>
      overrides;  // key path and value as YAML, from the command line
  // A file without a key in it, which is what one that is just being written looks like, is an error; {} asks
  // for the defaults.
  bool refuse_empty = false;
};

// The file to read: `explicit_path` where given (kNotFound where it does not exist); else the first
// config.yaml in `cwd`, `install_root`, `system_folder`; else an empty path (no file at all is the defaults).
Result<std::filesystem::path> FindConfigFile(const std::optional<std::filesystem::path>& explicit_path,
                                             const std::filesystem::path& cwd,
                                             const std::filesystem::path& install_root,
                                             const std::filesystem::path& system_folder = "/etc/alt_las");

// Reads the file, then its runtime.yaml over it (one of another file is left out with a warning), then the
// overrides. kInvalidArgument with every problem, one a line; kNotFound and others where one cannot be read.
Result<LoadedConfig> LoadConfig(const LoadOptions& options);
inline Result<LoadedConfig> LoadConfig(const std::filesystem::path& path) {
  return LoadConfig(LoadOptions{path, {}, {}, false});
}
// Logs which files were read, and the warnings about them. For the level to count, after it was set.
void LogWhatWasRead(const LoadedConfig& loaded);

// The same from text. `errors` is empty exactly where `loaded` may be used; names stand in the problems.
struct CheckedConfig {
  LoadedConfig loaded;
  std::vector<Problem> errors;
};
struct ConfigText {
  std::string name;  // of the file
  std::string_view text;
};
CheckedConfig CheckConfig(const ConfigText& file, const std::optional<ConfigText>& runtime = std::nullopt,
                          std::span<const std::pair<std::string, std::string>> overrides = {});

// `base` with one key changed at run time. `value` is YAML or JSON ("round_robin", 12, [a, b]). kNotFound for
// an unknown key, kConflict for one that needs a restart, kInvalidArgument for a value that is not allowed;
// the error's field is the key.
Result<LoadedConfig> SetRuntime(const LoadedConfig& base, std::string_view key, std::string_view value);

// Writes runtime.yaml: what it held, and the keys named (those changed at run time; empty: all of them), so
// that they outlast a restart. Returns `base` with their new origin. kUnavailable where there is no place to
// write, kConflict where the runtime.yaml there belongs to another configuration file.
Result<LoadedConfig> PersistRuntime(const LoadedConfig& base, std::span<const std::string> keys = {});

struct Change {
  std::string key;
  std::string before;  // the values as in FormatEffective's YAML
  std::string after;
};
// What differs, in the order of the table: for a reload (the file is the truth again; unpersisted run-time
// changes end).
struct ConfigDiff {
  std::vector<Change> at_run_time;
  std::vector<Change> need_restart;
  bool empty() const { return at_run_time.empty() && need_restart.empty(); }
};
ConfigDiff DiffConfig(const Config& before, const Config& after);

// `message` about the value of `key`, with the place where it was given.
Problem AboutKey(const LoadedConfig& loaded, const std::string& key, std::string message);

// What only the start-up can know: devices named in the configuration that are not among `device_ids`.
std::vector<Problem> DeviceWarnings(const LoadedConfig& loaded, std::span<const std::string> device_ids);

// A path of the configuration: relative ones count from the folder of the configuration file.
std::filesystem::path ResolvePath(const LoadedConfig& loaded, const std::filesystem::path& path);

}  // namespace altlas::config
