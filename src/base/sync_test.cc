// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/gate.h"
#include "base/mutex.h"

namespace altlas {
namespace {

TEST(Gate, CloseWaitsForEverybodyInside) {
  Gate gate;
  std::atomic<int> inside{0};
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!go) std::this_thread::yield();
      while (auto pass = gate.TryEnter()) {
        ++inside;
        --inside;
      }
    });
  }
  go = true;
  gate.CloseAndWait();
  EXPECT_EQ(inside, 0);
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(gate.TryEnter());
}

TEST(CondVar, WakesAWaiter) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other([&] {
    MutexLock lock(mutex);
    ready = true;
    changed.NotifyOne();
  });
  {
    MutexLock lock(mutex);
    while (!ready) changed.Wait(mutex);
  }
  other.join();
  MutexLock lock(mutex);
  EXPECT_FALSE(changed.WaitFor(mutex, std::chrono::nanoseconds(1)));
}

}  // namespace
}  // namespace altlas
