// SPDX-License-Identifier: Apache-2.0
// Counts, lists, what is unfinished, and what retention leaves.
#include "store/store_contract.h"

namespace altlas::store {
namespace {

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
  ASSERT_TRUE(PassTimeUntil([&] { return store_->reader().Count()[2] == 3; }));
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
  ASSERT_TRUE(PassTimeUntil([&] { return store_->reader().Count()[2] == 0; }));
  EXPECT_EQ(CodeOfGet(first->ids[0]), ErrorCode::kNotFound);
  EXPECT_EQ(MustGet(waits).status, TaskStatus::kQueued);
  const auto replay = calls_->Accept(Claimed("k", "hash"));
  ASSERT_TRUE(replay.has_value());
  EXPECT_TRUE(replay->replayed);
  EXPECT_EQ(replay->ids, first->ids);
  clock_.Advance(std::chrono::hours(24));
  ASSERT_TRUE(PassTimeUntil([&] { return !calls_->Accept(Claimed("k", "hash"))->replayed; }));
}

}  // namespace
}  // namespace altlas::store
