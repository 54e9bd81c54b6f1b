// SPDX-License-Identifier: Apache-2.0
// What every engine promises; each test runs on all of them.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "store/test_support.h"

namespace altlas::store {
namespace {

enum class Engine { kSqlite, kMemory };

class StoreContract : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    retention_.interval = std::chrono::milliseconds(1);
    Open();
  }
  void Open() {
    if (GetParam() == Engine::kMemory) {
      store_ = CreateMemoryStore(retention_, clock_, inbox_.executor());
    } else {
      SqliteOptions options;
      options.folder = folder_.path();
      options.retention = retention_;
      options.blob_bytes = 1000;
      options.min_free_bytes = 0;
      auto opened = OpenSqliteStore(options, clock_, inbox_.executor());
      ASSERT_TRUE(opened.has_value()) << opened.error().message;
      store_ = std::move(*opened);
    }
    calls_.emplace(*store_, inbox_);
  }
  void Reopen(Retention retention) {
    store_.reset();
    retention_ = retention;
    Open();
  }
  TaskId NextId() { return ids_.Next(); }
  TaskId AcceptOne(TaskRecord task) {
    const auto id = task.id;
    const auto outcome = calls_->Accept(std::move(task));
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message;
    return id;
  }
  TaskId AcceptOne() { return AcceptOne(MakeTask(NextId())); }
  TaskRecord MustGet(TaskId id) {
    auto task = store_->reader().Get(id);
    EXPECT_TRUE(task.has_value()) << task.error().message;
    return task.value_or(TaskRecord{});
  }
  ErrorCode CodeOfGet(TaskId id) {
    const auto task = store_->reader().Get(id);
    return task.has_value() ? ErrorCode::kInternal : task.error().code;
  }
  std::vector<TaskId> Unfinished() {
    std::vector<TaskId> ids;
    const auto done = store_->reader().LoadUnfinished([&](TaskRecord task) { ids.push_back(task.id); });
    EXPECT_TRUE(done.has_value());
    return ids;
  }
  AcceptBatch Claimed(std::string key, std::string hash, std::size_t tasks = 1) {
    AcceptBatch batch;
    for (std::size_t i = 0; i < tasks; ++i) batch.tasks.push_back(MakeTask(NextId()));
    batch.idempotency = IdempotencyClaim{key_id_, std::move(key), std::move(hash), "shape"};
    return batch;
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  UuidGenerator ids_{clock_};
  Uuid key_id_ = ids_.Next();
  Inbox inbox_;
  Retention retention_;
  std::unique_ptr<Store> store_;
  std::optional<BlockingStore> calls_;
};

INSTANTIATE_TEST_SUITE_P(Engines, StoreContract, testing::Values(Engine::kSqlite, Engine::kMemory),
                         [](const auto& info) {
                           return info.param == Engine::kSqlite ? "Sqlite" : "Memory";
                         });

TEST_P(StoreContract, AnAcceptedTaskReadsBackWithEveryField) {
  auto task = MakeTask(NextId(), std::string("{\"text\":\"\xc4\x9f\"}"));
  task.key_id = NextId();
  task.batch_id = NextId();
  task.priority = -7;
  task.device = "gpu_1";
  task.strategy = "least_loaded";
  task.estimated_memory_bytes = 1LL << 40;
  task.explain = "{}";
  AcceptOne(task);
  const auto read = MustGet(task.id);
  EXPECT_EQ(read.key_id, task.key_id);
  EXPECT_EQ(read.batch_id, task.batch_id);
  EXPECT_EQ(read.model, "tiny");
  EXPECT_EQ(read.type, "text_generation");
  EXPECT_EQ(read.priority_name, "normal");
  EXPECT_EQ(read.priority, -7);
  EXPECT_EQ(read.status, TaskStatus::kQueued);
  EXPECT_EQ(read.attempt, 0);
  EXPECT_EQ(read.device, "gpu_1");
  EXPECT_EQ(read.strategy, "least_loaded");
  EXPECT_EQ(read.estimated_memory_bytes, 1LL << 40);
  EXPECT_EQ(read.budget_ms, 3'600'000);
  EXPECT_EQ(read.created_ms, task.created_ms);
  EXPECT_EQ(read.request, task.request);
  EXPECT_EQ(read.explain, "{}");
  EXPECT_FALSE(read.error.has_value());
  EXPECT_FALSE(read.result.has_value());
}

TEST_P(StoreContract, AHeadIsTheRecordWithoutItsTexts) {
  auto task = MakeTask(NextId(), std::string(5000, 'q'));
  task.key_id = NextId();
  task.batch_id = NextId();
  task.priority = 3;
  task.device = "gpu_1";
  task.strategy = "random";
  task.estimated_memory_bytes = 99;
  task.explain = "{}";
  AcceptOne(task);
  store_->tasks().RecordDispatch({task.id, 2, "gpu_0", 7, 1234, R"({"why":"fast"})"});
  calls_->Flush();
  const auto expect_head_of = [&](TaskRecord whole) {
    const auto head = store_->reader().Head(task.id);
    ASSERT_TRUE(head.has_value()) << head.error().message;
    EXPECT_TRUE(head->request.empty() && head->explain.empty() && !head->result);
    EXPECT_EQ(head->id, whole.id);
    EXPECT_EQ(head->key_id, whole.key_id);
    EXPECT_EQ(head->batch_id, whole.batch_id);
    EXPECT_EQ(head->model, whole.model);
    EXPECT_EQ(head->type, whole.type);
    EXPECT_EQ(head->priority_name, whole.priority_name);
    EXPECT_EQ(head->priority, whole.priority);
    EXPECT_EQ(head->status, whole.status);
    EXPECT_EQ(head->attempt, whole.attempt);
    EXPECT_EQ(head->device, whole.device);
    EXPECT_EQ(head->strategy, whole.strategy);
    EXPECT_EQ(head->estimated_memory_bytes, whole.estimated_memory_bytes);
    EXPECT_EQ(head->budget_ms, whole.budget_ms);
    EXPECT_EQ(head->created_ms, whole.created_ms);
    EXPECT_EQ(head->started_ms, whole.started_ms);
    EXPECT_EQ(head->finished_ms, whole.finished_ms);
    EXPECT_EQ(head->error, whole.error);
  };
  expect_head_of(MustGet(task.id));
  ASSERT_TRUE(calls_->Finish(Completed(task.id, std::string(5000, 'r'))).has_value());
  expect_head_of(MustGet(task.id));
  EXPECT_EQ(store_->reader().Head(task.id)->status, TaskStatus::kCompleted);
  EXPECT_EQ(store_->reader().Head(NextId()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->reader().Head({}).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, ACallbackComesThroughTheExecutorAndNotInsideTheCall) {
  bool answered = false;
  AcceptBatch batch;
  batch.tasks.push_back(MakeTask(NextId()));
  store_->tasks().Accept(std::move(batch), [&](auto) { answered = true; });
  EXPECT_FALSE(answered);
  EXPECT_TRUE(inbox_.RunUntil([&] { return answered; }));
}

TEST_P(StoreContract, AnswersComeInTheOrderOfTheCalls) {
  std::vector<int> order;
  for (int i = 0; i < 500; ++i) {
    AcceptBatch batch;
    batch.tasks.push_back(MakeTask(NextId()));
    store_->tasks().Accept(std::move(batch), [&order, i](auto) { order.push_back(i); });
  }
  ASSERT_TRUE(inbox_.RunUntil([&] { return order.size() == 500; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_P(StoreContract, ABatchIsStoredWholeOrNotAtAll) {
  const auto taken = AcceptOne();
  AcceptBatch batch;
  batch.tasks = {MakeTask(NextId()), MakeTask(taken), MakeTask(NextId())};
  const auto first = batch.tasks[0].id;
  const auto refused = calls_->Accept(batch);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(refused.error().field.empty());
  EXPECT_EQ(CodeOfGet(first), ErrorCode::kNotFound);
  EXPECT_EQ(store_->reader().Count()[0], 1);

  batch.tasks[1].id = NextId();
  const auto accepted = calls_->Accept(batch);
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(accepted->ids, (std::vector{batch.tasks[0].id, batch.tasks[1].id, batch.tasks[2].id}));
  EXPECT_EQ(store_->reader().Count()[0], 4);
}

TEST_P(StoreContract, OneBadAcceptDoesNotFailItsNeighbours) {
  const auto taken = AcceptOne();
  int good = 0, bad = 0;
  for (int i = 0; i < 100; ++i) {
    AcceptBatch batch;
    batch.tasks.push_back(MakeTask(i % 3 == 0 ? taken : NextId()));
    store_->tasks().Accept(std::move(batch), [&](auto outcome) { ++(outcome.has_value() ? good : bad); });
  }
  ASSERT_TRUE(inbox_.RunUntil([&] { return good + bad == 100; }));
  EXPECT_EQ(bad, 34);
  EXPECT_EQ(store_->reader().Count()[0], 67);
}

TEST_P(StoreContract, WrongAcceptsAreRefusedWithoutATrace) {
  const auto id = NextId();
  auto running = MakeTask(NextId());
  running.status = TaskStatus::kRunning;
  std::vector<AcceptBatch> wrong(4);
  wrong[1].tasks = {MakeTask(TaskId{})};
  wrong[2].tasks = {running};
  wrong[3].tasks = {MakeTask(id), MakeTask(id)};
  for (auto& batch : wrong) EXPECT_FALSE(calls_->Accept(batch).has_value());
  EXPECT_FALSE(calls_->Accept(Claimed("", "h")).has_value());
  EXPECT_FALSE(calls_->Accept(Claimed(std::string(256, 'k'), "h")).has_value());
  EXPECT_TRUE(calls_->Accept(Claimed(std::string(255, 'k'), "h")).has_value());
  EXPECT_EQ(store_->reader().Count()[0], 1);
}

TEST_P(StoreContract, TheSameIdempotencyKeyWithTheSameBodyIsAnsweredWithTheFirstTasks) {
  const auto first = calls_->Accept(Claimed("k", "hash", 3));
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->replayed);
  auto again = Claimed("k", "hash", 3);
  again.idempotency->note = "other";
  const auto second = calls_->Accept(std::move(again));
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(second->replayed);
  EXPECT_EQ(second->ids, first->ids);
  EXPECT_EQ(second->note, "shape");
  EXPECT_EQ(store_->reader().Count()[0], 3);
}

TEST_P(StoreContract, TheSameIdempotencyKeyWithAnotherBodyIsAConflictThatNamesTheHeader) {
  ASSERT_TRUE(calls_->Accept(Claimed("k", "hash")).has_value());
  const auto refused = calls_->Accept(Claimed("k", "other"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().field, kIdempotencyField);
  EXPECT_EQ(store_->reader().Count()[0], 1);
}

TEST_P(StoreContract, AReplayAloneIsAnsweredWithTheFirstTasksOrNotFound) {
  const auto first = calls_->Accept(Claimed("k", "hash"));
  auto known = Claimed("k", "hash");
  known.only_replay = true;
  const auto replay = calls_->Accept(std::move(known));
  ASSERT_TRUE(replay.has_value());
  EXPECT_EQ(replay->ids, first->ids);
  auto unknown = Claimed("new", "hash");
  unknown.only_replay = true;
  const auto refused = calls_->Accept(std::move(unknown));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->reader().Count()[0], 1);
  const auto later = calls_->Accept(Claimed("new", "other"));
  ASSERT_TRUE(later.has_value());
  EXPECT_FALSE(later->replayed) << "asking does not claim the key";
}

TEST_P(StoreContract, AnIdempotencyKeyBelongsToItsApiKey) {
  ASSERT_TRUE(calls_->Accept(Claimed("k", "hash")).has_value());
  key_id_ = NextId();
  const auto other = calls_->Accept(Claimed("k", "other"));
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->replayed);
  key_id_ = {};
  const auto nobody = calls_->Accept(Claimed("k", "third"));
  ASSERT_TRUE(nobody.has_value());
  EXPECT_FALSE(nobody->replayed);
}

TEST_P(StoreContract, TwoAcceptsWithOneIdempotencyKeyInFlightMakeOneTask) {
  std::vector<Result<AcceptOutcome>> outcomes;
  for (int i = 0; i < 20; ++i) {
    store_->tasks().Accept(Claimed("k", "hash"), [&](auto outcome) { outcomes.push_back(outcome); });
  }
  ASSERT_TRUE(inbox_.RunUntil([&] { return outcomes.size() == 20; }));
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome.value().ids, outcomes[0].value().ids);
  EXPECT_EQ(store_->reader().Count()[0], 1);
}

TEST_P(StoreContract, ADispatchedTaskIsRunningAndKeepsItsAttemptAndDevice) {
  const auto id = AcceptOne();
  store_->tasks().RecordDispatch({id, 2, "gpu_3", 1234, 777, R"({"why":"fast"})"});
  calls_->Flush();
  auto task = MustGet(id);
  EXPECT_EQ(task.status, TaskStatus::kRunning);
  EXPECT_EQ(task.attempt, 2);
  EXPECT_EQ(task.device, "gpu_3");
  EXPECT_EQ(task.budget_ms, 1234);
  EXPECT_EQ(task.started_ms, 777);
  EXPECT_EQ(task.explain, R"({"why":"fast"})");
  store_->tasks().RecordDispatch({id, 3, "gpu_0", 1000, 800, ""});
  calls_->Flush();
  EXPECT_EQ(MustGet(id).explain, R"({"why":"fast"})");
  EXPECT_EQ(MustGet(id).attempt, 3);
}

TEST_P(StoreContract, ARequeuedTaskCountsItsWorkerLosses) {
  const auto id = AcceptOne();
  store_->tasks().RecordDispatch({id, 1, "gpu_0", 10, 20, ""});
  ASSERT_TRUE(calls_->Requeue({id, 1, "gpu_1", 5}).has_value());
  const auto task = MustGet(id);
  EXPECT_EQ(task.status, TaskStatus::kQueued);
  EXPECT_EQ(task.worker_losses, 1);
  EXPECT_EQ(task.attempt, 1);
  EXPECT_EQ(task.device, "gpu_1");
  EXPECT_EQ(task.budget_ms, 5);
  EXPECT_EQ(Unfinished(), std::vector{id});
}

TEST_P(StoreContract, ACompletedTaskHasItsResult) {
  const auto id = AcceptOne();
  const auto outcome = calls_->Finish(Completed(id, R"({"text":"ok"})", 99));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->recorded);
  EXPECT_EQ(outcome->stored, TaskStatus::kCompleted);
  const auto task = MustGet(id);
  EXPECT_EQ(task.status, TaskStatus::kCompleted);
  EXPECT_EQ(task.finished_ms, 99);
  ASSERT_TRUE(task.result.has_value());
  EXPECT_EQ(task.result->json, R"({"text":"ok"})");
  EXPECT_DOUBLE_EQ(task.result->execution_seconds, 0.25);
  EXPECT_TRUE(Unfinished().empty());
}

TEST_P(StoreContract, AFailedTaskHasItsError) {
  const auto id = AcceptOne();
  auto record = Failed(id);
  record.worker_losses = 2;
  ASSERT_TRUE(calls_->Finish(record).has_value());
  const auto task = MustGet(id);
  EXPECT_EQ(task.status, TaskStatus::kFailed);
  EXPECT_EQ(task.error, (Error{ErrorCode::kTimeout, "it waited too long", "queue"}));
  EXPECT_EQ(task.worker_losses, 2);
  EXPECT_FALSE(task.result.has_value());
}

TEST_P(StoreContract, AFinalStateNeverChanges) {
  const auto id = AcceptOne();
  ASSERT_TRUE(calls_->Finish(Completed(id, "1")).has_value());
  const auto second = calls_->Finish(Failed(id));
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(second->recorded);
  EXPECT_EQ(second->stored, TaskStatus::kCompleted);
  EXPECT_FALSE(calls_->Finish(Completed(id, "2"))->recorded);
  store_->tasks().RecordDispatch({id, 9, "gpu_9", 0, 0, ""});
  ASSERT_TRUE(calls_->Requeue({id, 9, "", 0}).has_value());
  const auto task = MustGet(id);
  EXPECT_EQ(task.status, TaskStatus::kCompleted);
  EXPECT_EQ(task.result->json, "1");
  EXPECT_EQ(task.attempt, 0);
  EXPECT_FALSE(task.error.has_value());
}

TEST_P(StoreContract, AFinalMustFitItsState) {
  const auto id = AcceptOne();
  auto no_result = Completed(id);
  no_result.result.reset();
  auto both = Completed(id);
  both.error = Fail(ErrorCode::kInternal, "x");
  auto not_final = Failed(id);
  not_final.status = TaskStatus::kRunning;
  auto no_error = Failed(id);
  no_error.error.reset();
  for (const auto& record : {no_result, both, not_final, no_error}) {
    const auto outcome = calls_->Finish(record);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(MustGet(id).status, TaskStatus::kQueued);
}

TEST_P(StoreContract, WhatNobodyKnowsIsNotFound) {
  const auto id = NextId();
  EXPECT_EQ(calls_->Finish(Completed(id)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(calls_->Delete(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(CodeOfGet(id), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOfGet({}), ErrorCode::kNotFound);
  EXPECT_TRUE(calls_->Requeue({id, 1, "", 0}).has_value());
}

TEST_P(StoreContract, OnlyAFinishedTaskIsDeleted) {
  const auto id = AcceptOne();
  const auto refused = calls_->Delete(id);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find("queued"), std::string::npos);
  ASSERT_TRUE(calls_->Finish(Completed(id)).has_value());
  ASSERT_TRUE(calls_->Delete(id).has_value());
  EXPECT_EQ(CodeOfGet(id), ErrorCode::kNotFound);
  EXPECT_EQ(store_->reader().Count(), TaskCounts{});
}

TEST_P(StoreContract, CountsFollowEveryChange) {
  std::vector<TaskId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(AcceptOne());
  store_->tasks().RecordDispatch({ids[0], 1, "gpu_0", 0, 1, ""});
  store_->tasks().RecordDispatch({ids[1], 1, "gpu_0", 0, 1, ""});
  ASSERT_TRUE(calls_->Requeue({ids[1], 1, "", 0}).has_value());
  ASSERT_TRUE(calls_->Finish(Completed(ids[2])).has_value());
  ASSERT_TRUE(calls_->Finish(Failed(ids[3])).has_value());
  auto canceled = Failed(ids[4]);
  canceled.status = TaskStatus::kCanceled;
  ASSERT_TRUE(calls_->Finish(canceled).has_value());
  EXPECT_EQ(store_->reader().Count(), (TaskCounts{2, 1, 1, 1, 1}));
}

TEST_P(StoreContract, UnfinishedTasksComeByPriorityThenAge) {
  std::vector<TaskId> expected[3];
  for (int i = 0; i < 900; ++i) {
    auto task = MakeTask(NextId());
    task.priority = (i * 7) % 3 - 1;
    const bool finished = i % 5 == 0;
    if (!finished) expected[task.priority + 1].push_back(task.id);
    AcceptBatch batch;
    batch.tasks.push_back(task);
    store_->tasks().Accept(std::move(batch), {});
    if (i % 2 == 0) store_->tasks().RecordDispatch({task.id, 1, "gpu_0", 0, 1, ""});
    if (finished) store_->tasks().RecordFinal(Completed(task.id), {});
  }
  calls_->Flush();
  std::vector<TaskId> all;
  for (const auto& level : expected) all.insert(all.end(), level.begin(), level.end());
  EXPECT_EQ(Unfinished(), all);
}

TEST_P(StoreContract, LargeRequestsAndResultsReadBackWhole) {
  const std::string large(5000, 'x');
  const auto id = AcceptOne(MakeTask(NextId(), large + "request"));
  EXPECT_EQ(MustGet(id).request, large + "request");
  std::string seen;
  ASSERT_TRUE(store_->reader().LoadUnfinished([&](TaskRecord task) { seen = task.request; }).has_value());
  EXPECT_EQ(seen, large + "request");
  ASSERT_TRUE(calls_->Finish(Completed(id, large + "result")).has_value());
  EXPECT_EQ(MustGet(id).result->json, large + "result");
}

TEST_P(StoreContract, AListIsNewestFirstAndPagesMeet) {
  std::vector<TaskId> ids;
  for (int i = 0; i < 25; ++i) ids.insert(ids.begin(), AcceptOne());
  TaskFilter filter;
  filter.limit = 10;
  std::vector<TaskId> seen;
  std::vector<std::size_t> sizes;
  while (true) {
    const auto page = store_->reader().List(filter);
    ASSERT_TRUE(page.has_value());
    sizes.push_back(page->tasks.size());
    for (const auto& task : page->tasks) {
      seen.push_back(task.id);
      EXPECT_TRUE(task.request.empty());
    }
    if (!page->next) break;
    filter.before = *page->next;
  }
  EXPECT_EQ(seen, ids);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 10, 5}));
}

TEST_P(StoreContract, AListKeepsToItsScanLimitAndStillEnds) {
  const auto wanted = AcceptOne();
  for (int i = 0; i < 20; ++i) AcceptOne();
  ASSERT_TRUE(calls_->Finish(Completed(wanted)).has_value());
  TaskFilter filter;
  filter.status = TaskStatus::kCompleted;
  filter.scan_limit = 6;
  int pages = 0;
  std::vector<TaskId> seen;
  while (true) {
    const auto page = store_->reader().List(filter);
    ASSERT_TRUE(page.has_value());
    ++pages;
    for (const auto& task : page->tasks) seen.push_back(task.id);
    if (!page->next) break;
    filter.before = *page->next;
  }
  EXPECT_EQ(seen, std::vector{wanted});
  EXPECT_EQ(pages, 4);
}

TEST_P(StoreContract, EachFilterKeepsWhatItNames) {
  auto odd = MakeTask(NextId());
  odd.model = "large";
  odd.type = "embedding";
  odd.priority_name = "high";
  odd.key_id = NextId();
  odd.created_ms = 1000;
  AcceptOne(odd);
  auto even = MakeTask(NextId());
  even.created_ms = 2000;
  AcceptOne(even);
  ASSERT_TRUE(calls_->Finish(Failed(odd.id)).has_value());
  std::vector<TaskFilter> filters(6);
  filters[0].model = "large";
  filters[1].type = "embedding";
  filters[2].priority_name = "high";
  filters[3].key_id = odd.key_id;
  filters[4].status = TaskStatus::kFailed;
  filters[5].created_before_ms = 2000;
  for (const auto& filter : filters) {
    const auto page = store_->reader().List(filter);
    ASSERT_EQ(page->tasks.size(), 1u);
    EXPECT_EQ(page->tasks[0].id, odd.id);
  }
  TaskFilter later;
  later.created_from_ms = 2000;
  EXPECT_EQ(store_->reader().List(later)->tasks.at(0).id, even.id);
  TaskFilter none;
  none.model = "large";
  none.status = TaskStatus::kQueued;
  EXPECT_TRUE(store_->reader().List(none)->tasks.empty());
}

TEST_P(StoreContract, FinishedTasksBeyondTheCountGoOldestFirst) {
  Retention retention;
  retention.interval = std::chrono::milliseconds(1);
  retention.finished_count = 3;
  retention.batch = 2;
  Reopen(retention);
  std::vector<TaskId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(AcceptOne());
  for (int i = 0; i < 9; ++i)
    ASSERT_TRUE(calls_->Finish(Completed(ids[i], "{}", clock_.WallNow() + i)).has_value());
  ASSERT_TRUE(inbox_.RunUntil([&] {
    clock_.Advance(std::chrono::milliseconds(2));
    calls_->Flush();
    return store_->reader().Count()[2] == 3;
  }));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(CodeOfGet(ids[i]) == ErrorCode::kNotFound, i < 6) << i;
}

TEST_P(StoreContract, OldFinishedTasksGoAndIdempotencyOutlivesThem) {
  Retention retention;
  retention.interval = std::chrono::milliseconds(1);
  retention.finished_age = std::chrono::hours(1);
  retention.idempotency_age = std::chrono::hours(24);
  Reopen(retention);
  const auto first = calls_->Accept(Claimed("k", "hash"));
  ASSERT_TRUE(first.has_value());
  const auto waits = AcceptOne();
  ASSERT_TRUE(calls_->Finish(Completed(first->ids[0], "{}", clock_.WallNow())).has_value());
  clock_.Advance(std::chrono::minutes(61));
  ASSERT_TRUE(inbox_.RunUntil([&] {
    clock_.Advance(std::chrono::milliseconds(2));
    calls_->Flush();
    return store_->reader().Count()[2] == 0;
  }));
  EXPECT_EQ(CodeOfGet(first->ids[0]), ErrorCode::kNotFound);
  EXPECT_EQ(MustGet(waits).status, TaskStatus::kQueued);
  const auto replay = calls_->Accept(Claimed("k", "hash"));
  ASSERT_TRUE(replay.has_value());
  EXPECT_TRUE(replay->replayed);
  EXPECT_EQ(replay->ids, first->ids);
  clock_.Advance(std::chrono::hours(24));
  ASSERT_TRUE(inbox_.RunUntil([&] {
    clock_.Advance(std::chrono::milliseconds(2));
    calls_->Flush();
    return !calls_->Accept(Claimed("k", "hash"))->replayed;
  }));
}

KeyRecord MakeKey(Uuid id, std::string secret) {
  return {id, "ci", Sha256Hex(secret), ScopeSet::All(), 2.5, 10, 1000, 0, 0};
}

TEST_P(StoreContract, AKeyReadsBackWithEveryField) {
  auto first = MakeKey(NextId(), "a");
  auto second = MakeKey(NextId(), "b");
  second.scopes = ScopeSet{}.Add(Scope::kMetrics);
  ASSERT_TRUE(calls_->AddKey(second).has_value());
  ASSERT_TRUE(calls_->AddKey(first).has_value());
  EXPECT_EQ(store_->keys().LoadKeys().value(), (std::vector{first, second}));
}

TEST_P(StoreContract, AKeyIsRevokedOnceAndTheFirstTimeStands) {
  const auto key = MakeKey(NextId(), "a");
  ASSERT_TRUE(calls_->AddKey(key).has_value());
  ASSERT_TRUE(calls_->RevokeKey(key.id, 50).has_value());
  ASSERT_TRUE(calls_->RevokeKey(key.id, 60).has_value());
  EXPECT_EQ(store_->keys().LoadKeys()->at(0).revoked_ms, 50);
  EXPECT_EQ(calls_->RevokeKey(NextId(), 1).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, TheLastUseOfAKeyNeverMovesBack) {
  const auto key = MakeKey(NextId(), "a");
  ASSERT_TRUE(calls_->AddKey(key).has_value());
  for (const WallMillis at : {5, 9, 7}) store_->keys().TouchKey(key.id, at);
  calls_->Flush();
  EXPECT_EQ(store_->keys().LoadKeys()->at(0).last_used_ms, 9);
}

TEST_P(StoreContract, AKeyThatIsKnownOrHasNoRealHashIsRefused) {
  const auto key = MakeKey(NextId(), "a");
  ASSERT_TRUE(calls_->AddKey(key).has_value());
  EXPECT_EQ(calls_->AddKey(MakeKey(key.id, "b")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(calls_->AddKey(MakeKey(NextId(), "a")).error().code, ErrorCode::kConflict);
  auto plain = MakeKey(NextId(), "c");
  plain.secret_sha256 = "secret";
  EXPECT_EQ(calls_->AddKey(plain).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->keys().LoadKeys()->size(), 1u);
}

TEST_P(StoreContract, WhatWaitsIsDoneAndAnsweredWhenTheStoreGoes) {
  int answered = 0;
  for (int i = 0; i < 300; ++i) {
    AcceptBatch batch;
    batch.tasks.push_back(MakeTask(NextId()));
    store_->tasks().Accept(std::move(batch), [&](auto outcome) { answered += outcome.has_value(); });
  }
  store_.reset();
  inbox_.RunPosted();
  EXPECT_EQ(answered, 300);
}

}  // namespace
}  // namespace altlas::store
