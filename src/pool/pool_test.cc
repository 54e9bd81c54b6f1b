// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include "pool/pool_fixture.h"

namespace altlas::pool {
namespace {

using store::TaskStatus;

// API-1, promise 1: what was answered is in the store.
TEST_F(PoolTest, AnAnsweredTaskIsDurableAndRuns) {
  MakePool();
  MakeDevices(1);
  std::vector<NewTask> tasks;
  tasks.push_back(Task());
  const auto outcome = Submit(std::move(tasks));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->tasks[0].status, TaskStatus::kRunning);
  EXPECT_EQ(outcome->tasks[0].device, "gpu_0");
  EXPECT_TRUE(store_->reader().Get(outcome->tasks[0].id).has_value());
  ASSERT_EQ(Gpu(0).grants_.size(), 1u);
  EXPECT_EQ(Gpu(0).grants_[0].request, R"({"text":"hello","max_length":4})");
  Gpu(0).Finish(Gpu(0).grants_[0]);
  AwaitStatus(outcome->tasks[0].id, TaskStatus::kCompleted);
  EXPECT_EQ(pool_->Get(outcome->tasks[0].id)->record.result->json, R"({"text":"done"})");
  EXPECT_EQ(Gpu(0).acknowledged_.size(), 1u);
}

TEST_F(PoolTest, AFinalStateIsShownOnlyOnceItIsDurable) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  Gpu(0).Finish(Gpu(0).grants_[0]);
  EXPECT_EQ(StatusOf(id), TaskStatus::kRunning);
  EXPECT_TRUE(Gpu(0).acknowledged_.empty());
  AwaitStatus(id, TaskStatus::kCompleted);
}

TEST_F(PoolTest, TheLiveViewIsOfTasksInTheTableAndEndsWithTheirEnd) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  RunUntil([&] { return !Gpu(0).grants_.empty(); });
  const auto live = pool_->LiveView(id);
  ASSERT_TRUE(live.has_value());
  EXPECT_TRUE(live->live);
  EXPECT_EQ(live->record.status, store::TaskStatus::kRunning);
  EXPECT_EQ(live->device, "gpu_0");
  EXPECT_TRUE(live->record.explain.empty());
  Gpu(0).Finish(Gpu(0).grants_.front());
  // Nobody may see an end that the disk has not.
  const auto ending = pool_->LiveView(id);
  EXPECT_TRUE(!ending || ending->record.status == store::TaskStatus::kRunning);
  RunUntil([&] { return !pool_->LiveView(id); });
  EXPECT_EQ(pool_->Get(id)->record.status, store::TaskStatus::kCompleted);
  EXPECT_FALSE(pool_->LiveView(TaskId{}).has_value());
}

TEST_F(PoolTest, WaitsWhileWorkersStartAndNamesThePredictedDevice) {
  MakePool();
  MakeDevices(1, false);
  const auto id = SubmitOne();
  EXPECT_EQ(StatusOf(id), TaskStatus::kQueued);
  EXPECT_EQ(pool_->Get(id)->device, "gpu_0");
  Gpu(0).BecomeReady();
  EXPECT_EQ(StatusOf(id), TaskStatus::kRunning);
}

// DEV-2: a CPU device's memory is the configuration's word, which holds for what its models may come to hold.
TEST_F(PoolTest, AModelThatOutgrowsItsProcessorsMemoryIsNotServed) {
  MakePool();
  MakeDevices(1, false);
  Gpu(0).slots_ = 4;
  backend::BackendReady ready;
  ready.ready.slots = 4;
  wire::ModelReady model;
  model.name = "echo";
  model.memory_bytes = 1ULL << 30;
  model.kv_budget_bytes = 8ULL << 30;
  ready.models = {model};
  Gpu(0).Emit(ready);
  std::string why;
  EXPECT_FALSE(pool_->Ready(&why));
  const auto id = SubmitOne();
  AwaitStatus(id, TaskStatus::kFailed);
  ready.models[0].kv_budget_bytes = 4ULL << 30;
  Gpu(0).Emit(ready);
  EXPECT_TRUE(pool_->Ready(&why)) << why;
  EXPECT_EQ(StatusOf(SubmitOne()), TaskStatus::kRunning);
}

// API-6: a task that nothing here can run is accepted and fails with its reason.
TEST_F(PoolTest, ATaskWithoutAModelIsAcceptedAndFails) {
  MakePool();
  MakeDevices(1);
  auto task = Task();
  task.type = "object_detection";
  task.model = "";
  std::vector<NewTask> tasks;
  tasks.push_back(std::move(task));
  const auto outcome = Submit(std::move(tasks));
  ASSERT_TRUE(outcome.has_value());
  AwaitStatus(outcome->tasks[0].id, TaskStatus::kFailed);
  const auto view = pool_->Get(outcome->tasks[0].id);
  EXPECT_EQ(view->record.error->code, ErrorCode::kUnsupported);
  EXPECT_EQ(view->device, std::nullopt);
}

// CFG-6
TEST_F(PoolTest, AFullQueueRefusesAndAcceptsNothing) {
  options_.sched.max_queue_size = 2;
  MakePool();
  MakeDevices(1, false);
  SubmitOne();
  SubmitOne();
  std::vector<NewTask> tasks;
  tasks.push_back(Task());
  const auto refused = Submit(std::move(tasks));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(pool_->queued(), 2u);
  EXPECT_EQ(store_->reader().Count()[0], 2);
}

TEST_F(PoolTest, ABatchIsAcceptedAsAWholeOrNotAtAll) {
  options_.sched.max_queue_size = 3;
  MakePool();
  MakeDevices(1, false);
  std::vector<NewTask> four;
  for (int i = 0; i < 4; ++i) four.push_back(Task());
  EXPECT_FALSE(Submit(std::move(four), true).has_value());
  EXPECT_EQ(store_->reader().Count()[0], 0);
  std::vector<NewTask> three;
  for (int i = 0; i < 3; ++i) three.push_back(Task());
  EXPECT_EQ(Submit(std::move(three), true)->tasks.size(), 3u);
}

TEST_F(PoolTest, ABatchNotSplitStaysOnOneDevice) {
  MakePool();
  MakeDevices(3);
  std::vector<NewTask> tasks;
  for (int i = 0; i < 6; ++i) tasks.push_back(Task());
  const auto outcome = Submit(std::move(tasks), false);
  ASSERT_TRUE(outcome.has_value());
  std::set<std::string> devices;
  for (const auto& task : outcome->tasks) devices.insert(task.device.value());
  EXPECT_EQ(devices.size(), 1u);
}

TEST_F(PoolTest, StrategyAndPriorityThatAreNotAllowedAreRefusedByField) {
  options_.sched.strategies = {Strategy::kLeastLoaded};
  MakePool();
  MakeDevices(1);
  const auto field = [&](NewTask task) {
    std::vector<NewTask> tasks;
    tasks.push_back(std::move(task));
    return Submit(std::move(tasks)).error().field;
  };
  auto wrong_strategy = Task();
  wrong_strategy.strategy = Strategy::kRandom;
  EXPECT_EQ(field(wrong_strategy), "gpu_options.strategy");
  auto wrong_priority = Task();
  wrong_priority.priority = "urgent";
  EXPECT_EQ(field(wrong_priority), "priority");
}

TEST_F(PoolTest, TheSameIdempotencyKeyGivesTheSameTask) {
  MakePool();
  MakeDevices(1);
  const auto submit = [&](const std::string& hash) {
    store::IdempotencyClaim claim;
    claim.key = "abc";
    claim.body_hash = hash;
    std::vector<NewTask> tasks;
    tasks.push_back(Task());
    return Submit(std::move(tasks), std::nullopt, claim);
  };
  const auto first = submit("h1");
  const auto second = submit("h1");
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(second->replayed);
  EXPECT_EQ(first->tasks[0].id, second->tasks[0].id);
  EXPECT_EQ(Gpu(0).grants_.size(), 1u);
  EXPECT_EQ(submit("h2").error().field, store::kIdempotencyField);
}

// A client that repeats an accepted request gets its task also while new ones are kept out, and never one
// that is not there.
TEST_F(PoolTest, AKnownIdempotencyKeyIsAnsweredWhileTheQueueIsFullAndNotOnceItsTaskIsGone) {
  options_.sched.max_queue_size = 1;
  MakePool();
  MakeDevices(1, false);
  const auto submit = [&](const std::string& key, const std::string& hash) {
    store::IdempotencyClaim claim;
    claim.key = key;
    claim.body_hash = hash;
    std::vector<NewTask> tasks;
    tasks.push_back(Task());
    return Submit(std::move(tasks), std::nullopt, claim);
  };
  const auto first = submit("abc", "h1");
  ASSERT_TRUE(first.has_value());
  const auto again = submit("abc", "h1");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->tasks[0].id, first->tasks[0].id);
  EXPECT_EQ(submit("abc", "h2").error().field, store::kIdempotencyField);
  EXPECT_EQ(submit("new", "h1").error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(store_->reader().Count()[0], 1);
  pool_->Cancel(first->tasks[0].id, "by a test", {});
  AwaitStatus(first->tasks[0].id, TaskStatus::kCanceled);
  bool deleted = false;
  store_->tasks().DeleteTask(first->tasks[0].id, [&](const auto& done) { deleted = done.has_value(); });
  RunUntil([&] { return deleted; });
  const auto gone = submit("abc", "h1");
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(submit("new", "h1").has_value());
}

TEST_F(PoolTest, MoreTasksThanTheQueueEverHoldsAreTooMany) {
  options_.sched.max_queue_size = 2;
  MakePool();
  MakeDevices(1);
  std::vector<NewTask> three;
  for (int i = 0; i < 3; ++i) three.push_back(Task());
  EXPECT_EQ(Submit(std::move(three), true).error().code, ErrorCode::kTooLarge);
  std::vector<NewTask> one;
  one.push_back(Task());
  one.back().priority = "urgent";
  EXPECT_EQ(Submit(std::move(one), true).error().field, "batch[0].priority");
}

// API-7
TEST_F(PoolTest, CancelEndsAWaitingTaskAtOnce) {
  MakePool();
  MakeDevices(1, false);
  const auto id = SubmitOne();
  std::optional<Result<TaskView>> ended;
  pool_->Cancel(id, "by a test", [&](auto view) { ended = std::move(view); });
  RunUntil([&] { return ended.has_value(); });
  EXPECT_EQ((*ended)->record.status, TaskStatus::kCanceled);
  EXPECT_EQ(pool_->queued(), 0u);
  // API-1: a device could have run it.
  EXPECT_EQ((*ended)->device, "gpu_0");
  EXPECT_EQ(pool_->Get(id)->device, "gpu_0");
}

TEST_F(PoolTest, CancelOfARunningTaskIsFinalWhateverItsWorkerSaysLater) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  bool ended = false;
  pool_->Cancel(id, "by a test", [&](auto) { ended = true; });
  RunUntil([&] { return ended; });
  ASSERT_EQ(Gpu(0).canceled_.size(), 1u);
  EXPECT_EQ(pool_->running(), 1u) << "the slot is held until the worker lets go";
  Gpu(0).Finish(Gpu(0).grants_[0]);
  Settle();
  EXPECT_EQ(StatusOf(id), TaskStatus::kCanceled);
  EXPECT_EQ(pool_->running(), 0u);
  EXPECT_EQ(Gpu(0).acknowledged_.size(), 1u);
}

TEST_F(PoolTest, CancelOfAFinishedTaskIsAConflict) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  Gpu(0).Finish(Gpu(0).grants_[0]);
  AwaitStatus(id, TaskStatus::kCompleted);
  std::optional<Result<TaskView>> ended;
  pool_->Cancel(id, "by a test", [&](auto view) { ended = std::move(view); });
  RunUntil([&] { return ended.has_value(); });
  EXPECT_EQ(ended->error().code, ErrorCode::kConflict);
}

// CFG-6: past its time in the queue a task is canceled with the reason, also while every device is busy.
TEST_F(PoolTest, AQueuedTaskPastItsTimeIsCanceledWithTheReason) {
  MakePool();
  MakeDevices(1, false);
  auto task = Task();
  task.timeout = std::chrono::milliseconds(20);
  const auto id = SubmitOne(task);
  AwaitStatus(id, TaskStatus::kCanceled);
  EXPECT_EQ(pool_->Get(id)->record.error->code, ErrorCode::kTimeout);
  EXPECT_EQ(pool_->Get(id)->device, "gpu_0");
}

// CFG-5: a free slot is filled at once, however long the sweep may wait.
TEST_F(PoolTest, AFreeSlotIsFilledWithoutWaitingForTheSweep) {
  options_.queue_sweep = std::chrono::hours(1);
  MakePool();
  MakeDevices(1, false);
  Gpu(0).BecomeReady(1);
  SubmitOne();
  const auto waits = SubmitOne();
  EXPECT_EQ(StatusOf(waits), TaskStatus::kQueued);
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  Settle();
  EXPECT_EQ(Gpu(0).grants_.at(1).lease.task, waits);
}

TEST_F(PoolTest, WatchersSeeTokensInOrderAndTheEndOnce) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  const auto lease = Gpu(0).grants_[0].lease;
  Gpu(0).Emit(wire::Token{lease, 0, {7}, "a"});
  std::string early, late;
  int ends = 0;
  const auto watch_into = [&](std::string& text, std::uint32_t from) {
    return pool_->WatchTask(id, from, [&text, &ends](const TaskEvent& event) {
      if (const auto* token = std::get_if<TokenEvent>(&event)) text += token->text;
      if (std::holds_alternative<FinalEvent>(event)) ++ends;
    });
  };
  const auto first = watch_into(early, 0);
  Settle();
  Gpu(0).Emit(wire::Token{lease, 1, {8}, "bc"});
  const auto second = watch_into(late, 1);
  Settle();
  Gpu(0).Emit(wire::Token{lease, 1, {8}, "bc"});  // told again: dropped
  Gpu(0).Emit(wire::Token{lease, 2, {10}, "d"});
  Gpu(0).Finish(Gpu(0).grants_[0]);
  RunUntil([&] { return ends == 2; });
  EXPECT_EQ(early, "abcd");
  EXPECT_EQ(late, "bcd");
}

// A stop string that was half there, or an unfinished character: the engine releases such text at the end.
TEST_F(PoolTest, TextHeldBackUntilTheEndIsTold) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  const auto lease = Gpu(0).grants_[0].lease;
  std::string text;
  std::uint32_t last = 0;
  bool ended = false;
  const auto watch = pool_->WatchTask(id, 0, [&](const TaskEvent& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) {
      text += token->text;
      last = token->index;
    }
    ended = ended || std::holds_alternative<FinalEvent>(event);
  });
  Settle();
  Gpu(0).Emit(wire::Token{lease, 0, {7}, "a"});
  Gpu(0).Emit(wire::Token{lease, 1, {}, "EN"});
  Gpu(0).Emit(wire::Token{lease, 1, {}, "EN"});  // told again by the worker that continued it
  // One that comes back after the token hears of the rest.
  std::string rest;
  const auto late = pool_->WatchTask(id, 1, [&](const TaskEvent& event) {
    if (const auto* token = std::get_if<TokenEvent>(&event)) rest += token->text;
  });
  Settle();
  Gpu(0).Finish(Gpu(0).grants_[0], "aEN");
  RunUntil([&] { return ended; });
  EXPECT_EQ(text, "aEN");
  EXPECT_EQ(last, 1u);
  EXPECT_EQ(rest, "EN");
}

// The attempt that told it was lost with its end, and the next one does not end there.
TEST_F(PoolTest, TextHeldBackThatTurnsOutToGoOnIsToldOnce) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  const auto lease = Gpu(0).grants_[0].lease;
  const auto watch_into = [&](std::string& text, std::uint32_t from) {
    return pool_->WatchTask(id, from, [&text](const TaskEvent& event) {
      if (std::holds_alternative<ResetEvent>(event)) text.clear();
      if (const auto* token = std::get_if<TokenEvent>(&event)) text += token->text;
    });
  };
  std::string text, back = "aEN";
  const auto watch = watch_into(text, 0);
  Settle();
  Gpu(0).Emit(wire::Token{lease, 0, {7}, "a"});
  Gpu(0).Emit(wire::Token{lease, 1, {}, "EN"});
  EXPECT_EQ(text, "aEN");
  Gpu(0).Lose({lease}, false);
  Settle();
  const auto again = Gpu(0).grants_.at(1).lease;
  Gpu(0).Emit(wire::Token{again, 0, {7}, "a"});
  Gpu(0).Emit(wire::Token{again, 1, {8}, "ENT"});
  EXPECT_EQ(text, "aENT");
  // One that heard the first tail, went away and comes back only now.
  const auto late = watch_into(back, 2);
  Settle();
  Gpu(0).Emit(wire::Token{again, 2, {}, "E"});
  EXPECT_EQ(text, "aENTE");
  EXPECT_EQ(back, "aENTE");
}

TEST_F(PoolTest, AWatchThatEndedHearsNothingMore) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  int heard = 0;
  auto watch = pool_->WatchTask(id, 0, [&](const TaskEvent&) { ++heard; });
  Settle();
  watch.reset();
  Gpu(0).Finish(Gpu(0).grants_[0]);
  AwaitStatus(id, TaskStatus::kCompleted);
  EXPECT_EQ(heard, 0);
  EXPECT_EQ(pool_->WatchTask(TaskId{1, 2}, 0, [](const TaskEvent&) {}), nullptr);
}

TEST_F(PoolTest, ReadyMeansAHealthyDeviceForEachModel) {
  MakePool();
  MakeDevices(1, false);
  std::string why;
  EXPECT_FALSE(pool_->Ready(&why));
  EXPECT_NE(why.find("echo"), std::string::npos);
  Gpu(0).BecomeReady();
  EXPECT_TRUE(pool_->Ready(&why));
  pool_->UpdateDevices({});
  EXPECT_FALSE(pool_->Ready(&why));
  EXPECT_EQ(pool_->Devices().size(), 1u) << "a lost device stays listed";
  pool_->Stop(backend::StopMode::kDrain, {});
  EXPECT_FALSE(pool_->Ready(&why));
  EXPECT_EQ(why, "the server is shutting down");
}

// CFG-7
TEST_F(PoolTest, MetricsFollowTheSwitches) {
  MakePool();
  MakeDevices(1);
  const auto id = SubmitOne();
  Gpu(0).Finish(Gpu(0).grants_[0]);
  AwaitStatus(id, TaskStatus::kCompleted);
  auto text = registry_->Text();
  EXPECT_NE(text.find("altlas_tasks_total{"), std::string::npos);
  EXPECT_NE(text.find("altlas_device_utilization_ratio{"), std::string::npos);
  EXPECT_NE(text.find("altlas_queue_depth{"), std::string::npos);
  EXPECT_NE(text.find("altlas_queue_oldest_wait_seconds{priority=\"high\"}"), std::string::npos);
  pool_->SetMetricSwitches({false, true, false});
  text = registry_->Text();
  EXPECT_EQ(text.find("altlas_device_utilization_ratio{"), std::string::npos);
  EXPECT_EQ(text.find("altlas_queue_depth{"), std::string::npos);
  EXPECT_NE(text.find("altlas_tasks_total{"), std::string::npos);
  EXPECT_EQ(text.find("altlas_task_queue_seconds_count{"), std::string::npos);
  pool_->SetMetricSwitches({false, false, false});
  text = registry_->Text();
  for (const char* name :
       {"altlas_tasks_accepted_total{", "altlas_tasks_total{", "altlas_task_execution_seconds_count{"})
    EXPECT_EQ(text.find(name), std::string::npos) << name;
  pool_->SetMetricSwitches({false, true, false});
  SubmitOne();
  text = registry_->Text();
  const auto accepted = text.find("altlas_tasks_accepted_total{");
  ASSERT_NE(accepted, std::string::npos);
  EXPECT_NE(text.find("} 1\n", accepted), std::string::npos)
      << "counted anew: " << text.substr(accepted, 200);
}

// CFG-9, API-8
TEST_F(PoolTest, RunTimeChangesOfTheSchedulerTakeEffect) {
  MakePool();
  MakeDevices(1);
  for (int i = 0; i < 6; ++i) SubmitOne();
  EXPECT_EQ(Gpu(0).grants_.size(), 4u);
  auto config = pool_->sched_config();
  config.max_concurrent_tasks_per_gpu = 2;
  ASSERT_TRUE(pool_->Configure(config).has_value());
  Gpu(0).Finish(Gpu(0).grants_[0]);
  Settle();
  EXPECT_EQ(Gpu(0).grants_.size(), 4u);
  config.strategies.clear();
  EXPECT_FALSE(pool_->Configure(config).has_value());
  EXPECT_EQ(pool_->sched_config().max_concurrent_tasks_per_gpu, 2);
}

}  // namespace
}  // namespace altlas::pool
