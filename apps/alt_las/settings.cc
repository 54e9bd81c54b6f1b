// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <algorithm>

#include "device/cpu_probe.h"
#include "device/nvml_probe.h"
#include "device/simulated_probe.h"
#include "model_type.h"

namespace altlas::app {
namespace {

std::vector<device::CpuDevice> CpuDevicesOf(const config::Config& config) {
  std::vector<device::CpuDevice> devices;
  for (const auto& d : config.devices.cpu)
    devices.push_back({d.threads, d.quota, d.pin, d.memory ? d.memory->count : 0});
  if (devices.empty()) devices.resize(static_cast<std::size_t>(std::max(1, config.devices.cpu_count)));
  return devices;
}

}  // namespace

sched::SchedConfig SchedConfigOf(const config::Config& config) {
  const auto& multi = config.gpu.multi_gpu;
  sched::SchedConfig s;
  s.multi_gpu_enabled = multi.enabled;
  s.strategies = multi.strategies;
  s.default_strategy = multi.default_strategy;
  s.priority_levels.clear();
  for (const auto& [name, number] : multi.queue_priority_levels) s.priority_levels.push_back({name, number});
  std::sort(s.priority_levels.begin(), s.priority_levels.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  s.aging = multi.queue_aging;
  s.default_priority = multi.default_queue_priority;
  s.max_queue_size = static_cast<std::size_t>(multi.max_queue_size);
  s.queue_timeout = multi.queue_timeout;
  s.max_concurrent_tasks_per_gpu = multi.max_concurrent_tasks_per_gpu;
  s.task_specific_mappings = multi.task_specific_mappings;
  s.mapping_answer = multi.task_specific_unavailable;
  s.batch_split = multi.batch_split;
  s.min_batch_size_per_gpu = multi.min_batch_size_per_gpu;
  s.limits.memory_threshold = config.gpu.memory_threshold;
  s.limits.memory_margin = config.gpu.memory_hysteresis;
  s.limits.utilization_threshold = config.gpu.utilization_threshold;
  s.limits.utilization_margin = config.gpu.utilization_hysteresis;
  s.limits.max_temperature_celsius = config.gpu.max_temperature;
  s.limits.temperature_margin = config.gpu.temperature_hysteresis;
  s.limits.min_compute_capability = config.gpu.min_compute_capability;
  return s;
}

net::HttpServerOptions HttpOptionsOf(const config::Config& config) {
  const auto& limits = config.server.limits;
  net::HttpServerOptions options;
  options.limits.header_bytes = limits.header_bytes.count;
  options.limits.body_bytes = limits.body_bytes.count;
  options.limits.connections = static_cast<std::size_t>(limits.connections);
  options.limits.head_timeout = std::min<Duration>(limits.request_time, std::chrono::seconds(10));
  options.limits.body_timeout = limits.request_time;
  options.limits.idle_timeout = limits.idle_time;
  options.cors.origins = config.server.cors.allowed_origins;
  return options;
}

store::Retention RetentionOf(const config::Config& config) {
  store::Retention retention;
  retention.finished_age = std::chrono::duration_cast<std::chrono::seconds>(config.store.retention.max_age);
  retention.finished_count = config.store.retention.max_tasks;
  return retention;
}

periodic::ProfilerOptions ProfilerOptionsOf(const config::Config& config) {
  const auto& from = config.profile.periodic;
  periodic::ProfilerOptions options;
  options.enabled = from.enabled;
  options.interval = from.interval;
  options.sample_duration = from.sample_duration;
  options.operators = from.operators;
  options.history_samples = from.history_samples;
  options.history_age = from.history_age;
  options.rules.window = static_cast<std::size_t>(from.window);
  options.rules.minimum_samples = static_cast<std::size_t>(from.minimum_samples);
  options.rules.threshold = from.threshold;
  options.rules.minimum_change = from.minimum_change;
  options.rules.adopt_after = static_cast<std::size_t>(from.adopt_after);
  return options;
}

pool::MetricSwitches SwitchesOf(const config::Config& config) {
  const auto& m = config.gpu.monitoring;
  return {m.enabled && m.detailed_gpu_metrics, m.enabled && m.task_metrics, m.enabled && m.queue_metrics};
}

std::filesystem::path ProgramFolder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::current_path(error) : self.parent_path();
}

std::filesystem::path WorkerProgram(const config::LoadedConfig& loaded) {
  if (loaded.config.workers.program) return config::ResolvePath(loaded, *loaded.config.workers.program);
  return CompanionWorker();
}

std::filesystem::path CompanionWorker() {
  const auto here = ProgramFolder();
  for (const auto& candidate :
       {here / "alt_las_worker", here.parent_path() / "alt_las_worker" / "alt_las_worker"}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(candidate, error)) return candidate;
  }
  return here / "alt_las_worker";
}

std::filesystem::path ShippedModelFolder() {
  constexpr std::string_view kName = "alt-las-tiny";
  for (auto folder = ProgramFolder(); folder.has_relative_path(); folder = folder.parent_path()) {
    for (const auto& candidate :
         {folder / "models" / kName, folder / "share" / "alt_las" / "models" / kName}) {
      std::error_code error;
      if (std::filesystem::is_regular_file(candidate / "config.json", error)) return candidate;
    }
  }
  return std::filesystem::path(ALTLAS_SOURCE_DIR) / "models" / kName;
}

std::filesystem::path PythonFolder() {
  for (auto folder = ProgramFolder(); folder.has_relative_path(); folder = folder.parent_path()) {
    for (const auto& candidate : {folder / "python", folder / "share" / "alt_las" / "python"}) {
      std::error_code error;
      if (std::filesystem::is_directory(candidate / "altlas", error)) return candidate;
    }
  }
  return std::filesystem::path(ALTLAS_SOURCE_DIR) / "python";
}

std::filesystem::path DefaultPython() {
  const auto own = PythonFolder().parent_path() / ".deps" / "venv" / "bin" / "python";
  std::error_code error;
  return std::filesystem::exists(own, error) ? own : std::filesystem::path("python3");
}

std::vector<config::ModelConfig> ModelsOf(const config::LoadedConfig& loaded) {
  auto models = loaded.config.models;
  if (models.empty()) {
    config::ModelConfig shipped;
    shipped.name = "alt-las-tiny";
    shipped.path = ShippedModelFolder();
    shipped.is_default = true;
    models.push_back(std::move(shipped));
  }
  for (auto& model : models) {
    model.path = std::filesystem::absolute(config::ResolvePath(loaded, model.path)).lexically_normal();
    if (model.type) continue;
    if (const auto served = TypeOfFolder(model.path)) model.type = *served;
  }
  return models;
}

std::vector<wire::ModelSpec> ModelSpecsFor(const std::vector<config::ModelConfig>& models,
                                           const device::DeviceSnapshot& device) {
  std::vector<wire::ModelSpec> specs;
  for (const auto& model : models) {
    if (model.devices &&
        std::find(model.devices->begin(), model.devices->end(), device.id) == model.devices->end())
      continue;
    wire::ModelSpec spec;
    spec.name = model.name;
    spec.folder = model.path.string();
    spec.dtype = config::Name(model.dtype);
    spec.kv_budget_bytes = model.kv_cache ? model.kv_cache->count : 0;
    spec.max_context = model.context_length ? static_cast<std::uint32_t>(*model.context_length) : 0;
    specs.push_back(std::move(spec));
  }
  for (auto& spec : specs) {
    if (spec.kv_budget_bytes == 0) spec.kv_budget_bytes = device.memory_total / 4 / specs.size();
  }
  return specs;
}

namespace {

Result<std::unique_ptr<device::DeviceProbe>> ProbeOf(const config::LoadedConfig& loaded) {
  const auto& config = loaded.config;
  const auto as_probe = [](auto probe) -> Result<std::unique_ptr<device::DeviceProbe>> {
    if (!probe.has_value()) return std::move(probe).error();
    return std::unique_ptr<device::DeviceProbe>(std::move(*probe));
  };
  if (config.devices.source == config::DeviceSource::kSimulated)
    return as_probe(
        device::SimulatedProbe::Create(config::ResolvePath(loaded, *config.devices.simulated_file)));
  const bool gpus_wanted = config.gpu.enabled && config.devices.source != config::DeviceSource::kCpu;
  if (gpus_wanted) {
    auto nvml = device::NvmlProbe::Create();
    if (nvml.has_value()) {
      const auto found = (*nvml)->Probe({});
      if (found.has_value() && !found->empty()) return as_probe(std::move(nvml));
    }
    if (config.devices.source == config::DeviceSource::kNvml) {
      if (!nvml.has_value()) return std::move(nvml).error().Context("devices.source is nvml");
      return Fail(ErrorCode::kUnavailable,
                  "devices.source is nvml, and the driver lists no GPU; use auto or cpu");
    }
  }
  return as_probe(device::CpuProbe::Create(CpuDevicesOf(config)));
}

}  // namespace

Result<std::unique_ptr<device::DeviceProbe>> MakeProbe(const config::LoadedConfig& loaded) {
  auto probe = ProbeOf(loaded);
  if (probe.has_value()) return probe;
  auto error = std::move(probe).error();
  const bool simulated = loaded.config.devices.source == config::DeviceSource::kSimulated;
  const std::string key = !error.field.empty() && !simulated ? error.field
                          : simulated                        ? "devices.simulated_file"
                                                             : "devices.source";
  error.message = config::FormatProblem(config::AboutKey(loaded, key, std::move(error.message)));
  return error;
}

Status CheckExposure(const config::Config& config) {
  const auto& server = config.server;
  if (config::IsLoopback(server.listen.address) || server.allow_insecure_remote) return {};
  if (!server.tls.certificate)
    return FailField("server.listen.address",
                     "server.listen.address {} can be reached from other machines, and there is no TLS: set "
                     "server.tls.certificate and "
                     "server.tls.key, listen on 127.0.0.1, or say server.allow_insecure_remote: true",
                     server.listen.address);
  if (!config.auth.enabled)
    return FailField("auth.enabled",
                     "server.listen.address {} can be reached from other machines, and auth.enabled is "
                     "false: turn keys on, listen on "
                     "127.0.0.1, or say server.allow_insecure_remote: true",
                     server.listen.address);
  return {};
}

}  // namespace altlas::app
