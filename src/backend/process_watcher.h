// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/executor.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace altlas::backend {

// Tells when processes end, children or not, without SIGCHLD (which belongs to the program as a whole) and
// without blocking the loop: one thread waits on their pidfds and posts the news. Watch, Forget and
// destruction: on the thread behind `executor`.
class ProcessWatcher {
 public:
  using OnExit = std::function<void(const std::string& how)>;
  static Result<std::unique_ptr<ProcessWatcher>> Create(Executor executor);
  ~ProcessWatcher();
  ProcessWatcher(const ProcessWatcher&) = delete;
  ProcessWatcher& operator=(const ProcessWatcher&) = delete;

  // Calls `on_exit` once, through the executor, with how it ended (TryReap). The handle (a pidfd) is
  // duplicated. The returned number is for Forget, after which the function is not called any more.
  std::uint64_t Watch(int handle, OnExit on_exit);
  void Forget(std::uint64_t id);

 private:
  struct State;
  explicit ProcessWatcher(Executor executor, UniqueFd wake);
  void Run();
  void Wake();

  Executor executor_;
  UniqueFd wake_;
  Mutex mutex_;
  std::map<std::uint64_t, UniqueFd> handles_ ALTLAS_GUARDED_BY(mutex_);
  bool stop_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::shared_ptr<State> state_;  // shared with functions posted and not run yet, which may outlive this
  std::thread thread_;
};

}  // namespace altlas::backend
