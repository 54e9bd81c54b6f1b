// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/result.h"

namespace altlas::net {

class TimerHeap;

// One event loop on one thread: sockets, timers, signals and posted functions of the components that share
// it. Owned by main(); whatever runs on it is destroyed before it. Post, Stop and AsExecutor are thread-safe,
// everything else is called on the loop's thread or before Run. Functions given to it must not throw and must
// not block.
class IoLoop {
 public:
  // A timer that has not fired. Destroying, overwriting or canceling it stops it; after that its function
  // never runs. May outlive the loop. Used on the loop's thread only.
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept;
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { Cancel(); }
    void Cancel();
    // False once it has fired or was canceled.
    bool armed() const;

   private:
    friend class IoLoop;
    std::weak_ptr<TimerHeap> heap_;
    TimePoint when_{};
    std::uint64_t id_ = 0;
  };

  // kUnavailable where the system gives no more descriptors.
  static Result<std::unique_ptr<IoLoop>> Create();
  ~IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // Runs on the calling thread until Stop. Returns at once where Stop was called before.
  void Run();
  // Runs what is ready and returns without waiting: true where something ran. For tests that step the loop by
  // hand.
  bool RunReady();
  void Stop();
  // Runs `function` later on the loop's thread, in the order of the posts. Never inside the call.
  void Post(std::function<void()> function);
  // Post as a value. Stays valid after the loop is gone; functions posted then are dropped.
  Executor AsExecutor();

  const Clock& clock() const;
  // Fires at or after `when` (SystemClock's time, so it counts suspended time too); a time past fires on the
  // next turn.
  [[nodiscard]] Timer RunAt(TimePoint when, std::function<void()> function);
  [[nodiscard]] Timer RunAfter(Duration delay, std::function<void()> function);
  // Calls `function(signal)` on the loop for each arrival until the loop ends; replaces the signals' default
  // action. One call a loop; kConflict on the second.
  Status OnSignals(std::vector<int> signals, std::function<void(int)> function);

  // For the sources of net alone (net/loop_native.h).
  struct Native;
  Native& native() { return *native_; }

 private:
  explicit IoLoop(std::shared_ptr<Native> native);
  std::shared_ptr<Native> native_;  // shared for the length of a post from another thread
};

}  // namespace altlas::net
