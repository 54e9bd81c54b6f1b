// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "worker/serve/operator_sampler.h"
#include "worker/serve/phase_recorder.h"

namespace altlas::worker_app {

// What records this process for `alt_las profile run` and for NVIDIA's tools; both null where nobody asked.
struct Watch {
  std::unique_ptr<serve::PhaseRecorder> recorder;
  std::unique_ptr<serve::OperatorSampler> operators;  // before the recorder in destruction
};

// By this process's environment (ReadProfileWishes). A wish that cannot be fulfilled is logged: a worker
// serves on unwatched.
Watch StartWatch();

}  // namespace altlas::worker_app
