// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <filesystem>
#include <memory>

#include "backend/backend.h"
#include "backend/process.h"
#include "backend/worker_hub.h"
#include "backend/worker_record.h"
#include "backend/worker_session.h"
#include "net/io_loop.h"

namespace altlas::backend {

struct WorkerBackendOptions {
  SessionOptions session;                                        // device, what it is told, and all waits
  std::filesystem::path program;                                 // alt_las_worker
  std::vector<std::string> arguments;                            // after `--socket PATH --device ID`
  std::vector<std::pair<std::string, std::string>> environment;  // beside ALTLAS_WORKER_TOKEN
  std::vector<int> cpus;                                         // pinned to these; empty: not
  double cpu_quota = 0;  // cores' worth of time by a control group; 0: no limit. A warning where not allowed
  std::uint64_t log_cap_bytes = 4 << 20;  // of `<state>/logs/<device>.log`; about as much again in `.log.1`
};

// A device whose tasks run in a process of its own, which this starts, watches, restarts and, after a
// manager's death, adopts. The state machine is WorkerSession; this carries its effects out. Borrows the hub.
// Destroying it without Stop lets go of the worker as a manager's death would: it goes on and is adopted by
// the next backend of the same device and state folder.
class WorkerBackend final : public Backend, public ProfileSource, private WorkerHub::Port {
 public:
  // kInvalidArgument: a device name that cannot be a file name ([A-Za-z0-9._-], 1 to 64 bytes), or a Welcome
  // that breaks the format; kConflict: the hub has that device already.
  static Result<std::unique_ptr<WorkerBackend>> Create(WorkerHub& hub, WorkerBackendOptions options,
                                                       BackendListener listener);
  ~WorkerBackend() override;

  void Start(std::vector<LeaseKey> known) override;
  Status Grant(wire::LeaseGrant grant) override;
  void Cancel(const LeaseKey& lease) override;
  void Acknowledge(const LeaseKey& lease) override;
  void Stop(StopMode mode, std::function<void()> stopped) override;
  BackendStatus status() const override { return session_.status(); }
  Status AskForProfile(const wire::ProfileAsk& ask) override;

 private:
  WorkerBackend(WorkerHub& hub, WorkerBackendOptions options, BackendListener listener);
  Status Attach(const wire::Hello& hello, std::unique_ptr<WorkerConnection>& connection) override;
  bool OnBadHello(int peer_pid, const Error& error) override;
  void OnMessage(const wire::Message& message);

  TimePoint Now() const { return hub_.loop().clock().Now(); }
  const std::string& device() const { return options_.session.device; }
  std::filesystem::path record_path() const { return hub_.state() / "workers" / (device() + ".json"); }
  std::filesystem::path log_path() const { return hub_.state() / "logs" / (device() + ".log"); }

  // Carries out what the session wants; then the timer. Events are queued...
  void Apply();
  // ...and delivered here, in a turn of their own where the owner called us.
  void Deliver();
  void DeliverLater();
  void Do(Effect effect);
  void Write(const std::string& bytes);
  void Spawn();
  Result<Process> TrySpawn(const std::string& token);
  void Watch(Process process);
  void ForgetProcess();
  std::string LimitName() const;
  void LetGo();
  void Rearm();

  WorkerHub& hub_;
  const WorkerBackendOptions options_;
  const BackendListener listener_;
  WorkerSession session_;
  std::unique_ptr<WorkerConnection> connection_;
  Process process_;
  std::optional<std::uint64_t> watch_;
  std::deque<BackendEvent> events_;
  bool delivering_ = false;
  bool applying_ = false;
  std::vector<std::function<void()>> stopped_;
  bool report_stopped_ = false;
  net::IoLoop::Timer timer_;
  std::optional<TimePoint> timer_at_;
  std::uint32_t heartbeats_ = 0;
  std::shared_ptr<bool> alive_;  // shared with functions posted and not run yet
};

}  // namespace altlas::backend
