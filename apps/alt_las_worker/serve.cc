// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>

#include "base/log.h"
#include "base/unique_fd.h"
#include "commands.h"
#include "watch.h"
#include "worker/compute/allocator_state.h"
#include "worker/serve/lease_server.h"
#include "worker/serve/load_engine.h"
#include "worker/serve/operator_totals.h"
#include "worker/serve/sample_driver.h"

namespace altlas::worker_app {
namespace {

// Of the operators, while a sample is taken: enough of a second's to rank them, and a tenth of the cost.
constexpr double kOperatorShare = 0.1;

int ExitCodeOf(wire::GoodbyeReason reason) {
  switch (reason) {
    case wire::GoodbyeReason::kShutdown:
    case wire::GoodbyeReason::kDrained:
    case wire::GoodbyeReason::kReconfigured:
      return kDone;
    case wire::GoodbyeReason::kRefused:
    case wire::GoodbyeReason::kWrongVersion:
      return kRefused;
    case wire::GoodbyeReason::kOrphaned:
      return kOrphaned;
    case wire::GoodbyeReason::kFault:
      return kFailed;
  }
  return kFailed;
}

// Blocks SIGTERM and SIGINT for this thread and all later ones; they are read from the descriptor instead.
UniqueFd TakeOverSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

Result<serve::LoadedModel> Load(const Arguments& arguments, const wire::ModelSpec& spec,
                                const wire::Welcome& welcome, serve::PhaseListener* phases) {
  serve::LoadEngineOptions options;
  options.phases = phases;
  ALTLAS_TRY(options.accelerator, serve::ParseAccelerator(arguments.accelerator));
  options.folder = spec.folder;
  options.name = spec.name;
  options.dtype = spec.dtype;
  options.max_batch = static_cast<int>(std::clamp<std::uint32_t>(welcome.max_batch, 1, 1024));
  options.kv_budget_bytes = spec.kv_budget_bytes;
  options.max_context = spec.max_context;
  auto loaded = serve::LoadEngine(options);
  // Only now has the allocator read its environment.
  static std::once_flag said;
  if (loaded.has_value())
    std::call_once(said, compute::LogAllocatorState, options.accelerator == serve::AcceleratorKind::kCuda);
  return loaded;
}

wire::WorkerLinkOptions LinkOptions(const Arguments& arguments) {
  wire::WorkerLinkOptions options;
  options.socket_path = arguments.socket;
  options.device = arguments.device;
  if (const char* token = std::getenv("ALTLAS_WORKER_TOKEN")) options.token = token;
  // Not for the children, and not for those who read /proc/<pid>/environ of a later exec.
  ::unsetenv("ALTLAS_WORKER_TOKEN");
  return options;
}

}  // namespace

int Serve(const Arguments& arguments) {
  const auto signals = TakeOverSignals();
  WriteLogInBackground();
  const UniqueFd ended(::eventfd(0, EFD_CLOEXEC));
  std::atomic<int> exit_code{kFailed};
  serve::SetUpProcess();
  // Before all that computes, and ended after it.
  const auto watch = StartWatch();
  const SystemClock clock;
  serve::OperatorTotals operators(kOperatorShare);
  serve::PeriodicSampler sampler(clock, &operators);
  serve::SampleDriver samples(sampler);
  serve::LeaseServerHooks hooks;
  hooks.load = [&](const wire::ModelSpec& spec, const wire::Welcome& welcome) {
    return Load(arguments, spec, welcome, sampler.For(spec.name, watch.recorder.get()));
  };
  hooks.setup_compute = [&](std::uint32_t threads) {
    serve::SetUpThread(threads != 0 ? threads : arguments.threads);
  };
  hooks.on_end = [&](const wire::Goodbye& goodbye) {
    exit_code = ExitCodeOf(goodbye.reason);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(ended.get(), &one, sizeof(one));
  };
  auto link = LinkOptions(arguments);
  link.on_profile_ask = [&](const wire::ProfileAsk& ask) { samples.Ask(ask); };
  auto server = serve::LeaseServer::Create(clock, std::move(link), std::move(hooks));
  if (!server.has_value()) {
    ALTLAS_ERROR("worker", server.error().message);
    return kUsage;
  }
  samples.Start([&](wire::ProfileReport report) { (*server)->SendProfile(std::move(report)); });
  pollfd fds[2] = {{ended.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
  while (true) {
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return kFailed;
    if ((fds[0].revents & POLLIN) != 0) break;
    if ((fds[1].revents & POLLIN) == 0) continue;
    signalfd_siginfo info{};
    [[maybe_unused]] const auto got = ::read(signals.get(), &info, sizeof(info));
    (*server)->Stop("the worker was asked to stop by a signal");
  }
  // Reading a large model can take minutes, and nothing in this process is worth waiting for.
  if ((*server)->loading()) {
    FlushLog();
    std::_Exit(exit_code);
  }
  samples.Stop();  // it sends by the server, which goes first
  return exit_code;
}

}  // namespace altlas::worker_app
