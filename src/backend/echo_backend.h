// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "backend/backend.h"
#include "backend/echo.h"
#include "base/executor.h"

namespace altlas::backend {

struct EchoOptions {
  std::string device = "gpu_0";
  std::vector<wire::ModelSpec> models = {{"echo", "", "float32", 0, 0}};
  std::uint32_t slots = 1;
  Duration service_time{};  // of one lease; zero: answered on the loop's next turn
};

// The echo model inside this process: no worker, no waiting but the one it is told. A real backend in every
// other respect (it passes the same contract suite), so that gateway, scheduler and store can be tested and
// measured alone.
class EchoBackend final : public Backend {
 public:
  // Runs a function after a time on the loop's thread: a loop's timer, or a simulator's.
  using After = std::function<void(Duration, std::function<void()>)>;
  // `post` and `after` must not run their functions inside the call; they may run them after this backend is
  // gone.
  EchoBackend(EchoOptions options, Executor post, After after, BackendListener listener);
  ~EchoBackend() override;

  void Start(std::vector<LeaseKey> known) override;
  Status Grant(wire::LeaseGrant grant) override;
  void Cancel(const LeaseKey& lease) override;
  void Acknowledge(const LeaseKey&) override {}
  void Stop(StopMode mode, std::function<void()> stopped) override;
  BackendStatus status() const override { return status_; }

 private:
  struct Running {
    EchoAnswer answer;
    bool stream = false;
    std::size_t next = 0;  // piece to send
    bool canceled = false;
  };
  void Later(Duration delay, void (EchoBackend::*step)(const LeaseKey&), const LeaseKey& lease);
  void Step(const LeaseKey& lease);
  void Finish(const LeaseKey& lease);
  void PostEvent(BackendEvent event);
  void SetState(BackendState state, std::string why);
  void MaybeStopped();

  const EchoOptions options_;
  const Executor post_;
  const After after_;
  const BackendListener listener_;
  BackendStatus status_;
  std::map<LeaseKey, Running> running_;
  std::vector<std::function<void()>> stopped_;
  std::shared_ptr<bool> alive_;  // shared with functions posted and not run yet
};

}  // namespace altlas::backend
