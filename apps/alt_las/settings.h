// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "config/load.h"
#include "device/probe.h"
#include "net/http_server.h"
#include "periodic/profiler.h"
#include "pool/pool.h"
#include "sched/types.h"
#include "store/store.h"
#include "tune/allocator.h"
#include "wire/messages.h"

// From the configuration's values to the options of the parts. Pure but for the look at the file system that
// the two path functions take.
namespace altlas::app {

sched::SchedConfig SchedConfigOf(const config::Config& config);
net::HttpServerOptions HttpOptionsOf(const config::Config& config);
store::Retention RetentionOf(const config::Config& config);
pool::MetricSwitches SwitchesOf(const config::Config& config);
periodic::ProfilerOptions ProfilerOptionsOf(const config::Config& config);

// The models to serve, with absolute folders; the one that ships with the program where the configuration
// names none.
std::vector<config::ModelConfig> ModelsOf(const config::LoadedConfig& loaded);
std::vector<wire::ModelSpec> ModelSpecsFor(const std::vector<config::ModelConfig>& models,
                                           const device::DeviceSnapshot& device);

// The probe that `devices.source` asks for. kUnavailable where it asks for GPUs and there are none; the
// message has the place of the key at fault.
Result<std::unique_ptr<device::DeviceProbe>> MakeProbe(const config::LoadedConfig& loaded);

// Where the program's companions lie: beside it, or in the folders of an installation.
std::filesystem::path ProgramFolder();
std::filesystem::path WorkerProgram(const config::LoadedConfig& loaded);
std::filesystem::path ShippedModelFolder();
// alt_las_worker beside this program, or where the build puts it; whether or not it is there.
std::filesystem::path CompanionWorker();
// The folder with the Python package `altlas`, and the interpreter that runs it unless one is named: the one
// of the set-up where it is there, else python3.
std::filesystem::path PythonFolder();
std::filesystem::path DefaultPython();

// The environment of a worker on this GPU: the allocator's settings (workers.allocator), unless this
// process's own environment has some, and the debug switch (workers.debug_allocator).
std::vector<tune::Variable> GpuWorkerVariables(const config::WorkersConfig& workers,
                                               const device::DeviceSnapshot& device);
// Empty where workers.allocator can be used; else what is wrong with it.
Status CheckAllocatorSetting(const config::WorkersConfig& workers);

// Refuses to be reachable from other machines without TLS and keys, unless told so. kInvalidArgument says
// what to do.
Status CheckExposure(const config::Config& config);

}  // namespace altlas::app
