// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "base/clock.h"
#include "config/load.h"

namespace altlas::app {

// What the configuration names on this machine and the file alone cannot tell: certificates, models' folders,
// the worker's program. Each with the place of its key. Blocks on the disk.
struct MachineReport {
  std::vector<config::Problem> errors;  // it cannot serve so
  std::vector<config::Problem> warnings;
};
MachineReport CheckMachine(const config::LoadedConfig& loaded, WallMillis now);

}  // namespace altlas::app
