// SPDX-License-Identifier: Apache-2.0
#include "net/io_loop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "net/test_support.h"

namespace altlas::net {
namespace {

using std::chrono::milliseconds;

TEST(IoLoop, PostsRunInOrderOnTheLoopAndNeverInsideTheCall) {
  auto loop = std::move(*IoLoop::Create());
  std::vector<int> order;
  const Executor executor = loop->AsExecutor();
  loop->Post([&] {
    executor([&] { order.push_back(3); });
    order.push_back(1);
  });
  loop->Post([&] { order.push_back(2); });
  loop->Post([&] { loop->Post([&] { loop->Stop(); }); });
  EXPECT_TRUE(order.empty());
  loop->Run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(IoLoop, ExecutorOutlivesItsLoop) {
  auto loop = std::move(*IoLoop::Create());
  const Executor executor = loop->AsExecutor();
  loop.reset();
  bool ran = false;
  executor([&] { ran = true; });
  EXPECT_FALSE(ran);
}

TEST(IoLoop, ManyThreadsPostWithoutALoss) {
  LoopThread owner;
  int sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, executor = owner.loop().AsExecutor()] {
        for (int i = 0; i < 1000; ++i) executor([&] { ++sum; });
      });
    }
  }
  int seen = 0;
  owner.Do([&] { seen = sum; });
  EXPECT_EQ(seen, 4000);
}

TEST(IoLoop, TimersFireInOrderOfTheirTimesNeverEarly) {
  auto loop = std::move(*IoLoop::Create());
  std::vector<int> order;
  const TimePoint start = loop->clock().Now();
  std::optional<TimePoint> fired;
  const auto b = loop->RunAt(start + milliseconds(30), [&] {
    fired = loop->clock().Now();
    order.push_back(2);
    loop->Stop();
  });
  const auto a = loop->RunAt(start + milliseconds(10), [&] { order.push_back(1); });
  const auto past = loop->RunAt(start - milliseconds(10), [&] { order.push_back(0); });
  EXPECT_TRUE(a.armed());
  loop->Run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  EXPECT_GE(*fired, start + milliseconds(30));
  EXPECT_FALSE(a.armed());
}

TEST(IoLoop, CanceledOverwrittenAndDestroyedTimersDoNotFire) {
  auto loop = std::move(*IoLoop::Create());
  int fired = 0;
  const auto count = [&] { ++fired; };
  IoLoop::Timer canceled = loop->RunAfter(milliseconds(1), count);
  IoLoop::Timer overwritten = loop->RunAfter(milliseconds(1), count);
  { const auto destroyed = loop->RunAfter(milliseconds(1), count); }
  canceled.Cancel();
  overwritten = loop->RunAfter(milliseconds(2), [&] { fired += 100; });
  IoLoop::Timer moved = std::move(overwritten);
  const auto end = loop->RunAfter(milliseconds(20), [&] { loop->Stop(); });
  loop->Run();
  EXPECT_EQ(fired, 100);
}

TEST(IoLoop, TimerMayRearmItselfAndCancelOthersWhileItRuns) {
  auto loop = std::move(*IoLoop::Create());
  int rounds = 0;
  IoLoop::Timer self, other;
  std::function<void()> round = [&] {
    other.Cancel();
    if (++rounds == 5) return loop->Stop();
    self = loop->RunAfter(Duration::zero(), round);
  };
  const TimePoint at = loop->clock().Now() + milliseconds(1);
  self = loop->RunAt(at, round);
  other = loop->RunAt(at, [] { FAIL() << "was canceled by the timer before it"; });
  loop->Run();
  EXPECT_EQ(rounds, 5);
}

TEST(IoLoop, TimerOutlivesItsLoop) {
  auto loop = std::move(*IoLoop::Create());
  IoLoop::Timer timer = loop->RunAfter(std::chrono::hours(1), [] {});
  loop.reset();
  EXPECT_FALSE(timer.armed());
  timer.Cancel();
}

TEST(IoLoop, SignalsArriveOnTheLoopEachTime) {
  auto loop = std::move(*IoLoop::Create());
  int seen = 0;
  ASSERT_TRUE(loop->OnSignals({SIGUSR1}, [&](int signal) {
    EXPECT_EQ(signal, SIGUSR1);
    if (++seen == 2) return loop->Stop();
    ::raise(SIGUSR1);
  }));
  EXPECT_EQ(loop->OnSignals({SIGUSR2}, [](int) {}).error().code, ErrorCode::kConflict);
  loop->Post([] { ::raise(SIGUSR1); });
  loop->Run();
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace altlas::net
