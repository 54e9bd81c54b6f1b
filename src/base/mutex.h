// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>

// Thread-safety annotations (clang's -Wthread-safety checks them, other compilers ignore them).
#if defined(__clang__)
#define ALTLAS_ATTRIBUTE(x) __attribute__((x))
#else
#define ALTLAS_ATTRIBUTE(x)
#endif
#define ALTLAS_GUARDED_BY(x) ALTLAS_ATTRIBUTE(guarded_by(x))
#define ALTLAS_REQUIRES(...) ALTLAS_ATTRIBUTE(requires_capability(__VA_ARGS__))

namespace altlas {

// std::mutex with annotations: the clang analysis rejects a bare one as a capability.
class ALTLAS_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void Lock() ALTLAS_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() ALTLAS_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class ALTLAS_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ALTLAS_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ALTLAS_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits release and retake `mutex`, which the caller holds. May wake without a notification: test the
// condition in a loop.
class CondVar {
 public:
  void Wait(Mutex& mutex) ALTLAS_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // False where `timeout` passed first.
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) ALTLAS_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const bool woken = cv_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace altlas
