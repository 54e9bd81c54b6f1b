// SPDX-License-Identifier: Apache-2.0
#include "machine_checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include "model_type.h"
#include "settings.h"
#include "tls_files.h"

namespace altlas::app {
namespace {

void CheckTls(const config::LoadedConfig& loaded, WallMillis now, MachineReport& report) {
  const auto& tls = loaded.config.server.tls;
  if (!tls.certificate) return;
  const auto facts = LookAtTlsFiles(config::ResolvePath(loaded, *tls.certificate),
                                    config::ResolvePath(loaded, *tls.key), now);
  if (!facts.has_value()) {
    report.errors.push_back(config::AboutKey(loaded, facts.error().field, facts.error().message));
    return;
  }
  for (const auto& warning : facts->warnings)
    report.warnings.push_back(config::AboutKey(loaded, "server.tls.certificate", warning));
}

void CheckType(const config::LoadedConfig& loaded, const config::ModelConfig& model, std::size_t index,
               MachineReport& report) {
  const auto served = TypeOfFolder(model.path);
  if (!served || config::TypeOf(model) == *served) return;
  report.errors.push_back(config::AboutKey(
      loaded, fmt::format("models[{}].type", index),
      fmt::format("found {}, but the model in {} is of a family that serves {}; leave type out",
                  config::TypeOf(model), model.path.string(), *served)));
}

// Those whose type is written are held against each other when the file is read.
void CheckDefaults(const config::LoadedConfig& loaded, const std::vector<config::ModelConfig>& models,
                   MachineReport& report) {
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (!models[i].is_default) continue;
    const auto* first = config::DefaultModel(models, config::TypeOf(models[i]));
    if (first == &models[i]) continue;
    report.errors.push_back(config::AboutKey(loaded, fmt::format("models[{}].default", i),
                                             fmt::format("{} is the default for {} already; mark one model",
                                                         first->name, config::TypeOf(models[i]))));
  }
}

void CheckModels(const config::LoadedConfig& loaded, MachineReport& report) {
  const auto models = ModelsOf(loaded);
  for (std::size_t i = 0; i < models.size(); ++i) {
    std::error_code error;
    const auto& path = models[i].path;
    std::string wrong;
    if (!std::filesystem::is_directory(path, error)) {
      wrong = fmt::format("there is no folder {}", path.string());
    } else if (!std::filesystem::is_regular_file(path / "config.json", error)) {
      wrong = fmt::format("the folder {} holds no model: it has no config.json", path.string());
    }
    if (!wrong.empty())
      report.errors.push_back(config::AboutKey(loaded, fmt::format("models[{}].path", i), std::move(wrong)));
    CheckType(loaded, models[i], i, report);
  }
  CheckDefaults(loaded, models, report);
}

void CheckProgram(const config::LoadedConfig& loaded, MachineReport& report) {
  const auto program = WorkerProgram(loaded);
  std::error_code error;
  const bool runs = std::filesystem::is_regular_file(program, error) && ::access(program.c_str(), X_OK) == 0;
  if (runs) return;
  const bool there = std::filesystem::exists(program, error);
  auto problem =
      config::AboutKey(loaded, "workers.program",
                       fmt::format("{} {}", program.string(),
                                   there ? "is no program that this user may run" : "does not exist"));
  // Beside the program of a build without models there is no worker, and all but serving works.
  (loaded.config.workers.program ? report.errors : report.warnings).push_back(std::move(problem));
}

void CheckAllocator(const config::LoadedConfig& loaded, MachineReport& report) {
  const auto& workers = loaded.config.workers;
  if (const auto status = CheckAllocatorSetting(workers); !status.has_value())
    report.errors.push_back(config::AboutKey(loaded, "workers.allocator", status.error().message));
  if (workers.debug_allocator)
    report.warnings.push_back(
        config::AboutKey(loaded, "workers.debug_allocator", std::string(tune::kDebugIsSlow)));
}

// Without a configuration file changes are kept in the state directory, which is this user's own.
void CheckOverlay(const config::LoadedConfig& loaded, MachineReport& report) {
  if (loaded.path.empty() || loaded.runtime_path.empty()) return;
  std::error_code error;
  const auto folder = std::filesystem::absolute(loaded.runtime_path, error).parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return;
  report.warnings.push_back(
      {loaded.path.string(), 0, 0, "",
       fmt::format(
           "this user may not write to {}, so changes at run time cannot be kept (persist: true); give it "
           "the folder (chgrp and chmod g+w), under systemd with ReadWritePaths={} too",
           folder.string(), folder.string())});
}

}  // namespace

MachineReport CheckMachine(const config::LoadedConfig& loaded, WallMillis now) {
  MachineReport report;
  CheckTls(loaded, now, report);
  CheckModels(loaded, report);
  CheckProgram(loaded, report);
  CheckAllocator(loaded, report);
  CheckOverlay(loaded, report);
  return report;
}

std::vector<std::string> FolderWarnings(const std::set<std::filesystem::path>& folders) {
  std::vector<std::string> warnings;
  for (const auto& folder : folders) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0 || (info.st_mode & 077) == 0) continue;
    warnings.push_back(fmt::format(
        "the folder {} has mode {:04o}, so others on this machine may look into it; run: chmod 700 '{}'",
        folder.string(), info.st_mode & 07777, folder.string()));
  }
  return warnings;
}

}  // namespace altlas::app
