// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/interrupt.h"

#include <signal.h>

namespace altlas::bench {
namespace {

volatile sig_atomic_t was_interrupted = 0;

void OnInterrupt(int) { was_interrupted = 1; }

}  // namespace

void WatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

Status CheckInterrupted() {
  if (was_interrupted == 0) return {};
  return Fail(ErrorCode::kCanceled, "stopped by a signal before the measurement was complete");
}

}  // namespace altlas::bench
