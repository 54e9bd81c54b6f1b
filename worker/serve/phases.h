// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>

#include "profile/phases.h"

namespace altlas::serve {

// What a beginning hands to its end.
struct PhaseMark {
  std::int64_t start = 0;    // the listener's clock
  std::uint64_t range = 0;   // the listener's own
  std::uint32_t size = 0;    // tokens that a step computes; 0: the engine does not say
  std::uint32_t prompt = 0;  // of them, those of prompts
  std::int64_t sampled = 0;  // PeriodicSampler's clock; 0: it does not watch
};

// Told where the engine's time goes. Implementations: PhaseRecorder, PeriodicSampler's, fakes in tests.
// Called on the engine's thread; `decode`, `prefill` and `detokenise` nest, a `queue` begins and ends among
// others. Must cost little: detokenise comes once a token.
class PhaseListener {
 public:
  virtual ~PhaseListener() = default;
  virtual PhaseMark Begin(profile::ServingPhase phase) = 0;
  virtual void End(profile::ServingPhase phase, PhaseMark mark) = 0;
};

// A phase as long as a scope; nothing where nobody listens.
class PhaseScope {
 public:
  // `size`: the tokens that the step computes, `prompt` of them of prompts.
  PhaseScope(PhaseListener* listener, profile::ServingPhase phase, std::size_t size = 0,
             std::size_t prompt = 0)
      : listener_(listener), phase_(phase) {
    if (listener_ == nullptr) return;
    mark_ = listener_->Begin(phase_);
    mark_.size = static_cast<std::uint32_t>(size);
    mark_.prompt = static_cast<std::uint32_t>(prompt);
  }
  ~PhaseScope() {
    if (listener_ != nullptr) listener_->End(phase_, mark_);
  }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  PhaseListener* const listener_;
  const profile::ServingPhase phase_;
  PhaseMark mark_;
};

}  // namespace altlas::serve
