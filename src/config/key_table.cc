// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "config/binding.h"
#include "config/key_spec.h"
#include "config/text_checks.h"

// The table: one row a key. Names, types, ranges and sentences stand here, the default is the member's
// initializer in config.h. To add a key: a member there, a row here, its use where it is used; then write the
// reference page anew.
namespace altlas::config {
namespace {

constexpr double kDay = 86'400;
constexpr double kYear = 365 * kDay;
constexpr double kKiB = 1024;
constexpr double kMiB = 1024 * kKiB;
constexpr double kGiB = 1024 * kMiB;
constexpr double kPiB = 1024 * 1024 * kGiB;

std::vector<std::string> TaskTypes() { return {KnownTaskTypes().begin(), KnownTaskTypes().end()}; }

KeySpec MultiGpuRows() {
  using C = MultiGpuConfig;
  return Section(
      "multi_gpu", &GpuConfig::multi_gpu,
      "How tasks are dealt to several devices, and the queue they wait in.",
      {
          Key("enabled", &C::enabled, "Use every device; false uses the first one only."),
          Key("default_strategy", &C::default_strategy,
              "The strategy of a request that names none; it must stand in `strategies`. round_robin deals "
              "in turn; "
              "least_loaded takes the device with the least predicted work; memory_optimized the best fit "
              "for the memory a task "
              "needs; task_specific the device of `task_specific_mappings`; random any.")
              .AtRunTime(),
          Key("strategies", &C::strategies,
              "The strategies that a request may ask for; any other is refused.")
              .Items(1, 5)
              .AtRunTime(),
          Key("batch_split", &C::batch_split,
              "Deal the tasks of a batch to several devices; false sends each batch to one device. A request "
              "may say otherwise.")
              .AtRunTime(),
          Key("min_batch_size_per_gpu", &C::min_batch_size_per_gpu,
              "A split batch gives each device that takes part at least so many tasks.")
              .Range(1, 1024)
              .Unit("tasks")
              .AtRunTime(),
          Key("max_concurrent_tasks_per_gpu", &C::max_concurrent_tasks_per_gpu,
              "How many tasks run on one device at a time.")
              .Range(1, kMostTasksPerDevice)
              .Unit("tasks")
              .AtRunTime(),
          Key("task_specific_mappings", &C::task_specific_mappings,
              "Which device runs which task type under task_specific: type names, each with a device id such "
              "as gpu_0. A device "
              "that does not exist is a warning at start, not an error.")
              .AtRunTime(),
          Key("task_specific_unavailable", &C::task_specific_unavailable,
              "What happens under task_specific to a task whose type has no mapping or whose device is "
              "absent or unhealthy: "
              "fallback to the default strategy (to least_loaded where that is task_specific itself), wait "
              "for the device until the "
              "task's time is up, or fail at once.")
              .AtRunTime(),
          Key("queue_processing_interval", &C::queue_processing_interval,
              "The longest time between two sweeps of the queue (time limits, placing again). A slot that "
              "becomes free is filled "
              "at once, never at the next sweep.")
              .Range(0.001, 60),
          Key("queue_priority_levels", &C::queue_priority_levels,
              "The names of the priorities, each with its number; lower numbers run first. Waiting raises a "
              "task, so that none "
              "waits for ever.")
              .Range(-1000, 1000)
              .Items(1, 64),
          Key("queue_aging", &C::queue_aging,
              "One level of priority is worth this much waiting: a task goes before those of the next lower "
              "level "
              "that came less than this before it.")
              .Range(0, 3600)
              .AtRunTime(),
          Key("default_queue_priority", &C::default_queue_priority,
              "The priority of a request that names none; it must stand in `queue_priority_levels`.")
              .AtRunTime(),
          Key("max_queue_size", &C::max_queue_size,
              "With so many tasks waiting, further ones are refused with 429.")
              .Range(1, 10'000'000)
              .Unit("tasks")
              .AtRunTime(),
          Key("queue_timeout", &C::queue_timeout,
              "A task that waits longer in the queue is canceled, with this as its reason.")
              .Range(0.001, kYear)
              .AtRunTime(),
      });
}

KeySpec MonitoringRows() {
  using C = MonitoringConfig;
  return Section(
      "monitoring", &GpuConfig::monitoring, "What is watched, and what is shown of it.",
      {
          Key("enabled", &C::enabled,
              "Sample the devices regularly and count what happens; false turns every metric below off.")
              .AtRunTime(),
          Key("interval", &C::interval, "The time between two samples of the devices.")
              .Range(0.1, 3600)
              .AtRunTime(),
          Key("prometheus_metrics", &C::prometheus_metrics, "Serve the metrics in Prometheus' text format."),
          Key("prometheus_endpoint", &C::prometheus_endpoint, "The path where they are served.")
              .Check(CheckEndpoint),
          Key("log_level", &C::log_level, "The least severe lines that are logged.").AtRunTime(),
          Key("detailed_gpu_metrics", &C::detailed_gpu_metrics,
              "Metrics of each device: utilization, memory, temperature, power, clocks, ECC errors, health.")
              .AtRunTime(),
          Key("task_metrics", &C::task_metrics,
              "Metrics of tasks: counts and latencies by type, model, device, priority and outcome.")
              .AtRunTime(),
          Key("queue_metrics", &C::queue_metrics,
              "Metrics of the queue: depth, age of the oldest task, waits and refusals by priority.")
              .AtRunTime(),
      });
}

KeySpec GpuRows() {
  using C = GpuConfig;
  return Section(
      "gpu", &Config::gpu,
      "Which devices are used, and the limits past which a device gets no new work until it is under them "
      "again.",
      {
          Key("enabled", &C::enabled, "Use GPUs; false serves on CPU devices only."),
          Key("min_compute_capability", &C::min_compute_capability,
              "GPUs with a lower CUDA compute capability are left out. Does not apply to CPU devices.")
              .Range(0, 100),
          Key("memory_threshold", &C::memory_threshold,
              "A device of whose memory others use a larger share gets no new work. Our own tasks do not "
              "count here: their memory "
              "is planned.")
              .Range(0, 1)
              .Unit("share")
              .AtRunTime(),
          Key("memory_hysteresis", &C::memory_hysteresis,
              "How far the share must fall below memory_threshold before the device gets work again.")
              .Range(0, 1)
              .Unit("share")
              .AtRunTime(),
          Key("utilization_threshold", &C::utilization_threshold,
              "A device that others keep busy for a larger share of the time gets no new work. Our own tasks "
              "do not count here: "
              "their number is bounded. Does not apply to CPU devices.")
              .Range(0, 1)
              .Unit("share")
              .AtRunTime(),
          Key("utilization_hysteresis", &C::utilization_hysteresis,
              "How far the share must fall below utilization_threshold before the device gets work again.")
              .Range(0, 1)
              .Unit("share")
              .AtRunTime(),
          Key("max_temperature", &C::max_temperature,
              "A hotter device gets no new work. Does not apply to a device without a sensor.")
              .Range(0, 150)
              .Unit("degrees Celsius")
              .AtRunTime(),
          Key("temperature_hysteresis", &C::temperature_hysteresis,
              "How far the temperature must fall below max_temperature before the device gets work again.")
              .Range(0, 100)
              .Unit("degrees Celsius")
              .AtRunTime(),
          Key("health_check_interval", &C::health_check_interval,
              "The time between two checks of a device's health.")
              .Range(0.1, kDay)
              .AtRunTime(),
          MultiGpuRows(),
          MonitoringRows(),
      });
}

KeySpec LimitsRows() {
  using C = LimitsConfig;
  return Section(
      "limits", &ServerConfig::limits,
      "What a client may ask for; past a limit it gets an error that names the limit.",
      {
          Key("header_bytes", &C::header_bytes, "The head of a request: 431 past it.").Range(kKiB, kMiB),
          Key("body_bytes", &C::body_bytes, "The body of a request: 413 past it.").Range(kKiB, kGiB),
          Key("json_nesting", &C::json_nesting, "How deep the JSON of a body may nest.")
              .Range(4, 1000)
              .Unit("levels"),
          Key("connections", &C::connections, "Open connections; further ones are turned away.")
              .Range(1, 1'000'000),
          Key("request_time", &C::request_time,
              "For a client to send one whole request: 408 past it. Its head alone has at most 10 s of it.")
              .Range(0.1, 3600),
          Key("idle_time", &C::idle_time, "A connection on which no request begins for so long is closed.")
              .Range(0.1, kDay),
          Key("text_bytes", &C::text_bytes, "The text of one task: 413 past it.").Range(1, kGiB),
          Key("batch_items", &C::batch_items, "The tasks of one batch.").Range(1, 100'000).Unit("tasks"),
          Key("wait_time", &C::wait_time, "The longest time that a request may wait for its result.")
              .Range(0, 3600),
      });
}

KeySpec ServerRows() {
  using C = ServerConfig;
  return Section(
      "server", &Config::server, "The HTTP interface.",
      {
          Section("listen", &C::listen, "Where it listens.",
                  {
                      Key("address", &ListenConfig::address,
                          "The IP address. One that other machines can reach needs TLS and keys, or "
                          "allow_insecure_remote.")
                          .Check(CheckAddress),
                      Key("port", &ListenConfig::port, "The TCP port; 0 takes a free one and logs it.")
                          .Range(0, 65535),
                  }),
          Section("tls", &C::tls, "HTTPS. Give both files or none.",
                  {
                      Key("certificate", &TlsConfig::certificate, "The certificate chain, PEM.")
                          .Absent("plain HTTP"),
                      Key("key", &TlsConfig::key, "Its private key, PEM.").Absent("plain HTTP"),
                  }),
          Key("allow_insecure_remote", &C::allow_insecure_remote,
              "Start also where other machines can reach the server without TLS or without keys. Anyone on "
              "the way can then read "
              "the texts and the keys."),
          LimitsRows(),
          Section("cors", &C::cors, "Access from pages of other origins.",
                  {
                      Key("allowed_origins", &CorsConfig::allowed_origins,
                          "The origins whose pages may call the interface, such as https://example.org, or "
                          "\"*\" for every one.")
                          .Check(CheckOrigin)
                          .Items(0, 256),
                  }),
          Key("drain_timeout", &C::drain_timeout,
              "On a stop, how long open requests may take to end before they are cut. Accepted tasks are "
              "kept in any case.")
              .Range(0, 3600),
      });
}

KeySpec AuthRows() {
  using C = AuthConfig;
  return Section(
      "auth", &Config::auth, "Who may use the HTTP interface.",
      {
          Key("enabled", &C::enabled, "Ask for an API key on everything but the health probes."),
          Key("metrics_open", &C::metrics_open, "Serve the metrics without a key.").AtRunTime(),
          Section(
              "rate_limit", &C::rate_limit, "A limit on the requests of each key: 429 past it.",
              {
                  Key("requests_per_second", &RateLimitConfig::requests_per_second,
                      "The lasting rate; 0 is no limit.")
                      .Range(0, 1'000'000)
                      .Unit("requests per second")
                      .AtRunTime(),
                  Key("burst", &RateLimitConfig::burst, "How many requests may come at once after a pause.")
                      .Range(1, 1'000'000)
                      .Unit("requests")
                      .AtRunTime(),
              }),
      });
}

KeySpec StoreRows() {
  using C = StoreConfig;
  return Section(
      "store", &Config::store, "Where accepted tasks and their results are kept.",
      {
          Key("kind", &C::kind, "sqlite keeps them over restarts and power cuts; memory keeps nothing."),
          Key("path", &C::path,
              "The folder of the database and of all that belongs to it; made where it is missing. It "
              "must be this user's own, and nobody else may write to it.")
              .Absent("the state directory"),
          Section("retention", &C::retention, "How long finished tasks are kept.",
                  {
                      Key("max_age", &RetentionConfig::max_age, "Finished tasks older than this are deleted.")
                          .Range(1, 100 * kYear),
                      Key("max_tasks", &RetentionConfig::max_tasks,
                          "Past so many finished tasks the oldest are deleted.")
                          .Range(1, 1e9)
                          .Unit("tasks"),
                  }),
          Key("min_free_bytes", &C::min_free_bytes,
              "With less room on the disk no new task is accepted (507) until there is room again; accepted "
              "ones go on.")
              .Range(0, kPiB),
      });
}

KeySpec ModelRows() {
  using C = ModelConfig;
  return Objects(
      "models", &Config::models,
      "The models to serve, a list. With none at all the small model that ships with the program is served.",
      {
          Key("name", &C::name, "The name by which requests ask for it.").Check(CheckModelName).Required(),
          Key("path", &C::path, "Its folder; a relative one counts from the folder of this file.").Required(),
          Key("type", &C::type, "The task type it serves. Its family says which one that can be.")
              .Choices(TaskTypes())
              .Absent("by the model's family"),
          Key("dtype", &C::dtype, "The type of numbers it computes with, on every device alike."),
          Key("default", &C::is_default,
              "Take it for requests of its type that name no model; else the first of the type."),
          Key("devices", &C::devices, "The ids of the devices that load it.")
              .Items(1, 1024)
              .Absent("every device"),
          Key("kv_cache", &C::kv_cache, "Memory for the KV cache on each device.")
              .Range(kMiB, kPiB)
              .Absent("by the device's memory"),
          Key("context_length", &C::context_length, "The longest text and answer together.")
              .Range(16, 16'777'216)
              .Unit("tokens")
              .Absent("the model's own"),
      });
}

KeySpec DevicesRows() {
  using C = DevicesConfig;
  return Section(
      "devices", &Config::devices,
      "Where devices come from, and how the CPU is cut into devices where there is no GPU.",
      {
          Key("source", &C::source,
              "auto takes the GPUs that NVML reports and, where there are none, the CPU; nvml and cpu insist "
              "on one of them; "
              "simulated reads made-up devices from a file, for tests."),
          Key("simulated_file", &C::simulated_file, "The file of the simulated devices.").Absent("none"),
          Key("cpu_count", &C::cpu_count,
              "Cut the CPU into so many equal devices. Where `cpu` lists devices, leave it out.")
              .Range(1, 256)
              .Unit("devices"),
          Objects(
              "cpu", &C::cpu, "CPU devices one by one, equal or not: gpu_0, gpu_1 and so on in this order.",
              {
                  Key("threads", &CpuDeviceConfig::threads,
                      "Its threads; 0 is an equal share of the machine's cores.")
                      .Range(0, 4096),
                  Key("quota", &CpuDeviceConfig::quota, "The share of its threads' time that it may use.")
                      .Range(0.01, 1)
                      .Unit("share"),
                  Key("pin", &CpuDeviceConfig::pin, "The numbers of the CPUs that it stays on; empty: any.")
                      .Range(0, 4095)
                      .Items(0, 4096),
                  Key("memory", &CpuDeviceConfig::memory, "The memory it may use.")
                      .Range(16 * kMiB, kPiB)
                      .Absent("the machine's memory"),
              })
              .Items(0, 256),
      });
}

KeySpec WorkersRows() {
  using C = WorkersConfig;
  return Section(
      "workers", &Config::workers, "The worker processes, one for each device.",
      {
          Key("program", &C::program, "The program to start.").Absent("alt_las_worker beside alt_las"),
          Key("heartbeat_interval", &C::heartbeat_interval, "The time between two signs of life of a worker.")
              .Range(0.05, 60),
          Key("heartbeat_timeout", &C::heartbeat_timeout,
              "A worker silent for so long is restarted; at least twice heartbeat_interval.")
              .Range(0.1, 3600),
          Key("progress_timeout", &C::progress_timeout,
              "A worker that gives signs of life and gets no further with its tasks for so long is "
              "restarted.")
              .Range(1, kDay),
          Section(
              "restart_backoff", &C::restart_backoff,
              "The wait before a worker that died is started again: it doubles from one death to the next.",
              {
                  Key("initial", &BackoffConfig::initial, "The first wait.").Range(0.01, 3600),
                  Key("cap", &BackoffConfig::cap, "The longest wait.").Range(0.01, 3600),
              }),
          Key("orphan_time", &C::orphan_time,
              "A worker that cannot reach the manager for so long ends itself.")
              .Range(1, kDay),
          Key("adopt_timeout", &C::adopt_timeout,
              "How long a restarted manager waits for a worker that outlived the one before; then that "
              "worker "
              "is ended and another started.")
              .Range(0.1, 3600),
          Key("max_attempts", &C::max_attempts,
              "A task fails once so many workers went down or broke while they ran it. Losses count, not "
              "attempts: what a worker gave back in order, or a restart of the manager, is none.")
              .Range(1, 100)
              .Unit("losses"),
          Key("allocator", &C::allocator,
              "The settings of PyTorch's GPU memory allocator: auto takes those that fit the device (alt_las "
              "tune "
              "env), off sets none, anything else is taken as it stands, e.g. max_split_size_mb:128. A "
              "variable "
              "that is set where the server starts wins over auto."),
          Key("debug_allocator", &C::debug_allocator,
              "For finding faults only, many times slower: GPU workers wait for every kernel "
              "(CUDA_LAUNCH_BLOCKING) and ask the driver for every allocation "
              "(PYTORCH_NO_CUDA_MEMORY_CACHING)."),
      });
}

KeySpec ProfileRows() {
  using C = PeriodicConfig;
  return Section(
      "profile", &Config::profile, "Where the time goes while the server runs.",
      {
          Section(
              "periodic", &ProfileConfig::periodic,
              "Short samples of each worker, kept as a history and held against what is normal for its "
              "models "
              "there.",
              {
                  Key("enabled", &C::enabled, "Take samples; false takes none and asks workers for nothing.")
                      .AtRunTime(),
                  Key("interval", &C::interval, "The time from one sample to the next.")
                      .Range(0.05, kDay)
                      .AtRunTime(),
                  Key("sample_duration", &C::sample_duration,
                      "How long a sample lasts; at most `interval`. The share of the time that is watched is "
                      "the "
                      "one by the other.")
                      .Range(0.01, 60)
                      .AtRunTime(),
                  Key("operators", &C::operators,
                      "How many of the costliest operators a sample names; 0 watches none.")
                      .Range(0, 64)
                      .Unit("operators")
                      .AtRunTime(),
                  Key("history_samples", &C::history_samples, "Past so many samples the oldest are deleted.")
                      .Range(1, 10'000'000)
                      .Unit("samples")
                      .AtRunTime(),
                  Key("history_age", &C::history_age, "Samples older than this are deleted.")
                      .Range(1, 100 * kYear)
                      .AtRunTime(),
                  Key("window", &C::window,
                      "The normal is learned from so many of the last samples of a model on a device.")
                      .Range(3, 1000)
                      .Unit("samples")
                      .AtRunTime(),
                  Key("minimum_samples", &C::minimum_samples,
                      "Nothing is judged before there are so many; at most `window`.")
                      .Range(3, 1000)
                      .Unit("samples")
                      .AtRunTime(),
                  Key("threshold", &C::threshold,
                      "A figure is slow where it is above the median of the window by more than so many "
                      "spreads "
                      "(1.4826 times the median absolute deviation) and by more than `minimum_change`.")
                      .Range(1, 1000)
                      .Unit("spreads")
                      .AtRunTime(),
                  Key("minimum_change", &C::minimum_change,
                      "The share of the median below which a difference is none, however small the spread.")
                      .Range(0, 100)
                      .Unit("share")
                      .AtRunTime(),
                  Key("adopt_after", &C::adopt_after,
                      "After so many slow samples in a row what they show is the normal.")
                      .Range(3, 1000)
                      .Unit("samples")
                      .AtRunTime(),
              }),
      });
}

void GivePaths(KeySpec& parent) {
  for (auto& child : parent.children) {
    const auto* mark = parent.type == KeyType::kObjects ? "[]." : parent.path.empty() ? "" : ".";
    child.path = parent.path + mark + child.name;
    if (child.type == KeyType::kSection || child.type == KeyType::kObjects) GivePaths(child);
  }
}

KeySpec BuildTable() {
  KeySpec root;
  root.sentence = "The configuration of alt_las.";
  root.children = {
      Section("system", &Config::system,
              "Reserved for settings of the system as a whole; it has no keys yet and may stand empty.", {}),
      GpuRows(),
      ServerRows(),
      AuthRows(),
      StoreRows(),
      ModelRows(),
      DevicesRows(),
      WorkersRows(),
      ProfileRows(),
  };
  GivePaths(root);
  return root;
}

}  // namespace

const KeySpec& KeyTable() {
  static const KeySpec kTable = BuildTable();
  return kTable;
}

}  // namespace altlas::config
