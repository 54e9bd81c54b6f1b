// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/load.h"

namespace altlas::app {

// What the configuration names on this machine and the file alone cannot tell: certificates, models' folders,
// the worker's program, where run-time changes are kept. Each with the place of its key. Blocks on the disk.
struct MachineReport {
  std::vector<config::Problem> errors;  // it cannot serve so
  std::vector<config::Problem> warnings;
};
MachineReport CheckMachine(const config::LoadedConfig& loaded, WallMillis now);

// A sentence with its cure about each folder of our data that others on this machine may look into. One that
// we did not make keeps the mode it has.
std::vector<std::string> FolderWarnings(const std::set<std::filesystem::path>& folders);

}  // namespace altlas::app
