// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "profile/collector_file.h"
#include "worker/serve/nvtx.h"
#include "worker/serve/phases.h"

namespace altlas::serve {

// What `alt_las profile run` asks of a worker, by its environment.
struct ProfileWishes {
  std::string folder;             // ALTLAS_PROFILE_OUTPUT; empty: nothing is recorded
  double sampling = 1;            // ALTLAS_PROFILE_SAMPLING: the share of operators
  std::optional<double> seconds;  // ALTLAS_PROFILE_SECONDS: recording ends so long after its start
  bool shapes = false;            // ALTLAS_PROFILE_SHAPES=1
  std::string nvtx_library;       // NVTX_INJECTION64_PATH
};
// `get` gives a variable or null. kInvalidArgument for values that make no sense.
Result<ProfileWishes> ReadProfileWishes(const std::function<const char*(const char*)>& get);

// The engine's phases as ranges of a collector's file (worker-<pid>.alc) and of NVTX, whichever there are.
// Owns both. Thread-safe.
class PhaseRecorder final : public PhaseListener {
 public:
  // Null where nobody asks for anything. Errors are those of CollectorWriter::Create.
  static Result<std::unique_ptr<PhaseRecorder>> Create(const ProfileWishes& wishes);

  PhaseMark Begin(profile::ServingPhase phase) override;
  void End(profile::ServingPhase phase, PhaseMark mark) override;

  // For the operators: null where nothing is recorded. `recording` is false once the time is over.
  profile::CollectorWriter* writer() const { return writer_.get(); }
  bool recording(profile::Ns now) const { return writer_ != nullptr && now <= until_; }

 private:
  PhaseRecorder(std::unique_ptr<profile::CollectorWriter> writer, std::unique_ptr<Nvtx> nvtx,
                profile::Ns until)
      : writer_(std::move(writer)), nvtx_(std::move(nvtx)), until_(until) {}

  const std::unique_ptr<profile::CollectorWriter> writer_;
  const std::unique_ptr<Nvtx> nvtx_;
  const profile::Ns until_;
};

}  // namespace altlas::serve
