// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>

#include <functional>
#include <memory>

#include "backend/echo_backend.h"
#include "backend/worker_backend.h"
#include "base/file.h"
#include "net/io_loop.h"

// For tests: a manager's loop with a state folder, and a record of what a backend tells it.
namespace altlas::backend {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline wire::LeaseGrant GrantOf(std::uint64_t task, std::string text, bool stream = false,
                                std::uint32_t attempt = 1) {
  wire::LeaseGrant grant;
  grant.lease = {{1, task}, attempt};
  grant.type = "text_generation";
  grant.model = "echo";
  grant.request = "{\"text\":\"" + text + "\"}";
  grant.stream = stream;
  return grant;
}

class Recorder {
 public:
  BackendListener Listener() {
    return [this](std::string_view, BackendEvent event) { events.push_back(std::move(event)); };
  }
  template <typename E>
  std::vector<E> All() const {
    std::vector<E> found;
    for (const auto& event : events) {
      if (const auto* e = std::get_if<E>(&event)) found.push_back(*e);
    }
    return found;
  }
  template <typename E>
  std::size_t Count() const {
    return All<E>().size();
  }
  std::vector<LeaseKey> Lost() const {
    std::vector<LeaseKey> lost;
    for (const auto& event : All<LeasesLost>())
      lost.insert(lost.end(), event.leases.begin(), event.leases.end());
    return lost;
  }
  std::vector<BackendEvent> events;
};

class LoopKit {
 public:
  LoopKit() : loop(std::move(*net::IoLoop::Create())) {}
  // Turns the loop until `condition` holds; false, and a failure, where that takes more than a minute.
  bool Until(const std::function<bool()>& condition) {
    const auto deadline = loop->clock().Now() + seconds(60);
    while (!condition()) {
      if (loop->clock().Now() > deadline) {
        ADD_FAILURE() << "waited a minute in vain";
        return false;
      }
      if (!loop->RunReady()) ::poll(nullptr, 0, 1);
    }
    return true;
  }

  TemporaryFolder folder;
  std::unique_ptr<net::IoLoop> loop;
};

// Options of a worker whose every wait is short; the echo worker is its program.
inline WorkerBackendOptions EchoWorkerOptions(std::vector<std::string> arguments = {}) {
  WorkerBackendOptions options;
  options.session.device = "gpu_0";
  options.session.welcome.models = {{"echo", "", "float32", 0, 0}};
  options.session.welcome.max_batch = 1024;
  options.session.welcome.heartbeat_interval_ms = 20;
  options.session.first_restart = milliseconds(10);
  options.session.restart_cap = milliseconds(80);
  options.program = ALTLAS_ECHO_WORKER;
  options.arguments = std::move(arguments);
  return options;
}

// Ends what a test left running.
class ProcessGuard {
 public:
  explicit ProcessGuard(int pid) : pid_(pid), handle_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u))) {}
  ProcessGuard(const ProcessGuard&) = delete;
  ProcessGuard& operator=(const ProcessGuard&) = delete;
  ~ProcessGuard() {
    Signal(SIGKILL);
    if (!handle_.valid()) return;
    pollfd ended{handle_.get(), POLLIN, 0};
    ::poll(&ended, 1, 60'000);
    (void)TryReap(handle_.get());
  }
  void Signal(int signal) { ::syscall(SYS_pidfd_send_signal, handle_.get(), signal, nullptr, 0u); }
  bool ended() const {
    pollfd poll_fd{handle_.get(), POLLIN, 0};
    return ::poll(&poll_fd, 1, 0) > 0;
  }
  int pid() const { return pid_; }

 private:
  int pid_;
  UniqueFd handle_;
};

}  // namespace altlas::backend
