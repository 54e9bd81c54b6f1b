// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <cstdlib>

#include "base/log.h"

namespace altlas::worker_app {

Watch StartWatch() {
  Watch watch;
  const auto wishes = serve::ReadProfileWishes([](const char* name) { return std::getenv(name); });
  if (!wishes.has_value()) {
    ALTLAS_WARN("worker", "not profiled", {"why", wishes.error().message});
    return watch;
  }
  auto recorder = serve::PhaseRecorder::Create(*wishes);
  if (!recorder.has_value()) {
    ALTLAS_WARN("worker", "not profiled", {"why", recorder.error().message});
    return watch;
  }
  watch.recorder = std::move(*recorder);
  watch.operators = serve::OperatorSampler::Start(watch.recorder.get(), *wishes);
  return watch;
}

}  // namespace altlas::worker_app
