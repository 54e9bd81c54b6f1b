// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/interrupt.h"

#include <signal.h>

namespace altlas::bench {
namespace {

volatile sig_atomic_t was_interrupted = 0;

// A terminal tells the whole group, and so may the parent: the first Ctrl-C comes up to twice. A third means
// that nobody wants to wait for the end of a step.
void OnInterrupt(int number) {
  was_interrupted = was_interrupted + 1;
  if (was_interrupted > 2 && number == SIGINT) ::signal(number, SIG_DFL);
}

}  // namespace

void WatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

Status CheckInterrupted() {
  if (was_interrupted == 0) return {};
  return Fail(ErrorCode::kCanceled, "stopped by a signal before the measurement was complete");
}

}  // namespace altlas::bench
