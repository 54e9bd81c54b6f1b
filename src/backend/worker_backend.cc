// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_backend.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/sha256.h"

namespace altlas::backend {

namespace {

constexpr std::uint32_t kHeartbeatsBetweenLogChecks = 32;

bool IsFileName(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

}  // namespace

Result<std::unique_ptr<WorkerBackend>> WorkerBackend::Create(WorkerHub& hub, WorkerBackendOptions options,
                                                             BackendListener listener) {
  if (!IsFileName(options.session.device)) {
    return Fail(ErrorCode::kInvalidArgument,
                "device \"{}\": 1 to 64 of A-Z a-z 0-9 . _ - are allowed, not starting with a dot",
                options.session.device);
  }
  auto welcome = options.session.welcome;
  welcome.program_version = options.session.program_version;
  ALTLAS_TRY_VOID(wire::EncodeMessage(welcome));
  std::unique_ptr<WorkerBackend> backend(new WorkerBackend(hub, std::move(options), std::move(listener)));
  ALTLAS_TRY_VOID(hub.Register(backend->device(), *backend));
  backend->alive_ = std::make_shared<bool>(true);
  return backend;
}

WorkerBackend::WorkerBackend(WorkerHub& hub, WorkerBackendOptions options, BackendListener listener)
    : hub_(hub), options_(std::move(options)), listener_(std::move(listener)), session_(options_.session) {}

WorkerBackend::~WorkerBackend() {
  if (!alive_) return;  // it never was registered
  *alive_ = false;
  LetGo();
  hub_.Unregister(device());
}

void WorkerBackend::Start(std::vector<LeaseKey> known) {
  std::optional<WorkerSession::OldWorker> old;
  if (const auto record = LoadWorkerRecord(record_path())) {
    Process process{record->process.pid, OpenProcess(record->process)};
    if (process.handle.valid()) Watch(std::move(process));
    if (process_.handle.valid() || record->process.pid == 0)
      old = WorkerSession::OldWorker{record->process.pid, record->token};
  }
  session_.Start(Now(), std::move(known), std::move(old));
  Apply();
  DeliverLater();
}

Status WorkerBackend::Grant(wire::LeaseGrant grant) {
  auto status = session_.Grant(Now(), grant);
  Apply();
  DeliverLater();
  return status;
}

void WorkerBackend::Cancel(const LeaseKey& lease) {
  session_.Cancel(lease);
  Apply();
  DeliverLater();
}

void WorkerBackend::Acknowledge(const LeaseKey& lease) {
  session_.Acknowledge(lease);
  Apply();
  DeliverLater();
}

Status WorkerBackend::AskForProfile(const wire::ProfileAsk& ask) {
  auto status = session_.AskForProfile(ask);
  Apply();
  DeliverLater();
  return status;
}

void WorkerBackend::Stop(StopMode mode, std::function<void()> stopped) {
  stopped_.push_back(std::move(stopped));
  if (mode == StopMode::kLeaveRunning) events_.clear();
  session_.Stop(Now(), mode);
  Apply();
  if (mode == StopMode::kLeaveRunning) {
    hub_.LeaveToTheNext(device());
    LetGo();
  }
  DeliverLater();
}

Status WorkerBackend::Attach(const wire::Hello& hello, std::unique_ptr<WorkerConnection>& connection) {
  const int pid = connection->peer().pid.value_or(0);
  auto status = session_.OnHello(Now(), hello, pid);
  if (status) {
    connection_ = std::move(connection);
    WorkerConnection::Callbacks callbacks;
    callbacks.on_message = [this](const wire::Message& message) { OnMessage(message); };
    callbacks.on_broken = [this](const Error& error) {
      session_.OnBrokenPeer(Now(), error);
      Apply();
      Deliver();
    };
    callbacks.on_closed = [this](const Error& reason) {
      connection_.reset();
      session_.OnDisconnected(Now(), reason.message);
      Apply();
      Deliver();
    };
    connection_->SetCallbacks(std::move(callbacks));
  }
  // A worker whose start was not recorded any more by the manager that started it.
  if (session_.pid() == pid && pid > 0 && !process_.handle.valid()) {
    const auto identity = IdentifyProcess(pid);
    Process process{pid, identity ? OpenProcess(*identity) : UniqueFd()};
    if (process.handle.valid()) {
      (void)WriteFileAtomically(record_path(), FormatWorkerRecord({*identity, hello.token}), 0600);
      Watch(std::move(process));
    } else {
      session_.OnExited(Now(), "ended");
    }
  }
  Apply();
  Deliver();
  return status;
}

bool WorkerBackend::OnBadHello(int peer_pid, const Error& error) {
  if (peer_pid == 0 || peer_pid != session_.pid()) return false;
  session_.OnBrokenPeer(Now(), error);
  Apply();
  Deliver();
  return true;
}

void WorkerBackend::OnMessage(const wire::Message& message) {
  if (const auto* print = std::get_if<wire::PrintLine>(&message)) {
    ALTLAS_INFO("worker", print->text, {"device", device()});
  }
  if (std::holds_alternative<wire::Heartbeat>(message) && ++heartbeats_ % kHeartbeatsBetweenLogChecks == 0) {
    RotateLog(log_path(), options_.log_cap_bytes);
  }
  session_.OnMessage(Now(), message);
  Apply();
  Deliver();
}

void WorkerBackend::Apply() {
  if (applying_) return;  // the outer call goes on until nothing is left
  applying_ = true;
  for (auto effects = session_.TakeEffects(); !effects.empty(); effects = session_.TakeEffects()) {
    for (auto& effect : effects) Do(std::move(effect));
  }
  applying_ = false;
  Rearm();
}

void WorkerBackend::Do(Effect effect) {
  if (auto* bytes = std::get_if<SendBytes>(&effect)) {
    Write(bytes->bytes);
  } else if (auto* emit = std::get_if<EmitEvent>(&effect)) {
    if (const auto* state = std::get_if<StateChanged>(&emit->event)) {
      const auto level = state->state == BackendState::kBackoff ? LogLevel::kWarn : LogLevel::kInfo;
      ALTLAS_LOG(level, "backend", "worker state", {"device", device()},
                 {"state", BackendStateName(state->state)}, {"why", state->why}, {"pid", session_.pid()});
    }
    events_.push_back(std::move(emit->event));
  } else if (std::holds_alternative<SpawnProcess>(effect)) {
    Spawn();
  } else if (std::holds_alternative<KillProcess>(effect)) {
    KillProcessGroup(process_);
  } else if (std::holds_alternative<CloseConnection>(effect)) {
    if (connection_) hub_.Bury(std::move(connection_));
  } else if (std::holds_alternative<backend::ForgetProcess>(effect)) {
    ForgetProcess();
  } else {
    report_stopped_ = true;
  }
}

void WorkerBackend::Write(const std::string& bytes) {
  if (!connection_) return;
  if (auto status = connection_->Write(bytes); !status && status.error().code == ErrorCode::kOverloaded) {
    session_.OnBrokenPeer(Now(), status.error());
  }
}

void WorkerBackend::Spawn() {
  const auto token = SecureRandomHex(16);
  auto process = TrySpawn(token);
  if (!process) {
    session_.OnSpawnFailed(Now(), process.error());
    return;
  }
  const auto pid = process->pid;
  Watch(std::move(*process));
  session_.OnSpawned(Now(), pid, token);
}

Result<Process> WorkerBackend::TrySpawn(const std::string& token) {
  // Before the process, so that a manager that dies between the two leaves a token to adopt it by.
  ALTLAS_TRY_VOID(WriteFileAtomically(record_path(), FormatWorkerRecord({{}, token}), 0600));
  RotateLog(log_path(), options_.log_cap_bytes);
  ProcessOptions what;
  what.program = options_.program;
  what.arguments = {"--socket", hub_.socket_path().string(), "--device", device()};
  what.arguments.insert(what.arguments.end(), options_.arguments.begin(), options_.arguments.end());
  what.environment = options_.environment;
  what.environment.emplace_back("ALTLAS_WORKER_TOKEN", token);
  what.log = log_path();
  what.cpus = options_.cpus;
  ALTLAS_TRY(auto process, StartProcess(what));
  if (options_.cpu_quota > 0) {
    if (auto limited = LimitCpu(process.pid, LimitName(), options_.cpu_quota); !limited) {
      ALTLAS_WARN("backend", "the worker's processor time is not limited: it may use more than its quota",
                  {"device", device()}, {"cores", options_.cpu_quota}, {"why", limited.error().message});
    }
  }
  const auto identity = IdentifyProcess(process.pid);
  // Without a second record the next manager still finds the token and the process's own word.
  if (identity) (void)WriteFileAtomically(record_path(), FormatWorkerRecord({*identity, token}), 0600);
  return process;
}

void WorkerBackend::Watch(Process process) {
  process_ = std::move(process);
  watch_ = hub_.watcher().Watch(process_.handle.get(), [this](const std::string& how) {
    watch_.reset();
    session_.OnExited(Now(), how);
    Apply();
    Deliver();
  });
}

void WorkerBackend::ForgetProcess() {
  if (watch_) hub_.watcher().Forget(*watch_);
  watch_.reset();
  process_ = {};
  if (connection_) hub_.Bury(std::move(connection_));
  std::error_code ignored;
  std::filesystem::remove(record_path(), ignored);
  if (options_.cpu_quota > 0) RemoveCpuLimit(LimitName());
}

// Several servers on one machine have devices of the same name; the state directory tells them apart, and is
// the same after a restart of the manager.
std::string WorkerBackend::LimitName() const {
  return device() + "." + Sha256Hex(hub_.socket_path().string()).substr(0, 12);
}

void WorkerBackend::LetGo() {
  if (watch_) hub_.watcher().Forget(*watch_);
  watch_.reset();
  process_ = {};
  connection_.reset();
  timer_.Cancel();
  timer_at_.reset();
}

void WorkerBackend::Rearm() {
  const auto next = session_.NextDeadline();
  if (!next || (timer_at_ && *timer_at_ <= *next))
    return;  // firing early costs little, moving it with every message much
  timer_at_ = next;
  timer_ = hub_.loop().RunAt(*next, [this] {
    timer_at_.reset();
    session_.OnTimer(Now());
    Apply();
    Deliver();
  });
}

void WorkerBackend::DeliverLater() {
  if (events_.empty() && !report_stopped_) return;
  hub_.loop().Post([this, alive = alive_] {
    if (*alive) Deliver();
  });
}

void WorkerBackend::Deliver() {
  if (delivering_) return;
  delivering_ = true;
  while (!events_.empty()) {
    auto event = std::move(events_.front());
    events_.pop_front();
    listener_(device(), std::move(event));
  }
  delivering_ = false;
  if (!std::exchange(report_stopped_, false)) return;
  // Last: the owner may destroy this in answer.
  const auto calls = std::exchange(stopped_, {});
  for (const auto& call : calls) call();
}

}  // namespace altlas::backend
