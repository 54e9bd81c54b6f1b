// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "worker/serve/phase_recorder.h"

namespace altlas::serve {

// Records libtorch's operators (at::RecordFunction: ATen's and this worker's own) on every thread into the
// recorder's file while it lives. One a process. Made before, and destroyed after, anything that computes.
class OperatorSampler {
 public:
  // Null where the recorder records nothing. The recorder must outlive it.
  static std::unique_ptr<OperatorSampler> Start(PhaseRecorder* recorder, const ProfileWishes& wishes);
  ~OperatorSampler();
  OperatorSampler(const OperatorSampler&) = delete;
  OperatorSampler& operator=(const OperatorSampler&) = delete;

 private:
  explicit OperatorSampler(std::uint64_t handle) : handle_(handle) {}
  const std::uint64_t handle_;
};

}  // namespace altlas::serve
