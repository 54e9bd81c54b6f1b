// SPDX-License-Identifier: Apache-2.0
#include "backend/backend.h"

namespace altlas::backend {

std::string_view BackendStateName(BackendState state) {
  switch (state) {
    case BackendState::kStopped:
      return "stopped";
    case BackendState::kAdopting:
      return "adopting";
    case BackendState::kStarting:
      return "starting";
    case BackendState::kLoading:
      return "loading";
    case BackendState::kReady:
      return "ready";
    case BackendState::kDraining:
      return "draining";
    case BackendState::kEnding:
      return "ending";
    case BackendState::kBackoff:
      return "backoff";
  }
  return "unknown";
}

}  // namespace altlas::backend
