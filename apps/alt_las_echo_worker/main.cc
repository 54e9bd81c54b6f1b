// SPDX-License-Identifier: Apache-2.0
// A worker without a model: answers with the words it was given, over the same link as alt_las_worker, and
// can be told to crash, to hang or to be slow. For tests and demonstrations of everything around a model.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <list>
#include <thread>

#include "backend/echo.h"
#include "base/log.h"
#include "base/mutex.h"
#include "wire/worker_link.h"

using namespace altlas;

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Options {
  wire::WorkerLinkOptions link;
  int service_ms = 0;
  int slow_start_ms = 0;
  int exit_at_start = -1;
  std::uint32_t slots = 4;
  std::string crash_on, hang_on, freeze_on, fault_on, fail_on;
  bool fail_models = false;
};

struct RunningLease {
  wire::LeaseKey lease;
  backend::EchoAnswer answer;
  bool stream = false;
  bool canceled = false;
  std::size_t next_piece = 0;
  SteadyClock::time_point started, due;
};

// The engine: one thread takes leases from the link and advances them when they are due.
class EchoEngine final : public wire::WorkerLinkListener {
 public:
  explicit EchoEngine(Options options) : options_(std::move(options)) {}

  int Run() {
    auto link = wire::WorkerLink::Create(options_.link, *this, [this] {
      wire::WorkerProgress progress;
      progress.running = running_count_;
      progress.steps = steps_;
      progress.tokens = tokens_;
      return progress;
    });
    if (!link) {
      ALTLAS_ERROR("echo", link.error().message);
      return 2;
    }
    link_ = link->get();
    MutexLock lock(mutex_);
    if (terminated_) Link().End({wire::GoodbyeReason::kShutdown, kTerminated});
    while (!ended_) {
      const auto now = SteadyClock::now();
      auto next = now + std::chrono::seconds(1);
      for (auto it = running_.begin(); it != running_.end() && !hang_;) {
        const auto lease = it++;
        if (lease->due <= now && !Advance(*lease)) {
          running_.erase(lease);
        } else {
          next = std::min(next, lease->due);
        }
      }
      running_count_ = static_cast<std::uint32_t>(running_.size());
      changed_.WaitFor(mutex_, std::max(next - SteadyClock::now(), SteadyClock::duration::zero()));
    }
    return exit_code_;
  }

  void OnWelcome(const wire::Welcome& welcome) override {
    std::this_thread::sleep_for(milliseconds(options_.slow_start_ms));
    for (const auto& spec : welcome.models) {
      if (options_.fail_models) {
        Link().SendModelFailed({spec.name, ErrorCode::kNotFound, "told to fail"});
      } else {
        Link().SendModelReady(backend::EchoModel(spec));
      }
    }
    Link().SendReady({std::min(options_.slots, welcome.max_batch), 1, 1 << 20, 1 << 30});
  }

  void OnGrant(wire::LeaseGrant grant) override {
    auto answer = backend::MakeEcho(grant);
    if (!answer) return Link().SendFailed({grant.lease, answer.error().code, answer.error().message, false});
    Misbehave(answer->text);
    if (Holds(answer->text, options_.fail_on)) {
      return Link().SendFailed({grant.lease, ErrorCode::kInternal, "told to fail", true});
    }
    RunningLease lease{grant.lease, std::move(*answer), grant.stream, false, 0, SteadyClock::now(), {}};
    lease.due = lease.started + StepTime(lease);
    MutexLock lock(mutex_);
    if (terminated_) return Link().SendFailed(GivenBack(lease.lease));
    if (Holds(lease.answer.text, options_.hang_on)) hang_ = true;
    running_.push_back(std::move(lease));
    running_count_ = static_cast<std::uint32_t>(running_.size());
    changed_.NotifyAll();
  }

  void OnCancel(const wire::LeaseKey& key) override {
    MutexLock lock(mutex_);
    for (auto& lease : running_) {
      if (lease.lease != key) continue;
      lease.canceled = true;
      lease.due = SteadyClock::now();
    }
    changed_.NotifyAll();
  }

  void OnDrain(Duration) override {}

  // What SIGTERM asks for: gives every lease back unharmed and leaves, as alt_las_worker does.
  void Terminate() {
    MutexLock lock(mutex_);
    terminated_ = true;
    if (ended_ || link_ == nullptr) return;  // without a link yet: Run ends it
    for (const auto& lease : running_) Link().SendFailed(GivenBack(lease.lease));
    running_.clear();
    Link().End({wire::GoodbyeReason::kShutdown, kTerminated});
  }

  void OnEnd(const wire::Goodbye& goodbye) override {
    ALTLAS_INFO("echo", "the end", {"reason", GoodbyeReasonName(goodbye.reason)}, {"text", goodbye.text});
    MutexLock lock(mutex_);
    ended_ = true;
    exit_code_ = goodbye.reason == wire::GoodbyeReason::kFault ? 3 : 0;
    changed_.NotifyAll();
  }

 private:
  static constexpr const char* kTerminated = "the worker was asked to stop by a signal";

  static wire::LeaseFailed GivenBack(const wire::LeaseKey& lease) {
    return {lease, ErrorCode::kUnavailable, kTerminated, false};
  }

  static bool Holds(const std::string& text, const std::string& part) {
    return !part.empty() && text.find(part) != std::string::npos;
  }

  // The link's thread may call before Create has returned.
  wire::WorkerLink& Link() {
    while (link_ == nullptr) std::this_thread::yield();
    return *link_;
  }

  void Misbehave(const std::string& text) {
    if (Holds(text, options_.crash_on)) ::kill(::getpid(), SIGKILL);
    if (Holds(text, options_.freeze_on)) ::kill(::getpid(), SIGSTOP);
    if (Holds(text, options_.fault_on))
      Link().End({wire::GoodbyeReason::kFault, "told to report a device fault"});
  }

  SteadyClock::duration StepTime(const RunningLease& lease) const {
    const auto& answer = lease.answer;
    const auto steps = lease.stream ? static_cast<int>(answer.pieces.size() - answer.known) + 1 : 1;
    return std::chrono::duration_cast<SteadyClock::duration>(milliseconds(options_.service_ms)) / steps;
  }

  // One step of one lease; false where that answers it.
  bool Advance(RunningLease& lease) {
    ++steps_;
    if (lease.canceled) {
      Link().SendFailed({lease.lease, ErrorCode::kCanceled, "canceled", false});
      return false;
    }
    while (lease.stream && lease.next_piece < lease.answer.known) SendNext(lease);
    if (lease.stream && lease.next_piece < lease.answer.pieces.size()) {
      SendNext(lease);
      ++tokens_;
      lease.due += StepTime(lease);
      return true;
    }
    const auto took = std::chrono::duration<double>(SteadyClock::now() - lease.started).count();
    Link().SendDone(
        {lease.lease, lease.answer.result, took, lease.answer.prompt_tokens, lease.answer.generated_tokens});
    tokens_ += lease.stream ? 0 : lease.answer.generated_tokens;
    return false;
  }

  void SendNext(RunningLease& lease) {
    const auto& piece = lease.answer.pieces[lease.next_piece++];
    Link().SendToken({lease.lease, piece.index, {piece.id}, piece.text});
  }

  const Options options_;
  std::atomic<wire::WorkerLink*> link_{nullptr};
  std::atomic<std::uint32_t> running_count_{0};
  std::atomic<std::uint64_t> steps_{0}, tokens_{0};
  Mutex mutex_;
  CondVar changed_;
  std::list<RunningLease> running_ ALTLAS_GUARDED_BY(mutex_);
  int exit_code_ ALTLAS_GUARDED_BY(mutex_) = 0;
  bool ended_ ALTLAS_GUARDED_BY(mutex_) = false;
  bool hang_ ALTLAS_GUARDED_BY(mutex_) = false;
  bool terminated_ ALTLAS_GUARDED_BY(mutex_) = false;
};

// Runs the engine while a thread of its own waits for SIGTERM.
int RunUntilTerminated(Options options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  EchoEngine engine(std::move(options));
  std::atomic<bool> over{false};
  std::thread waiter([&] {
    int signal = 0;
    while (::sigwait(&signals, &signal) == 0 && !over) engine.Terminate();
  });
  const int code = engine.Run();
  over = true;
  ::pthread_kill(waiter.native_handle(), SIGTERM);
  waiter.join();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "A worker of ALT_LAS that repeats what it is told, for tests.\nThe manager starts it; its token comes "
      "in ALTLAS_WORKER_TOKEN.");
  app.add_option("--socket", options.link.socket_path, "the manager's socket")->required();
  app.add_option("--device", options.link.device, "the device's id, e.g. gpu_0")->required();
  app.add_option("--service-ms", options.service_ms, "how long one lease takes");
  app.add_option("--slots", options.slots, "leases at once");
  app.add_option("--slow-start", options.slow_start_ms, "milliseconds before it is ready");
  app.add_option("--exit-at-start", options.exit_at_start, "end at once with this code");
  app.add_option("--crash-on", options.crash_on, "die by SIGKILL when a text holds this");
  app.add_option("--hang-on", options.hang_on, "stop advancing, heart still beating, when a text holds this");
  app.add_option("--freeze-on", options.freeze_on, "stop altogether (SIGSTOP) when a text holds this");
  app.add_option("--fault-on", options.fault_on, "report a device fault and end when a text holds this");
  app.add_option("--fail-on", options.fail_on, "fail the lease, worker at fault, when a text holds this");
  app.add_flag("--fail-models", options.fail_models, "load no model");
  app.add_option("--program-version", options.link.program_version, "the version it claims");
  CLI11_PARSE(app, argc, argv);
  if (options.exit_at_start >= 0) return options.exit_at_start;
  if (const char* token = std::getenv("ALTLAS_WORKER_TOKEN")) options.link.token = token;
  return RunUntilTerminated(std::move(options));
}
