// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "profile/run_manifest.h"
#include "profile/tool_commands.h"

namespace altlas::app {

// What this machine is: system, processor, driver, CUDA toolkit, devices, and the git state of the current
// folder. Asks git, nvcc and the driver, each for 5 s at most; what does not answer is absent.
void GatherFacts(profile::RunManifest& manifest, profile::MachineFacts& machine);

// nsys and ncu on PATH, with their versions.
profile::InstalledTools FindTools();

// Every variable of this process.
std::map<std::string, std::string> OwnEnvironment();

}  // namespace altlas::app
