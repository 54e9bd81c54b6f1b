// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/strategy.h"

// The configuration as plain values. `Config{}` is the default configuration: each member's initializer is
// that key's default, and the table in key_table.cc (which names, bounds and explains every key) reads it
// from there. Copyable, no behaviour, no locks: share one by value or as a pointer to const, and swap it
// whole on a change. Durations are milliseconds here and seconds in the file; sizes are bytes.
namespace altlas::config {

using std::chrono::milliseconds;

struct Bytes {
  std::uint64_t count = 0;
  auto operator<=>(const Bytes&) const = default;
};
constexpr Bytes KiB(std::uint64_t n) { return {n << 10}; }
constexpr Bytes MiB(std::uint64_t n) { return {n << 20}; }

enum class StoreKind { kSqlite, kMemory };
enum class Dtype { kFloat32, kBfloat16, kFloat16 };
enum class DeviceSource { kAuto, kNvml, kCpu, kSimulated };

// The spelling of the file, e.g. "round_robin", "bfloat16".
std::string_view Name(Strategy value);
std::string_view Name(Dtype value);
std::string_view Name(DeviceSource value);

// The task types of the HTTP interface, text_generation first.
std::span<const std::string_view> KnownTaskTypes();

// `system`: no keys yet; the section may stand empty in a file.
struct SystemConfig {};

// The upper end of max_concurrent_tasks_per_gpu. Workers are started for so many, so that the key can be
// raised at run time.
inline constexpr int kMostTasksPerDevice = 1024;

// `gpu.multi_gpu`
struct MultiGpuConfig {
  bool enabled = true;  // false: one device only, the first
  Strategy default_strategy = Strategy::kLeastLoaded;
  std::vector<Strategy> strategies = AllStrategies();
  bool batch_split = true;
  int min_batch_size_per_gpu = 4;
  int max_concurrent_tasks_per_gpu = 8;
  std::map<std::string, std::string> task_specific_mappings;  // task type -> device id
  MappingAnswer task_specific_unavailable = MappingAnswer::kFallback;
  milliseconds queue_processing_interval{100};
  std::map<std::string, int> queue_priority_levels = {
      {"high", 0}, {"normal", 1}, {"low", 2}};          // lower runs first
  milliseconds queue_aging = std::chrono::seconds(30);  // one level is worth this much waiting
  std::string default_queue_priority = "normal";        // always one of queue_priority_levels
  int max_queue_size = 1000;
  milliseconds queue_timeout = std::chrono::hours(1);
};

// `gpu.monitoring`
struct MonitoringConfig {
  bool enabled = true;
  milliseconds interval = std::chrono::seconds(10);
  bool prometheus_metrics = true;
  std::string prometheus_endpoint = "/metrics";
  LogLevel log_level = LogLevel::kInfo;
  bool detailed_gpu_metrics = true;
  bool task_metrics = true;
  bool queue_metrics = true;
};

// `gpu`. A device past a limit gets no new work; it comes back once it is under the limit by the hysteresis.
struct GpuConfig {
  bool enabled = true;
  double min_compute_capability = 7.0;
  double memory_threshold = 0.9;  // shares of 1, used by others
  double memory_hysteresis = 0.05;
  double utilization_threshold = 0.95;
  double utilization_hysteresis = 0.05;
  double max_temperature = 85;  // degrees Celsius
  double temperature_hysteresis = 5;
  milliseconds health_check_interval = std::chrono::seconds(60);
  MultiGpuConfig multi_gpu;
  MonitoringConfig monitoring;
};

// `server.listen`. Port 0 lets the system choose.
struct ListenConfig {
  std::string address = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 8080;
};

// `server.tls`: both or neither.
struct TlsConfig {
  std::optional<std::filesystem::path> certificate;
  std::optional<std::filesystem::path> key;
};

// `server.limits`
struct LimitsConfig {
  Bytes header_bytes = KiB(16);
  Bytes body_bytes = MiB(16);
  int json_nesting = 32;
  int connections = 4096;
  milliseconds request_time = std::chrono::seconds(30);  // for a client to send one whole request
  milliseconds idle_time = std::chrono::seconds(75);     // between two requests of a connection
  Bytes text_bytes = MiB(1);                             // the text of one task
  int batch_items = 1024;
  milliseconds wait_time = std::chrono::minutes(5);  // the longest ?wait=
};

// `server.cors`: "*" or origins such as "https://example.org".
struct CorsConfig {
  std::vector<std::string> allowed_origins;
};

// `server`
struct ServerConfig {
  ListenConfig listen;
  TlsConfig tls;
  bool allow_insecure_remote = false;
  LimitsConfig limits;
  CorsConfig cors;
  milliseconds drain_timeout = std::chrono::seconds(30);
};

// `auth.rate_limit`: a token bucket for each key.
struct RateLimitConfig {
  double requests_per_second = 0;  // 0: off
  int burst = 20;
};

// `auth`
struct AuthConfig {
  bool enabled = true;
  bool metrics_open = false;
  RateLimitConfig rate_limit;
};

// `store.retention`: of tasks in a final state.
struct RetentionConfig {
  milliseconds max_age = std::chrono::hours(24 * 7);
  std::int64_t max_tasks = 1'000'000;
};

// `store`
struct StoreConfig {
  StoreKind kind = StoreKind::kSqlite;
  std::optional<std::filesystem::path> path;  // absent: in the state directory
  RetentionConfig retention;
  Bytes min_free_bytes = MiB(256);  // with less room on the disk no new task is accepted
};

// One item of `models`. With no item at all the model that ships with the project is served.
struct ModelConfig {
  std::string name;
  std::filesystem::path path;
  std::optional<std::string> type;  // absent: what its family serves, which only its folder says
  Dtype dtype = Dtype::kFloat32;
  bool is_default = false;                          // `default`
  std::optional<std::vector<std::string>> devices;  // absent: every device
  std::optional<Bytes> kv_cache;                    // absent: the worker chooses by the device's memory
  std::optional<int> context_length;                // absent: the model's own
};

// One item of `devices.cpu`.
struct CpuDeviceConfig {
  int threads = 0;              // 0: an equal share of the machine's cores
  double quota = 1.0;           // the share of its threads' time that it may use, 0.01 to 1
  std::vector<int> pin;         // CPU numbers; empty: not pinned
  std::optional<Bytes> memory;  // absent: the machine's memory
};

// `devices`
struct DevicesConfig {
  DeviceSource source = DeviceSource::kAuto;            // auto: GPUs where NVML finds any, else CPU devices
  std::optional<std::filesystem::path> simulated_file;  // given exactly where source is simulated
  int cpu_count = 1;                                    // equal CPU devices; counts only where `cpu` is empty
  std::vector<CpuDeviceConfig> cpu;
};

// `workers.restart_backoff`: doubles from `initial` to `cap`.
struct BackoffConfig {
  milliseconds initial{500};
  milliseconds cap = std::chrono::seconds(30);
};

// `workers`
struct WorkersConfig {
  std::optional<std::filesystem::path> program;  // absent: alt_las_worker beside alt_las
  milliseconds heartbeat_interval = std::chrono::seconds(1);
  milliseconds heartbeat_timeout = std::chrono::seconds(10);
  milliseconds progress_timeout = std::chrono::minutes(2);
  BackoffConfig restart_backoff;
  milliseconds orphan_time = std::chrono::minutes(1);
  milliseconds adopt_timeout = std::chrono::seconds(5);
  int max_attempts = 2;  // losses: a task fails once so many workers went down or broke while running it
  std::string allocator = "auto";  // of GPU memory: "auto", "off", or a text of PyTorch's own
  bool debug_allocator = false;
};

// `profile.periodic`: short samples of a running server.
struct PeriodicConfig {
  bool enabled = true;
  milliseconds interval = std::chrono::minutes(1);
  milliseconds sample_duration = std::chrono::seconds(1);
  int operators = 10;
  std::int64_t history_samples = 20'000;
  milliseconds history_age = std::chrono::hours(24 * 7);
  int window = 60;
  int minimum_samples = 20;
  double threshold = 5;         // spreads
  double minimum_change = 0.1;  // a share of the normal
  int adopt_after = 30;
};

// `profile`
struct ProfileConfig {
  PeriodicConfig periodic;
};

struct Config {
  SystemConfig system;
  GpuConfig gpu;
  ServerConfig server;
  AuthConfig auth;
  StoreConfig store;
  std::vector<ModelConfig> models;
  DevicesConfig devices;
  WorkersConfig workers;
  ProfileConfig profile;
};

// The model of a type that a request without a name gets: the one marked default, else the first; null where
// there is none.
// The task type a model serves: the configured one; text_generation where the folder has not been asked yet.
std::string_view TypeOf(const ModelConfig& model);
// Of the models of the type, the one that is marked, else the first; null where there is none.
const ModelConfig* DefaultModel(std::span<const ModelConfig> models, std::string_view type);
inline const ModelConfig* DefaultModel(const Config& config, std::string_view type) {
  return DefaultModel(config.models, type);
}

// Whether `address` (see ListenConfig) can be reached from this machine alone.
bool IsLoopback(std::string_view address);

}  // namespace altlas::config
