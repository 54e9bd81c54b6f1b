// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "base/mutex.h"

namespace altlas {

// Shutdown in two halves: stop letting work in, then wait for the work that is inside. Thread-safe.
class Gate {
 public:
  // Held while a piece of work is inside. Empty (false) where the gate was closed already.
  class Pass {
   public:
    Pass() = default;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(other.gate_) { other.gate_ = nullptr; }
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->Leave();
    }
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    Gate* gate_ = nullptr;
  };

  Pass TryEnter() {
    MutexLock lock(mutex_);
    if (closed_) return Pass();
    ++inside_;
    return Pass(this);
  }
  // Lets nobody in any more and blocks until everybody is out.
  void CloseAndWait() {
    MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) changed_.Wait(mutex_);
  }

 private:
  void Leave() {
    MutexLock lock(mutex_);
    if (--inside_ == 0) changed_.NotifyAll();
  }
  Mutex mutex_;
  CondVar changed_;
  int inside_ ALTLAS_GUARDED_BY(mutex_) = 0;
  bool closed_ ALTLAS_GUARDED_BY(mutex_) = false;
};

}  // namespace altlas
