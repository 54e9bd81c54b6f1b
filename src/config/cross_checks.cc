// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/nearest.h"
#include "config/reader.h"

namespace altlas::config {
namespace {

class CrossChecks {
 public:
  CrossChecks(LoadedConfig& loaded, const ReadFacts& facts, const SourceNames& names,
              std::vector<Problem>& errors)
      : loaded_(loaded), config_(loaded.config), facts_(facts), names_(names), errors_(errors) {}

  void Run() {
    Strategies();
    Priorities();
    Limits();
    Server();
    Models();
    Devices();
    Workers();
    Profile();
    Hints();
  }

 private:
  // Points at the first of the keys that somebody gave; the message is about the first one.
  Problem About(std::initializer_list<std::string_view> keys, std::string message) const {
    Problem problem{names_.Of(OriginKind::kFile), 0, 0, std::string(*keys.begin()), std::move(message)};
    for (const auto key : keys) {
      const auto origin = loaded_.origins.find(std::string(key));
      if (origin == loaded_.origins.end()) continue;
      problem.file = names_.Of(origin->second.kind);
      problem.line = origin->second.line;
      problem.column = origin->second.column;
      break;
    }
    return problem;
  }
  bool AnyFailed(std::initializer_list<std::string_view> keys) const {
    return std::any_of(keys.begin(), keys.end(),
                       [&](std::string_view key) { return facts_.failed.contains(key); });
  }
  // An error about `keys` where `wrong` and none of them was refused already.
  void Require(bool right, std::initializer_list<std::string_view> keys, const std::string& message) {
    if (!right && !AnyFailed(keys)) errors_.push_back(About(keys, message));
  }
  std::string Default(std::string_view key) const {
    return loaded_.origins.contains(std::string(key)) ? "" : " (the default)";
  }

  void Strategies() {
    const auto& gpu = config_.gpu.multi_gpu;
    const auto found = std::find(gpu.strategies.begin(), gpu.strategies.end(), gpu.default_strategy);
    std::vector<std::string_view> names;
    for (const auto strategy : gpu.strategies) names.push_back(Name(strategy));
    constexpr std::string_view kKey = "gpu.multi_gpu.default_strategy";
    Require(found != gpu.strategies.end(), {kKey, "gpu.multi_gpu.strategies"},
            fmt::format("found {}{}, allowed is one of gpu.multi_gpu.strategies: {}",
                        Name(gpu.default_strategy), Default(kKey), fmt::join(names, ", ")));
  }

  void Priorities() {
    const auto& gpu = config_.gpu.multi_gpu;
    std::vector<std::string> names;
    for (const auto& [name, level] : gpu.queue_priority_levels) names.push_back(name);
    constexpr std::string_view kKey = "gpu.multi_gpu.default_queue_priority";
    const auto nearest = Nearest(gpu.default_queue_priority, names);
    Require(gpu.queue_priority_levels.contains(gpu.default_queue_priority),
            {kKey, "gpu.multi_gpu.queue_priority_levels"},
            fmt::format("found {}{}, allowed is one of gpu.multi_gpu.queue_priority_levels: {}{}",
                        gpu.default_queue_priority, Default(kKey), fmt::join(names, ", "),
                        nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
  }

  // A device that must fall below zero to come back would never come back.
  void Hysteresis(std::string_view margin_key, double margin, std::string_view limit_key, double limit) {
    Require(margin < limit || (limit == 0 && margin == 0), {margin_key, limit_key},
            fmt::format("found {}{}, which is not below {} ({}): a device past the limit could never come "
                        "back; set a smaller one",
                        margin, Default(margin_key), limit_key, limit));
  }

  void Limits() {
    const auto& gpu = config_.gpu;
    Hysteresis("gpu.memory_hysteresis", gpu.memory_hysteresis, "gpu.memory_threshold", gpu.memory_threshold);
    Hysteresis("gpu.utilization_hysteresis", gpu.utilization_hysteresis, "gpu.utilization_threshold",
               gpu.utilization_threshold);
    Hysteresis("gpu.temperature_hysteresis", gpu.temperature_hysteresis, "gpu.max_temperature",
               gpu.max_temperature);
  }

  void Server() {
    const auto& server = config_.server;
    constexpr std::string_view kCertificate = "server.tls.certificate";
    constexpr std::string_view kKey = "server.tls.key";
    const bool certificate = server.tls.certificate.has_value();
    const bool key = server.tls.key.has_value();
    Require(!certificate || key, {kKey, kCertificate},
            "is missing, though server.tls.certificate is set: give both or none");
    Require(!key || certificate, {kCertificate, kKey},
            "is missing, though server.tls.key is set: give both or none");
    Require(server.limits.text_bytes <= server.limits.body_bytes,
            {"server.limits.text_bytes", "server.limits.body_bytes"},
            fmt::format("found {} bytes, more than server.limits.body_bytes ({}) lets in",
                        server.limits.text_bytes.count, server.limits.body_bytes.count));
    Remote();
  }

  void Remote() {
    const auto& server = config_.server;
    if (server.allow_insecure_remote || IsLoopback(server.listen.address)) return;
    constexpr std::string_view kAddress = "server.listen.address";
    constexpr auto kCure =
        "listen on 127.0.0.1, or set server.allow_insecure_remote if the network is trusted";
    Require(server.tls.certificate.has_value() || server.tls.key.has_value(),
            {kAddress, "server.allow_insecure_remote", "server.tls.certificate", "server.tls.key"},
            fmt::format("found {}, which other machines can reach, without TLS: set server.tls.certificate "
                        "and server.tls.key, {}",
                        server.listen.address, kCure));
    Require(config_.auth.enabled, {kAddress, "server.allow_insecure_remote", "auth.enabled"},
            fmt::format("found {}, which other machines can reach, without keys: set auth.enabled, {}",
                        server.listen.address, kCure));
  }

  void Models() {
    ModelNames();
    std::map<std::string, std::string> defaults;
    for (std::size_t i = 0; i < config_.models.size(); ++i) {
      const auto& model = config_.models[i];
      // Where the type is left to the folder, whoever reads the folders looks (the program, when it starts).
      if (!model.is_default || !model.type) continue;
      const auto [first, is_first] = defaults.emplace(*model.type, model.name);
      if (!is_first)
        ModelError(
            i, "default",
            fmt::format("{} is the default for {} already; mark one model", first->second, *model.type));
    }
  }
  // By what was read: a list with another mistake in it is not in the configuration.
  void ModelNames() {
    std::map<std::size_t, std::string> by_index;
    for (const auto& [path, text] : facts_.item_texts) {
      if (path.starts_with("models[") && path.ends_with("].name"))
        by_index[std::stoul(path.substr(path.find('[') + 1))] = text;
    }
    std::set<std::string> names;
    for (const auto& [index, name] : by_index) {
      if (!names.insert(name).second)
        ModelError(index, "name", fmt::format("{} is the name of two models", name));
    }
  }
  void ModelError(std::size_t index, std::string_view key, const std::string& message) {
    auto problem = About({"models"}, message);
    problem.key = fmt::format("models[{}].{}", index, key);
    if (const auto place = facts_.item_places.find(problem.key); place != facts_.item_places.end()) {
      problem.line = place->second.line;
      problem.column = place->second.column;
    }
    errors_.push_back(std::move(problem));
  }

  void Devices() {
    const auto& devices = config_.devices;
    constexpr std::string_view kFile = "devices.simulated_file";
    constexpr std::string_view kSource = "devices.source";
    const bool simulated = devices.source == DeviceSource::kSimulated;
    Require(!simulated || devices.simulated_file.has_value(), {kFile, kSource},
            "is missing, though devices.source is simulated");
    Require(simulated || !devices.simulated_file.has_value(), {kFile, kSource},
            fmt::format("is set, though devices.source is {}: set that to simulated, or take this away",
                        Name(devices.source)));
    Require(devices.cpu.empty() || devices.cpu_count == 1, {"devices.cpu_count", "devices.cpu"},
            "is set beside devices.cpu: give the number, or the list, not both");
    Require(config_.gpu.enabled || devices.source != DeviceSource::kNvml, {kSource, "gpu.enabled"},
            "found nvml, though gpu.enabled is false: choose cpu or auto, or enable GPUs");
  }

  void Workers() {
    const auto& workers = config_.workers;
    Require(workers.heartbeat_timeout >= 2 * workers.heartbeat_interval,
            {"workers.heartbeat_timeout", "workers.heartbeat_interval"},
            fmt::format("found {} s, allowed is at least twice workers.heartbeat_interval ({} s)",
                        Seconds(workers.heartbeat_timeout), Seconds(workers.heartbeat_interval)));
    Require(workers.restart_backoff.cap >= workers.restart_backoff.initial,
            {"workers.restart_backoff.cap", "workers.restart_backoff.initial"},
            fmt::format("found {} s, allowed is at least workers.restart_backoff.initial ({} s)",
                        Seconds(workers.restart_backoff.cap), Seconds(workers.restart_backoff.initial)));
  }

  void Profile() {
    const auto& periodic = config_.profile.periodic;
    Require(periodic.sample_duration <= periodic.interval,
            {"profile.periodic.sample_duration", "profile.periodic.interval"},
            fmt::format("found {} s, allowed is at most profile.periodic.interval ({} s)",
                        Seconds(periodic.sample_duration), Seconds(periodic.interval)));
    Require(periodic.minimum_samples <= periodic.window,
            {"profile.periodic.minimum_samples", "profile.periodic.window"},
            fmt::format("found {}, allowed is at most profile.periodic.window ({})", periodic.minimum_samples,
                        periodic.window));
  }

  void Warn(std::initializer_list<std::string_view> keys, const std::string& message) {
    if (!AnyFailed(keys)) loaded_.warnings.push_back(About(keys, message));
  }

  void Hints() {
    const auto& gpu = config_.gpu.multi_gpu;
    std::vector<std::string> types(KnownTaskTypes().begin(), KnownTaskTypes().end());
    for (const auto& [type, device] : gpu.task_specific_mappings) {
      if (std::find(types.begin(), types.end(), type) != types.end()) continue;
      const auto nearest = Nearest(type, types);
      Warn({"gpu.multi_gpu.task_specific_mappings"},
           fmt::format("{} is no task type that is known here{}", type,
                       nearest.empty() ? fmt::format(" (known are {})", fmt::join(types, ", "))
                                       : fmt::format(", did you mean {}?", nearest)));
    }
    constexpr std::string_view kBatch = "gpu.multi_gpu.min_batch_size_per_gpu";
    if (Default(kBatch).empty() && gpu.min_batch_size_per_gpu > gpu.max_concurrent_tasks_per_gpu)
      Warn(
          {"gpu.multi_gpu.min_batch_size_per_gpu", "gpu.multi_gpu.max_concurrent_tasks_per_gpu"},
          fmt::format("{} tasks of a batch go to one device, which runs {} at a time: the rest of them waits",
                      gpu.min_batch_size_per_gpu, gpu.max_concurrent_tasks_per_gpu));
    if (config_.server.allow_insecure_remote && !IsLoopback(config_.server.listen.address))
      Warn({"server.allow_insecure_remote"},
           "other machines can reach the server, and it was told not to insist on TLS and keys");
  }

  LoadedConfig& loaded_;
  const Config& config_;
  const ReadFacts& facts_;
  const SourceNames& names_;
  std::vector<Problem>& errors_;
};

}  // namespace

void CheckAcross(LoadedConfig& loaded, const ReadFacts& facts, const SourceNames& names,
                 std::vector<Problem>& errors) {
  loaded.warnings.clear();
  CrossChecks(loaded, facts, names, errors).Run();
}

}  // namespace altlas::config
