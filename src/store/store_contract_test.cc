// SPDX-License-Identifier: Apache-2.0
// A task's record and its states, and the keys.
#include "store/store_contract.h"

#include "base/sha256.h"

namespace altlas::store {
namespace {

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

TEST_P(StoreContract, AnEndNamesTheDeviceOrKeepsIt) {
  const auto waited = AcceptOne();
  auto record = Failed(waited);
  record.device = "gpu_2";
  ASSERT_TRUE(calls_->Finish(record).has_value());
  EXPECT_EQ(MustGet(waited).device, "gpu_2");
  const auto ran = AcceptOne();
  store_->tasks().RecordDispatch({ran, 1, "gpu_1", 10, 20, ""});
  ASSERT_TRUE(calls_->Finish(Failed(ran)).has_value());
  EXPECT_EQ(MustGet(ran).device, "gpu_1");
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

}  // namespace
}  // namespace altlas::store
