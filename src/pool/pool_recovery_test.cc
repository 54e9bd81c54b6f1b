// SPDX-License-Identifier: Apache-2.0
#include "pool/pool_fixture.h"

namespace altlas::pool {
namespace {

using store::TaskStatus;

// CLU-5 on one machine, promise 4: a manager that died finds its place again.
TEST_F(PoolTest, QueuedTasksAreThereAfterARestartInTheirOrder) {
  MakePool();
  MakeDevices(1, false);
  auto low = Task("low");
  low.priority = "low";
  clock_.HoldWall();  // all accepted in one millisecond
  const auto last = SubmitOne(low);
  const auto first = SubmitOne(Task("first"));
  const auto second = SubmitOne(Task("second"));
  KillPool();
  clock_.StepWallAtEachReading();
  MakePool();
  MakeDevices(1, false);
  Gpu(0).BecomeReady(1);
  ASSERT_EQ(Gpu(0).grants_.size(), 1u);
  EXPECT_EQ(Gpu(0).grants_[0].lease.task, first);
  Gpu(0).Finish(Gpu(0).grants_[0]);
  Settle();
  EXPECT_EQ(Gpu(0).grants_[1].lease.task, second);
  Gpu(0).Finish(Gpu(0).grants_[1]);
  Settle();
  EXPECT_EQ(Gpu(0).grants_[2].lease.task, last);
}

TEST_F(PoolTest, ARunningTaskWaitsForItsWorkerAndIsResumed) {
  const auto lease = RestartWithARunningTask();
  ASSERT_EQ(Gpu(0).known_, std::vector<wire::LeaseKey>{lease});
  EXPECT_EQ(StatusOf(lease.task), TaskStatus::kRunning);
  std::string text;
  int resets = 0;
  const auto watch = pool_->WatchTask(lease.task, 0, [&](const TaskEvent& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) text += token->text;
    if (std::holds_alternative<ResetEvent>(event)) ++resets;
  });
  Settle();
  Gpu(0).BecomeReady();
  Gpu(0).Emit(backend::LeasesResumed{{lease}});
  EXPECT_EQ(pool_->running(), 1u);
  EXPECT_TRUE(Gpu(0).grants_.empty()) << "it runs already";
  Gpu(0).Emit(wire::Token{lease, 0, {1}, "a"});
  Gpu(0).Emit(wire::LeaseDone{lease, R"({"text":"a"})", 1, 1, 1});
  AwaitStatus(lease.task, TaskStatus::kCompleted);
  EXPECT_EQ(resets, 1);
  EXPECT_EQ(text, "a");
  EXPECT_EQ(pool_->running(), 0u);
}

// The worker tells what the attempt before it had said, so nothing is missing to those who watch, and a loss
// goes on from there.
TEST_F(PoolTest, AContinuedLeaseThatIsResumedKeepsWhatWasSaidBeforeIt) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  Gpu(0).Emit(wire::Token{Gpu(0).grants_[0].lease, 0, {1}, "a"});
  Gpu(0).Lose({Gpu(0).grants_[0].lease}, true);
  Settle();
  ASSERT_EQ(Gpu(0).grants_.size(), 2u);
  const auto lease = Gpu(0).grants_[1].lease;
  KillPool();
  options_.max_worker_losses = 9;
  MakePool();
  MakeDevices(1, false);
  std::string whole, rest;
  const auto watch_into = [&](std::string& text, std::uint32_t from) {
    return pool_->WatchTask(id, from, [&text](const TaskEvent& event) {
      if (std::holds_alternative<ResetEvent>(event)) text.clear();
      if (const auto* token = std::get_if<TokenEvent>(&event)) text += token->text;
    });
  };
  const auto first = watch_into(whole, 0);
  Settle();
  Gpu(0).BecomeReady();
  Gpu(0).Emit(backend::LeasesResumed{{lease}});
  Gpu(0).Emit(wire::Token{lease, 0, {1}, "a"});
  Gpu(0).Emit(wire::Token{lease, 1, {2}, "b"});
  const auto second = watch_into(rest, 1);
  Settle();
  Gpu(0).Lose({lease}, true);
  Settle();
  ASSERT_EQ(Gpu(0).grants_.size(), 1u);
  EXPECT_EQ(Gpu(0).grants_[0].emitted, (std::vector<std::uint32_t>{1, 2}));
  const auto last = Gpu(0).grants_[0].lease;
  Gpu(0).Emit(wire::Token{last, 0, {1}, "a"});
  Gpu(0).Emit(wire::Token{last, 1, {2}, "b"});
  Gpu(0).Emit(wire::Token{last, 2, {3}, "c"});
  EXPECT_EQ(whole, "abc");
  EXPECT_EQ(rest, "bc");
}

struct Heard {
  std::string text;  // before it went away, and since
  int resets = 0;
};

std::function<void(const TaskEvent&)> Into(Heard& heard) {
  return [&heard](const TaskEvent& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) heard.text += token->text;
    if (!std::holds_alternative<ResetEvent>(event)) return;
    heard.text.clear();
    ++heard.resets;
  };
}

// Manager and worker died, so the task says it all anew and says other words: an old beginning with a new
// rest is never told, whenever its listener comes back.
TEST_F(PoolTest, WhoComesBackToATaskThatRunsAnewHearsItFromItsStart) {
  for (const bool queued : {false, true}) {
    SCOPED_TRACE(queued);
    KillPool();
    MakePool();
    MakeDevices(1);
    const auto id = SubmitOne();
    const auto first = Gpu(0).grants_.back().lease;
    Gpu(0).Emit(wire::Token{first, 0, {1}, "old"});
    Gpu(0).Emit(wire::Token{first, 1, {2}, " words"});
    if (queued) {
      Gpu(0).refuse_ = true;
      Gpu(0).Lose({first}, false);
      Settle();
    }
    Restart(1);
    Heard waiting{"old words"}, behind{"old words"}, past{"old words"}, fresh;
    if (!queued) Gpu(0).Lose({first}, false);
    std::vector<std::unique_ptr<Watch>> watches;
    watches.push_back(pool_->WatchTask(id, 2, Into(waiting)));
    watches.push_back(pool_->WatchTask(id, 0, Into(fresh)));
    Settle();
    Gpu(0).BecomeReady();
    const auto lease = Gpu(0).grants_.at(0).lease;
    Gpu(0).Emit(wire::Token{lease, 0, {3}, "new"});
    watches.push_back(pool_->WatchTask(id, 2, Into(behind)));
    Settle();
    Gpu(0).Emit(wire::Token{lease, 1, {4}, " text"});
    Gpu(0).Emit(wire::Token{lease, 2, {5}, " here"});
    watches.push_back(pool_->WatchTask(id, 2, Into(past)));
    Settle();
    Gpu(0).Emit(wire::Token{lease, 3, {6}, " now"});
    for (const auto* heard : {&waiting, &behind, &past, &fresh}) EXPECT_EQ(heard->text, "new text here now");
    for (const auto* heard : {&waiting, &behind, &past}) EXPECT_EQ(heard->resets, 1);
    EXPECT_EQ(fresh.resets, 0);
    Gpu(0).Finish(Gpu(0).grants_.at(0));
    AwaitStatus(id, TaskStatus::kCompleted);
  }
}

// The worker outlived its manager: what it tells again is what its listener has, who hears only the rest.
TEST_F(PoolTest, WhoComesBackBeforeTheAdoptedWorkerHasToldAllAgainHearsTheRest) {
  const auto lease = RestartWithARunningTask();
  Gpu(0).BecomeReady();
  Gpu(0).Emit(backend::LeasesResumed{{lease}});
  Gpu(0).Emit(wire::Token{lease, 0, {1}, "a"});
  Heard heard{"abc"};
  const auto watch = pool_->WatchTask(lease.task, 3, Into(heard));
  Settle();
  Gpu(0).Emit(wire::Token{lease, 1, {2}, "b"});
  Gpu(0).Emit(wire::Token{lease, 2, {3}, "c"});
  Gpu(0).Emit(wire::Token{lease, 3, {4}, "d"});
  EXPECT_EQ(heard.text, "abcd");
  EXPECT_EQ(heard.resets, 0);
}

TEST_F(PoolTest, WhatAnAdoptedWorkerDidNotTellAgainBeforeItsDeathIsNotTakenForTheNextOnesWords) {
  const auto lease = RestartWithARunningTask();
  Gpu(0).BecomeReady();
  Gpu(0).Emit(backend::LeasesResumed{{lease}});
  Gpu(0).Emit(wire::Token{lease, 0, {1}, "a"});
  Heard ahead{"abc"}, level{"a"};
  const auto first = pool_->WatchTask(lease.task, 3, Into(ahead));
  const auto second = pool_->WatchTask(lease.task, 1, Into(level));
  Settle();
  Gpu(0).Lose({lease}, true);
  Settle();
  ASSERT_EQ(Gpu(0).grants_.size(), 1u);
  EXPECT_EQ(Gpu(0).grants_[0].emitted, std::vector<std::uint32_t>{1});
  const auto next = Gpu(0).grants_[0].lease;
  Gpu(0).Emit(wire::Token{next, 0, {1}, "a"});
  Gpu(0).Emit(wire::Token{next, 1, {7}, "x"});
  Gpu(0).Emit(wire::Token{next, 2, {8}, "y"});
  Gpu(0).Emit(wire::Token{next, 3, {9}, "z"});
  EXPECT_EQ(ahead.text, "axyz");
  EXPECT_EQ(ahead.resets, 1);
  EXPECT_EQ(level.text, "axyz");
  EXPECT_EQ(level.resets, 0);
}

TEST_F(PoolTest, AResumedLeaseThatNobodyWaitsForIsCanceled) {
  const auto lease = RestartWithARunningTask();
  bool ended = false;
  pool_->Cancel(lease.task, "by a test", [&](auto) { ended = true; });
  RunUntil([&] { return ended; });
  Gpu(0).BecomeReady();
  Gpu(0).Emit(backend::LeasesResumed{{lease}});
  EXPECT_EQ(Gpu(0).canceled_, std::vector<wire::LeaseKey>{lease});
  EXPECT_EQ(StatusOf(lease.task), TaskStatus::kCanceled);
}

// However little of its time in the queue was left when it started, a task given back is not timed out at
// once.
TEST_F(PoolTest, TheTimeInTheQueueSurvivesALossAndARestart) {
  MakePool();
  MakeDevices(1);
  auto task = Task();
  task.timeout = std::chrono::milliseconds(200);
  const auto id = SubmitOne(task);
  if (StatusOf(id) != TaskStatus::kRunning) GTEST_SKIP() << "this machine took 200 ms to start it";
  Restart(1);
  Gpu(0).Lose({Gpu(0).known_.at(0)}, false);
  const auto before = clock_.Now();
  RunUntil([&] { return clock_.Now() > before + std::chrono::milliseconds(300); });
  Gpu(0).BecomeReady();
  AwaitStatus(id, TaskStatus::kRunning);
}

TEST_F(PoolTest, ATaskWhoseWorkerIsGoneStartsAnewWithTheNextAttempt) {
  const auto lease = RestartWithARunningTask();
  Gpu(0).Lose({lease}, false);
  Gpu(0).BecomeReady();
  ASSERT_EQ(Gpu(0).grants_.size(), 1u);
  EXPECT_EQ(Gpu(0).grants_[0].lease, (wire::LeaseKey{lease.task, 2}));
  EXPECT_TRUE(Gpu(0).grants_[0].emitted.empty());
}

TEST_F(PoolTest, AnAnswerThatWaitedForTheManagerIsTaken) {
  const auto lease = RestartWithARunningTask();
  Gpu(0).Emit(wire::LeaseDone{lease, R"({"text":"kept"})", 1, 1, 1});
  AwaitStatus(lease.task, TaskStatus::kCompleted);
  EXPECT_EQ(pool_->Get(lease.task)->record.result->json, R"({"text":"kept"})");
  EXPECT_EQ(Gpu(0).acknowledged_.size(), 1u);
  // The same answer once more, as after a second reconnection: the store has it already.
  Gpu(0).Emit(wire::LeaseDone{lease, R"({"text":"twice"})", 1, 1, 1});
  Settle();
  EXPECT_EQ(pool_->Get(lease.task)->record.result->json, R"({"text":"kept"})");
}

TEST_F(PoolTest, ATaskOfADeviceThatIsGoneRunsElsewhere) {
  MakePool();
  MakeDevices(2);
  std::vector<TaskId> ids = {SubmitOne(), SubmitOne()};
  Restart(1);
  std::vector<wire::LeaseKey> known = Gpu(0).known_;
  Gpu(0).Lose(known, false);
  Gpu(0).BecomeReady();
  Settle();
  EXPECT_EQ(Gpu(0).grants_.size(), 2u);
}

TEST_F(PoolTest, WorkerLossesAreCountedAcrossRestarts) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  Gpu(0).Lose({Gpu(0).grants_[0].lease}, true);
  Settle();
  Restart(1);
  Gpu(0).BecomeReady();
  Settle();
  // Granted again after the restart, or still known from before it.
  const auto lease = Gpu(0).grants_.empty() ? Gpu(0).known_.at(0) : Gpu(0).grants_[0].lease;
  Gpu(0).Lose({lease}, true);
  AwaitStatus(id, TaskStatus::kFailed);
  EXPECT_EQ(pool_->Get(id)->record.worker_losses, 2);
}

TEST_F(PoolTest, AnUnsplitBatchStaysTogetherAfterARestart) {
  MakePool();
  MakeDevices(3, false);
  std::vector<NewTask> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(Task());
  ASSERT_TRUE(Submit(std::move(tasks), false).has_value());
  Restart(3, true);
  int devices = 0;
  for (int gpu = 0; gpu < 3; ++gpu) devices += Gpu(gpu).grants_.empty() ? 0 : 1;
  EXPECT_EQ(devices, 1);
}

}  // namespace
}  // namespace altlas::pool
