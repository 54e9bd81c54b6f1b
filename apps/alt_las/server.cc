// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <algorithm>
#include <csignal>

#include "backend/worker_backend.h"
#include "backend/worker_hub.h"
#include "base/file.h"
#include "base/log.h"
#include "gateway/api_errors.h"
#include "gateway/gateway.h"
#include "gateway/http_metrics.h"
#include "machine_checks.h"
#include "net/http_server.h"
#include "open_state.h"
#include "periodic/profiler.h"
#include "pool/device_monitor.h"
#include "runtime_config.h"
#include "settings.h"
#include "tls_files.h"

namespace altlas::app {
namespace {

constexpr Duration kLeastHttpDrain = std::chrono::seconds(5);
constexpr Duration kReadyLook = std::chrono::milliseconds(100);

Result<std::unique_ptr<store::Store>> OpenStore(const ServerOptions& options, const Clock& clock,
                                                net::IoLoop& loop) {
  const auto& config = options.config.config;
  if (config.store.kind == config::StoreKind::kMemory)
    return store::CreateMemoryStore(RetentionOf(config), clock, loop.AsExecutor());
  store::SqliteOptions sqlite;
  ALTLAS_TRY(sqlite.folder, store::PrepareStateDir(StoreFolder(options.config, options.state),
                                                   config.store.path ? kStorePathRole : store::FolderRole{}));
  sqlite.retention = RetentionOf(config);
  sqlite.min_free_bytes = config.store.min_free_bytes.count;
  return store::OpenSqliteStore(std::move(sqlite), clock, loop.AsExecutor());
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerOptions options)
      : options_(std::move(options)), config_(options_.config, options_.config_source) {}
  ~Impl() { monitor_.reset(); }

  Status Build();
  int Run();

 private:
  const config::Config& config() const { return config_.current().config; }
  std::unique_ptr<backend::Backend> MakeBackend(const device::DeviceSnapshot& device,
                                                backend::BackendListener listener);
  void OnDevices(Result<std::vector<device::DeviceSnapshot>> devices);
  Status LoadTls();
  Status Listen();
  Status Open();
  net::HttpServerOptions HttpOptions(const config::Config& config);
  net::HttpHandler Handler();
  Status Apply(const config::LoadedConfig& changed);
  void Greet();
  void MakeFirstKey();
  void OnSignal(int signal);
  void ReloadTls();
  void Shutdown(backend::StopMode mode);
  void Fail(const Error& error);
  void AnnounceWhenReady();
  void Announce();
  std::filesystem::path AddressFile() const { return options_.state / "address"; }

  ServerOptions options_;
  RuntimeConfig config_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<net::IoLoop> loop_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<gateway::KeyRing> keys_;
  std::unique_ptr<backend::WorkerHub> hub_;
  std::unique_ptr<pool::Pool> pool_;
  std::unique_ptr<periodic::Profiler> profiler_;  // asks the pool's backends
  std::unique_ptr<pool::DeviceMonitor> monitor_;
  std::unique_ptr<gateway::Gateway> gateway_;
  net::HttpHandler serve_;
  std::shared_ptr<net::TlsContext> tls_;
  TlsFacts tls_facts_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::HttpServer> admin_;
  net::IoLoop::Timer ready_timer_;
  net::IoLoop::Timer stop_timer_;
  std::vector<config::ModelConfig> models_;
  std::string url_;
  bool address_written_ = false;
  bool open_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
};

// All that can go wrong comes before the first worker is touched: the workers that an earlier manager left
// behind, and their tasks, wait for a start that works.
Status Server::Impl::Build() {
  ALTLAS_TRY_VOID(CheckExposure(config()));
  SetLogLevel(config().gpu.monitoring.log_level);
  config::LogWhatWasRead(config_.current());
  const auto machine = CheckMachine(config_.current(), clock_.WallNow());
  for (const auto& warning : machine.warnings) ALTLAS_WARN("config", config::FormatProblem(warning));
  for (const auto& warning : FolderWarnings({options_.state, StoreFolder(config_.current(), options_.state)}))
    ALTLAS_WARN("server", warning);
  if (!machine.errors.empty())
    return Error{ErrorCode::kInvalidArgument, config::FormatProblems(machine.errors)};
  ALTLAS_TRY(auto probe, MakeProbe(config_.current()));
  ALTLAS_TRY(loop_, net::IoLoop::Create());
  ALTLAS_TRY_VOID(loop_->OnSignals({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { OnSignal(signal); }));
  ALTLAS_TRY(store_, OpenStore(options_, clock_, *loop_));
  const auto& limit = config().auth.rate_limit;
  keys_ =
      std::make_unique<gateway::KeyRing>(store_->keys(), clock_, loop_->AsExecutor(), config().auth.enabled,
                                         gateway::RateLimit{limit.requests_per_second, limit.burst});
  ALTLAS_TRY_VOID(keys_->Load());
  ALTLAS_TRY_VOID(LoadTls());
  models_ = ModelsOf(config_.current());

  pool::PoolOptions pool;
  pool.sched = SchedConfigOf(config());
  for (const auto& model : models_)
    pool.models.push_back({model.name, std::string(config::TypeOf(model)), model.devices});
  pool.max_worker_losses = config().workers.max_attempts;
  pool.queue_sweep = config().gpu.multi_gpu.queue_processing_interval;
  pool.seed = static_cast<std::uint64_t>(clock_.WallNow());
  profiler_ = std::make_unique<periodic::Profiler>(ProfilerOptionsOf(config()), *loop_, clock_,
                                                   store_->profiles(), registry_);
  ALTLAS_TRY_VOID(profiler_->Start().Context("reading the history of samples"));
  ALTLAS_TRY(pool_, pool::Pool::Create(std::move(pool), *loop_, clock_, *store_, registry_,
                                       [this](const auto& device, auto listener) {
                                         return MakeBackend(device, std::move(listener));
                                       }));
  pool_->SetMetricSwitches(SwitchesOf(config()));
  ALTLAS_TRY_VOID(pool_->Recover().Context("reading the unfinished tasks in " +
                                           StoreFolder(config_.current(), options_.state).string()));

  gateway_ = std::make_unique<gateway::Gateway>(
      gateway::GatewayDeps{*loop_, clock_, *pool_, *store_, *keys_, config_, registry_, models_, [this] {
                             if (monitor_) monitor_->Refresh();
                           }});
  serve_ = gateway_->Handler();
  ALTLAS_TRY_VOID(Listen());
  config_.SetApply([this](const config::LoadedConfig& changed) { return Apply(changed); });
  const Duration interval = std::min(config().gpu.health_check_interval, config().gpu.monitoring.interval);
  monitor_ = std::make_unique<pool::DeviceMonitor>(std::move(probe), interval, loop_->AsExecutor(),
                                                   [this](auto devices) { OnDevices(std::move(devices)); });
  return {};
}

std::unique_ptr<backend::Backend> Server::Impl::MakeBackend(const device::DeviceSnapshot& device,
                                                            backend::BackendListener listener) {
  const auto& workers = config().workers;
  backend::WorkerBackendOptions o;
  o.session.device = device.id;
  o.session.welcome.models = ModelSpecsFor(models_, device);
  o.session.welcome.threads = static_cast<std::uint32_t>(std::max(0, device.threads));
  // Not max_concurrent_tasks_per_gpu: that is the scheduler's limit and may be raised while the worker runs.
  o.session.welcome.max_batch = config::kMostTasksPerDevice;
  o.session.welcome.heartbeat_interval_ms = static_cast<std::uint32_t>(workers.heartbeat_interval.count());
  o.session.welcome.orphan_ms = static_cast<std::uint64_t>(workers.orphan_time.count());
  o.session.heartbeat_within = workers.heartbeat_timeout;
  o.session.progress_within = workers.progress_timeout;
  o.session.adopt_within = workers.adopt_timeout;
  o.session.drain_within = config().server.drain_timeout;
  o.session.first_restart = workers.restart_backoff.initial;
  o.session.restart_cap = workers.restart_backoff.cap;
  o.program = WorkerProgram(config_.current());
  if (device.cpu_quota < 1) o.cpu_quota = device.cpu_quota * std::max(1, device.threads);
  o.cpus = device.pin;
  // A simulated GPU is a device to try the scheduling on: its models compute on the processor.
  if (device.kind == device::DeviceKind::kGpu &&
      config().devices.source != config::DeviceSource::kSimulated) {
    o.arguments = {"--accelerator", "cuda"};
    o.environment.emplace_back("CUDA_VISIBLE_DEVICES", device.uuid);
    for (auto& variable : GpuWorkerVariables(workers, device))
      o.environment.emplace_back(std::move(variable.name), std::move(variable.value));
  }
  // Samples are not the pool's business.
  backend::BackendListener sorted = [this, listener = std::move(listener)](std::string_view id,
                                                                           backend::BackendEvent event) {
    if (const auto* report = std::get_if<wire::ProfileReport>(&event))
      return profiler_->OnReport(id, *report);
    if (const auto* state = std::get_if<backend::StateChanged>(&event);
        state != nullptr && state->state != backend::BackendState::kReady)
      profiler_->OnNotReady(id);
    listener(id, std::move(event));
  };
  auto made = backend::WorkerBackend::Create(*hub_, std::move(o), std::move(sorted));
  if (!made.has_value()) {
    ALTLAS_ERROR("server", "no worker for this device", {"device", device.id}, {"why", made.error().message});
    return nullptr;
  }
  profiler_->Add(device.id, **made);
  return std::move(*made);
}

void Server::Impl::OnDevices(Result<std::vector<device::DeviceSnapshot>> devices) {
  if (!devices.has_value()) {
    ALTLAS_WARN("pool", "the devices cannot be read", {"why", devices.error().message});
    if (!open_) Fail(devices.error());
    return;
  }
  if (!open_) {
    if (auto status = Open(); !status.has_value()) return Fail(status.error());
  }
  std::vector<device::OwnProcess> own;
  for (auto& [id, pid] : pool_->WorkerPids()) own.push_back({id, pid});
  monitor_->SetOwnProcesses(std::move(own));
  pool_->UpdateDevices(*devices);
  if (std::exchange(open_, true)) return;
  std::vector<std::string> ids;
  for (const auto& device : *devices) ids.push_back(device.id);
  for (const auto& warning : config::DeviceWarnings(config_.current(), ids))
    ALTLAS_WARN("config", config::FormatProblem(warning));
  Greet();
}

net::HttpServerOptions Server::Impl::HttpOptions(const config::Config& config) {
  auto options = HttpOptionsOf(config);
  options.check_head = gateway_->HeadCheck();
  return options;
}

Status Server::Impl::LoadTls() {
  const auto& tls = config().server.tls;
  if (!tls.certificate) return {};
  net::TlsServerOptions files;
  files.certificate_file = config::ResolvePath(config_.current(), *tls.certificate);
  files.key_file = config::ResolvePath(config_.current(), *tls.key);
  ALTLAS_TRY(tls_facts_, LookAtTlsFiles(files.certificate_file, files.key_file, clock_.WallNow()));
  ALTLAS_TRY(tls_, net::TlsContext::ForServer(std::move(files)));
  return {};
}

// Until the devices are known only the health probes are answered.
net::HttpHandler Server::Impl::Handler() {
  return [this](net::Request& request, const std::shared_ptr<net::ResponseWriter>& writer) {
    if (open_ || request.path.starts_with("/health/")) return serve_(request, writer);
    gateway::SendError(*writer, altlas::Fail(ErrorCode::kUnavailable, "the server is starting; try again"),
                       1);
  };
}

Status Server::Impl::Listen() {
  net::ListenOptions listen;
  listen.stream.tls = tls_;
  http_ = std::make_unique<net::HttpServer>(*loop_, HttpOptions(config()), Handler());
  ALTLAS_TRY(
      const auto address,
      http_->Listen(net::Address::Tcp(config().server.listen.address, config().server.listen.port), listen));
  url_ = fmt::format("{}://{}", tls_ ? "https" : "http", address.ToString());
  net::HttpServerOptions options = HttpOptions(config());
  options.cors = {};
  admin_ = std::make_unique<net::HttpServer>(*loop_, std::move(options), Handler());
  ALTLAS_TRY_VOID(admin_->Listen(net::Address::Unix((options_.state / "admin.sock").string())));
  gateway::ShowHttpMetrics(registry_, {{"public", [this] { return http_->stats(); }},
                                       {"admin", [this] { return admin_->stats(); }}});
  return {};
}

// The last steps before workers are adopted and started.
Status Server::Impl::Open() {
  // For scripts and tests: where a port chosen by the system can be read.
  ALTLAS_TRY_VOID(WriteFileAtomically(AddressFile(), url_ + "\n", 0600));
  address_written_ = true;
  // Not earlier: a worker that reports before its device is known would be turned away.
  ALTLAS_TRY(hub_, backend::WorkerHub::Create(*loop_, {.state = options_.state}));
  return {};
}

void Server::Impl::Greet() {
  ALTLAS_INFO("server", "listening", {"address", url_}, {"state", options_.state.string()},
              {"version", ALTLAS_VERSION});
  if (config().auth.enabled && keys_->empty()) {
    MakeFirstKey();
  } else if (options_.quick_start) {
    AnnounceWhenReady();
  }
}

void Server::Impl::MakeFirstKey() {
  keys_->Create("first", store::ScopeSet::All(), {}, [this](Result<gateway::KeyRing::NewKey> key) {
    if (!key.has_value()) return Fail(key.error());
    if (!options_.quick_start) {
      return Print(
          Output::kStandard,
          fmt::format("The first API key, with every scope; it is shown this once:\n{}\n", key->secret));
    }
    if (auto written = WriteFileAtomically(options_.state / "first_key", key->secret + "\n", 0600);
        !written.has_value())
      return Fail(written.error());
    AnnounceWhenReady();
  });
}

void Server::Impl::AnnounceWhenReady() {
  std::string why;
  if (pool_->Ready(&why)) return Announce();
  ready_timer_ = loop_->RunAfter(kReadyLook, [this] { AnnounceWhenReady(); });
}

void Server::Impl::Announce() {
  const auto file = options_.state / "first_key";
  std::string key = "none needed (auth.enabled is false)";
  std::string make;
  std::string authorization;
  if (config().auth.enabled) {
    const auto secret = ReadFile(file, 4096);
    const bool there = secret.has_value() && keys_->Knows(secret->substr(0, secret->find('\n')));
    key = there ? "in " + file.string() + " (mode 0600)" : "make one: the first of the commands below";
    if (!there)
      make = fmt::format("KEY=$('{}' key create --name try --state '{}')\n            ",
                         (ProgramFolder() / "alt_las").string(), options_.state.string());
    authorization = there ? fmt::format(" \\\n    -H \"Authorization: Bearer $(cat '{}')\"", file.string())
                          : std::string(" \\\n    -H \"Authorization: Bearer $KEY\"");
  }
  Print(Output::kStandard,
        fmt::format("\nALT_LAS {} serves on {}\n"
                    "  key       {}\n"
                    "  devices   {}\n"
                    "  try       {}curl -s '{}/api/v1/predict?wait=30'{} \\\n"
                    "    -d '{{\"text\": \"Once upon a time\", \"max_length\": 60, \"temperature\": 0.7}}'\n"
                    "  stop      Ctrl-C (accepted tasks are kept)\n\n",
                    ALTLAS_VERSION, url_, key, pool_->Devices().size(), make, url_, authorization));
}

Status Server::Impl::Apply(const config::LoadedConfig& changed) {
  ALTLAS_TRY_VOID(pool_->Configure(SchedConfigOf(changed.config)));
  pool_->SetMetricSwitches(SwitchesOf(changed.config));
  profiler_->Configure(ProfilerOptionsOf(changed.config));
  SetLogLevel(changed.config.gpu.monitoring.log_level);
  monitor_->SetInterval(
      std::min(changed.config.gpu.health_check_interval, changed.config.gpu.monitoring.interval));
  const auto& limit = changed.config.auth.rate_limit;
  keys_->SetDefaultLimit({limit.requests_per_second, limit.burst});
  if (http_) http_->SetOptions(HttpOptions(changed.config));
  return {};
}

void Server::Impl::OnSignal(int signal) {
  if (signal != SIGHUP) {
    if (stopping_) {
      ALTLAS_INFO("server", "ending now", {"signal", signal});
      return loop_->Stop();
    }
    ALTLAS_INFO("server", "stopping", {"signal", signal}, {"again_to", "end now"});
    return Shutdown(backend::StopMode::kDrain);
  }
  if (auto status = config_.Reload(); !status.has_value())
    ALTLAS_ERROR("config", "not reloaded, the running configuration stays", {"why", status.error().message});
  if (tls_) ReloadTls();
}

void Server::Impl::ReloadTls() {
  const auto& tls = config().server.tls;
  const auto keep = [](const std::string& why) {
    ALTLAS_ERROR("server", "certificate not reloaded, the old one stays", {"why", why});
  };
  const auto now = clock_.WallNow();
  const auto facts = LookAtTlsFiles(config::ResolvePath(config_.current(), *tls.certificate),
                                    config::ResolvePath(config_.current(), *tls.key), now);
  if (!facts.has_value()) return keep(facts.error().message);
  if (!facts->ValidAt(now) && tls_facts_.ValidAt(now)) return keep(facts->warnings.front());
  if (auto status = tls_->Reload(); !status.has_value()) return keep(status.error().message);
  tls_facts_ = *facts;
  for (const auto& warning : facts->warnings) ALTLAS_WARN("server", warning);
}

void Server::Impl::Shutdown(backend::StopMode mode) {
  stopping_ = true;
  ready_timer_.Cancel();
  // Whatever hangs, the process ends.
  stop_timer_ = loop_->RunAfter(Duration(config().server.drain_timeout) + 2 * kLeastHttpDrain,
                                [this] { loop_->Stop(); });
  pool_->Stop(mode, [this] {
    if (!http_) return loop_->Stop();
    http_->Drain(kLeastHttpDrain, [this] { loop_->Stop(); });
  });
}

// A start that failed: workers that were there before it go on.
void Server::Impl::Fail(const Error& error) {
  exit_code_ = Complain(error);
  if (!stopping_) Shutdown(backend::StopMode::kLeaveRunning);
}

int Server::Impl::Run() {
  loop_->Run();
  monitor_.reset();
  // While the store still keeps other servers off the state directory: a later one's file would go otherwise.
  std::error_code ignored;
  if (address_written_) std::filesystem::remove(AddressFile(), ignored);
  ALTLAS_INFO("server", "stopped");
  return exit_code_;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Create(ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  ALTLAS_TRY_VOID(impl->Build());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

int Server::Run() { return impl_->Run(); }

}  // namespace altlas::app
