// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "base/random.h"
#include "pool/pool_fixture.h"

namespace altlas::pool {
namespace {

using store::TaskStatus;

TEST_F(PoolTest, ALostLeaseRunsAgainOnAnotherDeviceWithWhatWasEmitted) {
  MakePool();
  MakeDevices(2);
  const auto id = SubmitOne();
  const int first = Gpu(0).grants_.empty() ? 1 : 0;
  const auto lease = Gpu(first).grants_[0].lease;
  Gpu(first).Emit(wire::Token{lease, 0, {41}, "a"});
  Gpu(first).Emit(wire::Token{lease, 1, {42}, "b"});
  Gpu(first).Lose({lease}, true);
  Settle();
  auto& other = Gpu(1 - first);
  ASSERT_EQ(other.grants_.size(), 1u);
  EXPECT_EQ(other.grants_[0].lease.attempt, 2u);
  EXPECT_EQ(other.grants_[0].emitted, (std::vector<std::uint32_t>{41, 42}));
  std::string text;
  const auto watch = pool_->WatchTask(id, 0, [&](const TaskEvent& event) {
    EXPECT_FALSE(std::holds_alternative<ResetEvent>(event));
    if (const auto* token = std::get_if<TokenEvent>(&event)) text += token->text;
  });
  Settle();
  other.Emit(wire::Token{other.grants_[0].lease, 0, {41}, "a"});  // told again: dropped
  other.Emit(wire::Token{other.grants_[0].lease, 1, {42}, "b"});
  other.Emit(wire::Token{other.grants_[0].lease, 2, {43}, "c"});
  other.Finish(other.grants_[0], "abc");
  AwaitStatus(id, TaskStatus::kCompleted);
  EXPECT_EQ(text, "abc");
}

TEST_F(PoolTest, TheTimeInTheQueueLeavesOutWhatLostAttemptsRan) {
  constexpr WallMillis kHour = 3'600'000;
  clock_.HoldWall();
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  EXPECT_EQ(QueueSecondsOf(pool_->Get(id)->record), 0.0);
  clock_.AdvanceWall(kHour);
  Gpu(0).Lose({Gpu(0).grants_.at(0).lease}, false);
  RunUntil([&] { return Gpu(0).grants_.size() == 2; });
  auto view = pool_->Get(id);
  EXPECT_EQ(view->record.started_ms - view->record.created_ms, kHour);
  ASSERT_TRUE(QueueSecondsOf(view->record));
  EXPECT_LT(*QueueSecondsOf(view->record), 3600);
  // The next manager knows what the last one counted.
  const auto lease = Gpu(0).grants_.at(1).lease;
  Restart(1, true);
  clock_.AdvanceWall(kHour);
  Gpu(0).Lose({lease}, false);
  RunUntil([&] { return Gpu(0).grants_.size() == 1; });
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  AwaitStatus(id, TaskStatus::kCompleted);
  view = pool_->Get(id);
  EXPECT_EQ(view->record.attempt, 3);
  ASSERT_TRUE(QueueSecondsOf(view->record));
  EXPECT_LT(*QueueSecondsOf(view->record), 3600);
}

// Poison: a task that takes its worker down twice fails, and no worker dies of it a third time.
TEST_F(PoolTest, ATaskThatTakesItsWorkerDownTwiceFails) {
  MakePool();
  MakeDevices(2);
  const auto id = SubmitOne();
  for (int round = 0; round < 2; ++round) {
    Settle();
    for (int gpu = 0; gpu < 2; ++gpu) {
      auto& backend = Gpu(gpu);
      if (backend.grants_.empty()) continue;
      const auto lease = backend.grants_[0].lease;
      backend.grants_.clear();
      backend.Lose({lease}, true);
      break;
    }
  }
  AwaitStatus(id, TaskStatus::kFailed);
  EXPECT_EQ(pool_->Get(id)->record.worker_losses, 2);
  EXPECT_TRUE(Gpu(0).grants_.empty());
  EXPECT_TRUE(Gpu(1).grants_.empty());
}

// Tasks that shared a worker with the poison are under suspicion, run one at a time and complete.
TEST_F(PoolTest, InnocentTasksBesideThePoisonComplete) {
  MakePool();
  MakeDevices(1);
  std::vector<TaskId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(SubmitOne());
  const TaskId poison = ids[2];
  Settle();
  ASSERT_EQ(Gpu(0).grants_.size(), 4u);
  std::vector<backend::LeaseKey> held;
  for (const auto& grant : Gpu(0).grants_) held.push_back(grant.lease);
  Gpu(0).grants_.clear();
  Gpu(0).Lose(held, true);
  const auto ended = [&] {
    return StatusOf(ids[0]) != TaskStatus::kQueued && pool_->queued() + pool_->running() == 0;
  };
  while (!ended()) {
    RunUntil([&] { return !Gpu(0).grants_.empty() || ended(); });
    ASSERT_LE(Gpu(0).grants_.size(), 1u) << "suspects run one at a time";
    if (Gpu(0).grants_.empty()) break;
    const auto grant = Gpu(0).grants_.back();
    Gpu(0).grants_.clear();
    if (grant.lease.task == poison) {
      Gpu(0).Lose({grant.lease}, true);
    } else {
      Gpu(0).Finish(grant);
    }
  }
  for (const auto& id : ids) AwaitStatus(id, id == poison ? TaskStatus::kFailed : TaskStatus::kCompleted);
}

// A worker that is told to stop gives its leases back: they run elsewhere and nothing is held against them.
TEST_F(PoolTest, ALeaseGivenBackUnharmedRunsElsewhere) {
  MakePool();
  MakeDevices(2);
  const auto id = SubmitOne();
  const int first = Gpu(0).grants_.empty() ? 1 : 0;
  const auto lease = Gpu(first).grants_[0].lease;
  Gpu(first).grants_.clear();
  Gpu(first).Emit(wire::LeaseFailed{lease, ErrorCode::kUnavailable, "the worker was told to stop", false});
  Settle();
  ASSERT_EQ(Gpu(1 - first).grants_.size(), 1u);
  EXPECT_EQ(Gpu(first).acknowledged_.size(), 1u);
  EXPECT_EQ(pool_->Get(id)->record.worker_losses, 0);
  Gpu(1 - first).Finish(Gpu(1 - first).grants_[0]);
  AwaitStatus(id, TaskStatus::kCompleted);
}

// Its goodbye may be long in coming: until it is ready anew, neither that task nor another goes to it.
TEST_F(PoolTest, AWorkerThatGivesALeaseBackGetsNothingUntilItIsReadyAnew) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  const auto lease = Gpu(0).grants_.at(0).lease;
  Gpu(0).grants_.clear();
  Gpu(0).Emit(wire::LeaseFailed{lease, ErrorCode::kUnavailable, "the worker was told to stop", false});
  SubmitOne();
  Settle();
  EXPECT_TRUE(Gpu(0).grants_.empty());
  EXPECT_EQ(StatusOf(id), TaskStatus::kQueued);
  Gpu(0).BecomeReady();
  ASSERT_EQ(Gpu(0).grants_.size(), 2u);
  EXPECT_EQ(Gpu(0).grants_[0].lease.task, id);
  EXPECT_EQ(Gpu(0).grants_[0].lease.attempt, 2u);
}

TEST_F(PoolTest, ALossThatIsNotTheTasksFaultDoesNotCountAgainstIt) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  for (int round = 0; round < 5; ++round) {
    Settle();
    ASSERT_FALSE(Gpu(0).grants_.empty());
    const auto lease = Gpu(0).grants_.back().lease;
    Gpu(0).Lose({lease}, false);
  }
  Settle();
  EXPECT_EQ(StatusOf(id), TaskStatus::kRunning);
  EXPECT_EQ(pool_->Get(id)->record.worker_losses, 0);
}

TEST_F(PoolTest, ABackendThatRefusesIsWaitedFor) {
  MakePool();
  MakeDevices(1);
  Gpu(0).refuse_ = true;
  const auto id = SubmitOne();
  Settle();
  EXPECT_EQ(StatusOf(id), TaskStatus::kQueued);
  Gpu(0).BecomeReady();
  EXPECT_EQ(StatusOf(id), TaskStatus::kRunning);
}

TEST_F(PoolTest, AnswersThatNobodyWaitsForAreAcknowledgedAndIgnored) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  const auto stale = wire::LeaseKey{id, 99};
  Gpu(0).Emit(wire::LeaseDone{stale, "{}", 1, 1, 1});
  Gpu(0).Emit(wire::LeaseFailed{{TaskId{5, 5}, 1}, ErrorCode::kInternal, "x", false});
  EXPECT_EQ(Gpu(0).acknowledged_.size(), 2u);
  EXPECT_EQ(StatusOf(id), TaskStatus::kRunning);
  Gpu(0).Emit(wire::LeaseFailed{Gpu(0).grants_[0].lease, ErrorCode::kInvalidArgument,
                                "the prompt is too long", false});
  AwaitStatus(id, TaskStatus::kFailed);
  EXPECT_EQ(pool_->Get(id)->record.error->message, "the prompt is too long");
}

// Random answers, losses, cancels and readiness in any order: every accepted task ends in exactly one final
// state, the store and the table agree, and no slot leaks.
TEST_F(PoolTest, UnderRandomFaultsEveryTaskEndsExactlyOnce) {
  const std::uint64_t seeds = std::getenv("ALTLAS_LONG") != nullptr ? 500 : 30;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    KillPool();
    store_ = store::CreateMemoryStore({}, clock_, loop_->AsExecutor());
    options_.max_worker_losses = 3;
    MakePool();
    MakeDevices(3);
    Random random(seed);
    std::vector<TaskId> ids;
    std::map<TaskId, int> ends;
    std::vector<std::unique_ptr<Watch>> watches;
    const auto end_one = [&](ManualBackend& backend) {
      if (backend.grants_.empty()) return;
      const auto at =
          backend.grants_.begin() + static_cast<std::ptrdiff_t>(random.Below(backend.grants_.size()));
      const auto grant = *at;
      backend.grants_.erase(at);
      switch (random.Below(6)) {
        case 0:
          return backend.Lose({grant.lease}, true);
        case 1:
          return backend.Lose({grant.lease}, false);
        case 2:
          return backend.Emit(
              wire::LeaseFailed{grant.lease, ErrorCode::kInternal, "no", random.Below(2) == 0});
        default:
          return backend.Finish(grant);
      }
    };
    for (int step = 0; step < 300; ++step) {
      auto& backend = Gpu(static_cast<int>(random.Below(3)));
      switch (random.Below(5)) {
        case 0:
        case 1: {
          const auto id = SubmitOne();
          ids.push_back(id);
          watches.push_back(pool_->WatchTask(id, 0, [&ends, id](const TaskEvent& event) {
            if (std::holds_alternative<FinalEvent>(event)) ++ends[id];
          }));
          break;
        }
        case 2:
          if (!ids.empty()) pool_->Cancel(ids[random.Below(ids.size())], "by a test", {});
          break;
        default:
          end_one(backend);
      }
      if (random.Below(4) == 0) Settle();
    }
    while (pool_->running() + pool_->queued() > 0) {
      for (int gpu = 0; gpu < 3; ++gpu) end_one(Gpu(gpu));
      Settle();
    }
    RunUntil([&] { return ends.size() == ids.size(); });
    for (const auto& id : ids) {
      EXPECT_EQ(ends[id], 1);
      EXPECT_TRUE(store::IsFinal(store_->reader().Get(id)->status));
    }
    for (const auto& device : pool_->Devices()) EXPECT_EQ(device.view.task_count, 0);
  }
}

}  // namespace
}  // namespace altlas::pool
