// SPDX-License-Identifier: Apache-2.0
// A disk that is full, or refuses: new accepts fail, what was accepted goes on, and it heals without a
// restart.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "base/file.h"
#include "base/log.h"
#include "store/test_support.h"

namespace altlas::store {
namespace {

class FaultyDisk : public testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    options_.folder = folder_.path();
    options_.retention.finished_age = std::chrono::seconds(0);
    options_.min_free_bytes = 0;
    options_.retry = std::chrono::milliseconds(5);
    options_.fault = [this](std::string_view point) -> Status {
      MutexLock lock(mutex_);
      if (point == point_) return Fail(code_, "put in by the test");
      return {};
    };
    Open();
  }
  void Open() {
    store_.reset();
    auto opened = OpenSqliteStore(options_, clock_, inbox_.executor());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_ = std::move(*opened);
    calls_.emplace(*store_, inbox_);
  }
  void Break(std::string point, ErrorCode code) {
    MutexLock lock(mutex_);
    point_ = std::move(point);
    code_ = code;
  }
  void Repair() { Break("none", ErrorCode::kInternal); }
  TaskRecord NewTask(std::string request = "{}") { return MakeTask(ids_.Next(), std::move(request)); }
  TaskId AcceptOne() {
    auto task = NewTask();
    EXPECT_TRUE(calls_->Accept(task).has_value());
    return task.id;
  }
  bool AcceptsAgain() {
    return inbox_.RunUntil([&] { return calls_->Accept(NewTask()).has_value(); });
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  UuidGenerator ids_{clock_};
  Inbox inbox_;
  SqliteOptions options_;
  Mutex mutex_;
  std::string point_ ALTLAS_GUARDED_BY(mutex_) = "none";
  ErrorCode code_ ALTLAS_GUARDED_BY(mutex_) = ErrorCode::kInternal;
  std::unique_ptr<Store> store_;
  std::optional<BlockingStore> calls_;
};

TEST_F(FaultyDisk, AcceptsFailAndAFinalWaitsUntilTheDiskTakesIt) {
  const auto id = AcceptOne();
  Break("before_commit", ErrorCode::kStorageFull);
  const auto refused = calls_->Accept(NewTask());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorageFull);
  EXPECT_EQ(refused.error().message.find(folder_.path().string()), std::string::npos)
      << "clients need not know where: " << refused.error().message;
  EXPECT_FALSE(store_->health().accepting);
  EXPECT_FALSE(store_->health().reason.empty());

  std::optional<Result<FinalOutcome>> final;
  store_->tasks().RecordDispatch({id, 1, "gpu_0", 1, 2, ""});
  store_->tasks().RecordFinal(Completed(id), [&](auto outcome) { final = outcome; });
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(calls_->Accept(NewTask()).has_value());
  EXPECT_FALSE(final.has_value());
  EXPECT_EQ(store_->reader().Get(id)->status, TaskStatus::kQueued);

  Repair();
  ASSERT_TRUE(inbox_.RunUntil([&] { return final.has_value(); }));
  EXPECT_TRUE(final->value().recorded);
  EXPECT_EQ(store_->reader().Get(id)->status, TaskStatus::kCompleted);
  EXPECT_TRUE(AcceptsAgain());
  EXPECT_TRUE(store_->health().accepting);
  EXPECT_EQ(store_->reader().Count()[0], 1) << "nothing of the refused accepts is there";
}

TEST_F(FaultyDisk, AnIoErrorIsUnavailableAndNotFull) {
  Break("before_commit", ErrorCode::kUnavailable);
  EXPECT_EQ(calls_->Accept(NewTask()).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(calls_->Delete(ids_.Next()).error().code, ErrorCode::kUnavailable);
  Repair();
  EXPECT_TRUE(AcceptsAgain());
}

// A key that was said to be revoked must not come back with the next start.
TEST_F(FaultyDisk, ARevocationIsRefusedAtOnceAndWrittenAllTheSame) {
  const KeyRecord key{ids_.Next(), "k", std::string(64, 'a'), ScopeSet::All()};
  ASSERT_TRUE(calls_->AddKey(key).has_value());
  Break("before_commit", ErrorCode::kStorageFull);
  EXPECT_EQ(calls_->RevokeKey(key.id, 50).error().code, ErrorCode::kStorageFull);
  EXPECT_EQ(calls_->RevokeKey(key.id, 60).error().code, ErrorCode::kStorageFull);
  EXPECT_EQ(store_->keys().LoadKeys()->at(0).revoked_ms, 0);
  Repair();
  EXPECT_TRUE(inbox_.RunUntil([&] { return store_->keys().LoadKeys()->at(0).revoked_ms != 0; }));
  Open();
  EXPECT_EQ(store_->keys().LoadKeys()->at(0).revoked_ms, 50);
}

TEST_F(FaultyDisk, FinalsKeepTheirOrderWhileTheyWait) {
  const auto id = AcceptOne();
  Break("before_commit", ErrorCode::kStorageFull);
  std::vector<bool> recorded;
  store_->tasks().RecordFinal(Completed(id),
                              [&](auto outcome) { recorded.push_back(outcome.value().recorded); });
  for (int i = 0; i < 50; ++i) {
    store_->tasks().RecordFinal(Failed(id),
                                [&](auto outcome) { recorded.push_back(outcome.value().recorded); });
    if (i % 10 == 0) {
      EXPECT_FALSE(calls_->Accept(NewTask()).has_value());
    }
  }
  Repair();
  ASSERT_TRUE(inbox_.RunUntil([&] { return recorded.size() == 51; }));
  EXPECT_TRUE(recorded[0]);
  EXPECT_EQ(std::count(recorded.begin(), recorded.end(), true), 1);
  EXPECT_EQ(store_->reader().Get(id)->status, TaskStatus::kCompleted);
}

TEST_F(FaultyDisk, HealthComesBackWithoutAnyAccept) {
  Break("before_commit", ErrorCode::kStorageFull);
  EXPECT_FALSE(calls_->Accept(NewTask()).has_value());
  Repair();
  EXPECT_TRUE(inbox_.RunUntil([&] { return store_->health().accepting; }));
}

TEST_F(FaultyDisk, LittleFreeSpaceStopsAcceptsBeforeAnyWriteFailsAndFinalsGoOn) {
  const auto id = AcceptOne();
  Break("free_space", ErrorCode::kStorageFull);
  EXPECT_EQ(calls_->Accept(NewTask()).error().code, ErrorCode::kStorageFull);
  EXPECT_TRUE(calls_->Finish(Completed(id))->recorded);
  EXPECT_TRUE(calls_->Delete(id).has_value());
  Repair();
  EXPECT_TRUE(AcceptsAgain());
}

TEST_F(FaultyDisk, ABlobThatFindsNoRoomFailsItsAcceptAndNotTheNeighbour) {
  options_.blob_bytes = 1000;
  Open();
  const auto small = AcceptOne();
  Break("before_blob", ErrorCode::kStorageFull);
  EXPECT_EQ(calls_->Accept(NewTask(std::string(5000, 'x'))).error().code, ErrorCode::kStorageFull);
  std::optional<Result<FinalOutcome>> final;
  store_->tasks().RecordFinal(Completed(small, std::string(5000, 'r')),
                              [&](auto outcome) { final = outcome; });
  EXPECT_TRUE(AcceptsAgain()) << "small ones need no file";
  EXPECT_FALSE(final.has_value());
  Repair();
  ASSERT_TRUE(inbox_.RunUntil([&] { return final.has_value(); }));
  EXPECT_EQ(store_->reader().Get(small)->result->json, std::string(5000, 'r'));
}

TEST_F(FaultyDisk, OneOperationThatBreaksTheEngineDoesNotFailItsNeighbours) {
  // As if the third operation of every group hit a bug of ours: alone, none of them is the third.
  std::atomic<int> in_group{0};
  std::atomic<bool> on{true};
  options_.fault = [&](std::string_view point) -> Status {
    if (point == "before_commit") in_group = 0;
    if (point == "mid_group" && on && ++in_group == 3) {
      in_group = 0;
      return Fail(ErrorCode::kInternal, "put in by the test");
    }
    return {};
  };
  Open();
  int good = 0, bad = 0;
  for (int i = 0; i < 50; ++i) {
    AcceptBatch batch;
    batch.tasks.push_back(NewTask());
    store_->tasks().Accept(std::move(batch), [&](auto outcome) { ++(outcome.has_value() ? good : bad); });
  }
  ASSERT_TRUE(inbox_.RunUntil([&] { return good + bad == 50; }));
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(store_->reader().Count()[0], 50);
  on = false;
  store_.reset();
}

TEST_F(FaultyDisk, ClosingWhileTheDiskRefusesTellsWhoWaits) {
  const auto id = AcceptOne();
  Break("before_commit", ErrorCode::kStorageFull);
  std::optional<Result<FinalOutcome>> final;
  store_->tasks().RecordFinal(Completed(id), [&](auto outcome) { final = outcome; });
  store_.reset();
  inbox_.RunPosted();
  ASSERT_TRUE(final.has_value());
  EXPECT_EQ(final->error().code, ErrorCode::kUnavailable);
  Repair();
  Open();
  EXPECT_EQ(store_->reader().Get(id)->status, TaskStatus::kQueued) << "it will run again";
}

// A real disk of 24 MB, where the system lets us mount one.
class SmallDisk : public FaultyDisk {
 protected:
  void SetUp() override {
    if (::mount("tmpfs", disk_.path().c_str(), "tmpfs", 0, "size=24m,mode=700") != 0) {
      GTEST_SKIP() << "this process may not mount a file system";
    }
    mounted_ = true;
    options_.blob_bytes = 100'000;
    SetLogLevel(LogLevel::kError);
    options_.folder = disk_.path();
    options_.retention.finished_age = std::chrono::seconds(0);
    options_.retry = std::chrono::milliseconds(5);
  }
  void TearDown() override {
    store_.reset();
    if (mounted_) {
      EXPECT_EQ(::umount(disk_.path().c_str()), 0);
    }
  }
  // Accepts until it is refused; returns the accepted ids.
  std::vector<TaskId> Fill(std::size_t request_bytes) {
    std::vector<TaskId> accepted;
    while (true) {
      auto task = NewTask();
      task.request = task.id.ToString() + std::string(request_bytes, 'f');
      const auto outcome = calls_->Accept(task);
      if (!outcome.has_value()) {
        EXPECT_EQ(outcome.error().code, ErrorCode::kStorageFull) << outcome.error().message;
        return accepted;
      }
      accepted.push_back(task.id);
    }
  }
  void MakeRoomAndGoOn(const std::vector<TaskId>& accepted) {
    std::filesystem::remove(disk_.path() / "ballast");
    ASSERT_TRUE(AcceptsAgain());
    for (const auto& id : accepted) {
      const auto task = store_->reader().Get(id);
      ASSERT_TRUE(task.has_value());
    }
    Open();
    EXPECT_EQ(store_->reader().Count()[0] + store_->reader().Count()[2],
              static_cast<std::int64_t>(accepted.size()) + 1);
  }
  void WriteBallast(std::size_t bytes) { std::ofstream(disk_.path() / "ballast") << std::string(bytes, 'b'); }

  TemporaryFolder disk_;
  bool mounted_ = false;
};

TEST_F(SmallDisk, FilledToTheBrimItRefusesKeepsAllAndGoesOnOnceThereIsRoom) {
  options_.min_free_bytes = 0;
  Open();
  WriteBallast(12 << 20);
  const auto accepted = Fill(20'000);
  ASSERT_GT(accepted.size(), 10u);
  std::optional<Result<FinalOutcome>> final;
  store_->tasks().RecordFinal(Completed(accepted[0], std::string(20'000, 'r')),
                              [&](auto outcome) { final = outcome; });
  EXPECT_FALSE(calls_->Accept(NewTask(std::string(20'000, 'f'))).has_value());
  MakeRoomAndGoOn(accepted);
  ASSERT_TRUE(inbox_.RunUntil([&] { return final.has_value(); }));
  EXPECT_TRUE(final->has_value());
}

TEST_F(SmallDisk, TheMarginLetsEveryAcceptedTaskFinishOnAFullDisk) {
  options_.min_free_bytes = 6 << 20;
  Open();
  WriteBallast(12 << 20);
  const auto accepted = Fill(20'000);
  ASSERT_GT(accepted.size(), 10u);
  for (const auto& id : accepted) EXPECT_TRUE(calls_->Finish(Completed(id))->recorded);
  MakeRoomAndGoOn(accepted);
}

TEST_F(SmallDisk, LargeRequestsThatFindNoRoomAreRefusedAndLeaveNothing) {
  options_.min_free_bytes = 0;
  Open();
  const auto accepted = Fill(300'000);
  ASSERT_GT(accepted.size(), 5u);
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(disk_.path() / "blobs"), {});
  };
  EXPECT_TRUE(inbox_.RunUntil([&] { return files() == static_cast<std::ptrdiff_t>(accepted.size()); }));
}

}  // namespace
}  // namespace altlas::store
