// SPDX-License-Identifier: Apache-2.0
// Accepts: whole, in order, once for each idempotency key.
#include <algorithm>

#include "store/store_contract.h"

namespace altlas::store {
namespace {

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
