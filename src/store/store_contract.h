// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "store/test_support.h"

// What every engine promises: each test of this suite runs on all of them.
namespace altlas::store {

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
  // Lets time pass until `done()`; false when that takes longer than anything here should.
  template <typename Done>
  bool PassTimeUntil(Done done) {
    return inbox_.RunUntil([&] {
      clock_.Advance(std::chrono::milliseconds(2));
      calls_->Flush();
      return done();
    });
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

}  // namespace altlas::store
