// SPDX-License-Identifier: Apache-2.0
// What only the durable engine promises. Crashes and full disks: sqlite_crash_test.cc, sqlite_full_test.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "store/sqlite_db.h"
#include "store/test_support.h"

namespace altlas::store {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> TryOpen(const std::filesystem::path& folder) {
    options_.folder = folder;
    return OpenSqliteStore(options_, clock_, inbox_.executor());
  }
  void Open() {
    store_.reset();
    auto opened = TryOpen(folder_.path());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_ = std::move(*opened);
    calls_.emplace(*store_, inbox_);
  }
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    options_.min_free_bytes = 0;
    options_.retention.interval = std::chrono::milliseconds(1);
    Open();
  }
  TaskId AcceptOne(std::string request = "{}") {
    auto task = MakeTask(ids_.Next(), std::move(request));
    EXPECT_TRUE(calls_->Accept(task).has_value());
    return task.id;
  }
  std::vector<TaskId> Unfinished(Store& store) {
    std::vector<TaskId> ids;
    EXPECT_TRUE(store.reader().LoadUnfinished([&](TaskRecord task) { ids.push_back(task.id); }).has_value());
    return ids;
  }
  std::size_t BlobFiles() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path() / "blobs"), {}));
  }
  // What a power cut leaves: the files as they are, without a clean close.
  void CopyFilesTo(const std::filesystem::path& to) {
    for (const char* name : {"alt_las.db", "alt_las.db-wal", "high_water"}) {
      std::filesystem::copy_file(folder_.path() / name, to / name,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    std::filesystem::remove(to / "alt_las.db-shm");
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  UuidGenerator ids_{clock_};
  Inbox inbox_;
  SqliteOptions options_;
  std::unique_ptr<Store> store_;
  std::optional<BlockingStore> calls_;
};

TEST_F(SqliteStoreTest, EverythingIsThereAfterARestart) {
  const auto queued = AcceptOne(R"({"n":1})");
  const auto running = AcceptOne();
  const auto done = AcceptOne();
  store_->tasks().RecordDispatch({running, 1, "gpu_0", 5, 6, ""});
  ASSERT_TRUE(calls_->Finish(Completed(done, "[7]")).has_value());
  ASSERT_TRUE(calls_->AddKey({ids_.Next(), "k", std::string(64, 'a'), ScopeSet::All()}).has_value());
  Open();
  EXPECT_EQ(store_->reader().Get(queued)->request, R"({"n":1})");
  EXPECT_EQ(store_->reader().Get(running)->status, TaskStatus::kRunning);
  EXPECT_EQ(store_->reader().Get(done)->result->json, "[7]");
  EXPECT_EQ(store_->keys().LoadKeys()->size(), 1u);
  EXPECT_EQ(store_->reader().Count(), (TaskCounts{1, 1, 1, 0, 0}));
  EXPECT_EQ(Unfinished(*store_), (std::vector{queued, running}));
}

TEST_F(SqliteStoreTest, ASecondStoreOnTheSameFolderIsRefused) {
  const auto second = TryOpen(folder_.path());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  AcceptOne();
}

TEST_F(SqliteStoreTest, ABlobFileLivesAsLongAsATaskRefersToIt) {
  const std::string large(70'000, 'L');
  const auto first = AcceptOne(large);
  const auto second = AcceptOne(large);
  const auto small = AcceptOne(std::string(65'536, 's'));
  EXPECT_EQ(BlobFiles(), 1u);
  EXPECT_EQ(store_->reader().Get(first)->request_blob.size(), 64u);
  EXPECT_TRUE(store_->reader().Get(small)->request_blob.empty());
  ASSERT_TRUE(calls_->Finish(Completed(first, large)).has_value()) << "the result is the same file again";
  ASSERT_TRUE(calls_->Finish(Completed(second, "{}")).has_value());
  ASSERT_TRUE(calls_->Delete(first).has_value());
  calls_->Flush();
  calls_->Flush();
  EXPECT_EQ(store_->reader().Get(second)->request, large);
  ASSERT_TRUE(calls_->Delete(second).has_value());
  EXPECT_TRUE(inbox_.RunUntil([&] { return BlobFiles() == 0; }));
}

TEST_F(SqliteStoreTest, ABlobThatACrashLeftIsRemovedAndAReferredOneIsNot) {
  const auto id = AcceptOne(std::string(70'000, 'L'));
  store_.reset();
  ASSERT_TRUE(WriteFileAtomically(folder_.path() / "blobs" / std::string(64, '0'), "orphan").has_value());
  Open();
  EXPECT_TRUE(inbox_.RunUntil([&] { return BlobFiles() == 1; }));
  EXPECT_EQ(store_->reader().Get(id)->request.size(), 70'000u);
}

TEST_F(SqliteStoreTest, ATaskWhoseBlobIsBrokenIsReportedAndCanBeFailed) {
  const auto id = AcceptOne(std::string(70'000, 'L'));
  const auto name = store_->reader().Get(id)->request_blob;
  ASSERT_TRUE(WriteFileAtomically(folder_.path() / "blobs" / name, "gone").has_value());
  EXPECT_EQ(store_->reader().Get(id).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(store_->reader().Head(id).has_value()) << "a head needs no blob";
  std::optional<TaskRecord> seen;
  ASSERT_TRUE(store_->reader().LoadUnfinished([&](TaskRecord task) { seen = std::move(task); }).has_value());
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->error->code, ErrorCode::kCorrupt);
  EXPECT_TRUE(seen->request.empty());
  EXPECT_TRUE(calls_->Finish(Failed(id))->recorded);
}

TEST_F(SqliteStoreTest, TheWalStaysShort) {
  std::size_t answered = 0;
  const std::string request(3000, 'r');
  for (int i = 0; i < 5'000; ++i) {
    AcceptBatch batch;
    batch.tasks.push_back(MakeTask(ids_.Next(), request));
    store_->tasks().Accept(std::move(batch), [&](auto) { ++answered; });
  }
  ASSERT_TRUE(inbox_.RunUntil([&] { return answered == 5'000; }));
  EXPECT_LT(std::filesystem::file_size(folder_.path() / "alt_las.db-wal"), 10u << 20);
  EXPECT_GT(std::filesystem::file_size(folder_.path() / "alt_las.db"), 12u << 20);
}

TEST_F(SqliteStoreTest, AHundredThousandQueuedTasksLoadInOrder) {
  store_.reset();
  {
    auto database = std::move(*Database::Open(folder_.path() / "alt_las.db", Database::Mode::kWrite));
    // Ids of 16 bytes in a scrambled order, three priorities, some running.
    const auto filled = database.Exec(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<99999)"
        "INSERT INTO task SELECT NULL, CAST(printf('%016d', (i*7919)%100003) AS BLOB), NULL, NULL, 'm', 't', "
        "'p', i%3-1,"
        " i%2, 0, 0, '', '', 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, '', CAST('{}' AS BLOB) FROM n;"
        "UPDATE totals SET accepted=100000, queued=50000, running=50000;");
    ASSERT_TRUE(filled.has_value()) << filled.error().message;
  }
  Open();
  EXPECT_EQ(store_->reader().Count(), (TaskCounts{50'000, 50'000, 0, 0, 0}));
  std::size_t seen = 0;
  bool in_order = true;
  std::pair<int, TaskId> last{INT32_MIN, {}};
  const auto loaded = store_->reader().LoadUnfinished([&](TaskRecord task) {
    const std::pair<int, TaskId> now{task.priority, task.id};
    in_order = in_order && last < now && task.request == "{}";
    last = now;
    ++seen;
  });
  EXPECT_TRUE(loaded.has_value());
  EXPECT_EQ(seen, 100'000u);
  EXPECT_TRUE(in_order);
}

TEST_F(SqliteStoreTest, TooManyBytesInLineAreRefusedAsOverload) {
  options_.waiting_bytes = 100'000;
  Open();
  int good = 0, overloaded = 0;
  for (int i = 0; i < 1000; ++i) {
    AcceptBatch batch;
    batch.tasks.push_back(MakeTask(ids_.Next(), std::string(50'000, 'x')));
    store_->tasks().Accept(std::move(batch), [&](auto outcome) {
      good += outcome.has_value();
      overloaded += !outcome.has_value() && outcome.error().code == ErrorCode::kOverloaded;
    });
  }
  ASSERT_TRUE(inbox_.RunUntil([&] { return good + overloaded == 1000; }));
  EXPECT_GE(good, 1);
  EXPECT_GE(overloaded, 1);
  EXPECT_EQ(store_->reader().Count()[0], good);
  AcceptOne();
}

TEST_F(SqliteStoreTest, ALostDatabaseAndAnOldCopyAreNoticed) {
  AcceptOne();
  store_.reset();
  std::filesystem::copy_file(folder_.path() / "alt_las.db", folder_.path() / "old");
  Open();
  AcceptOne();
  AcceptOne();
  store_.reset();
  std::filesystem::rename(folder_.path() / "old", folder_.path() / "alt_las.db");
  const auto old_copy = TryOpen(folder_.path());
  ASSERT_FALSE(old_copy.has_value());
  EXPECT_EQ(old_copy.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(old_copy.error().message.find("2 accepted tasks are missing"), std::string::npos)
      << old_copy.error().message;
  std::filesystem::remove(folder_.path() / "alt_las.db");
  const auto lost = TryOpen(folder_.path());
  ASSERT_FALSE(lost.has_value());
  EXPECT_NE(lost.error().message.find("with 3 accepted tasks"), std::string::npos) << lost.error().message;
  std::filesystem::remove(folder_.path() / "high_water");
  EXPECT_TRUE(TryOpen(folder_.path()).has_value());
}

TEST_F(SqliteStoreTest, ADatabaseOfSomethingElseIsRefusedAndNotTouched) {
  TemporaryFolder other;
  const auto path = other.path() / "alt_las.db";
  ASSERT_TRUE(Database::Open(path, Database::Mode::kWrite)->Exec("CREATE TABLE photos(x)").has_value());
  const auto before = ReadFile(path, 1 << 20).value();
  const auto opened = TryOpen(other.path());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().message.find(path.string()), std::string::npos);
  EXPECT_EQ(ReadFile(path, 1 << 20).value(), before);
}

TEST_F(SqliteStoreTest, ADamagedDatabaseIsNamedWithTheWaysOut) {
  AcceptOne();
  store_.reset();
  const auto path = folder_.path() / "alt_las.db";
  const auto whole = ReadFile(path, 16 << 20).value();
  const auto damaged = [&](std::size_t from) {
    auto text = whole;
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), 'x');
    ASSERT_TRUE(WriteFileAtomically(path, text, 0600).has_value());
    const auto opened = TryOpen(folder_.path());
    ASSERT_FALSE(opened.has_value()) << from;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(opened.error().message.find("database " + path.string() + " is damaged"), std::string::npos)
        << opened.error().message;
  };
  damaged(0);
  damaged(4096);
}

TEST_F(SqliteStoreTest, RetentionDoesNotLookLikeAGap) {
  options_.retention.finished_count = 1;
  Open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(calls_->Finish(Completed(AcceptOne())).has_value());
  ASSERT_TRUE(inbox_.RunUntil([&] {
    clock_.Advance(std::chrono::milliseconds(2));
    calls_->Flush();
    return store_->reader().Count()[2] == 1;
  }));
  Open();
}

// Accepts one by one with everything still in the WAL, and what of it is left when the WAL is damaged.
class TornWal : public SqliteStoreTest {
 protected:
  static constexpr int kTasks = 60;
  void SetUp() override {
    SqliteStoreTest::SetUp();
    Open();  // the schema is in the file now, the WAL is new
    for (int i = 0; i < kTasks; ++i) ids_in_order_.push_back(AcceptOne(std::string(200, 'x')));
    CopyFilesTo(copy_.path());
    wal_ = ReadFile(copy_.path() / "alt_las.db-wal", 64u << 20).value();
  }
  // Opens the copy with this WAL; how many tasks came back, and that they are the first ones.
  std::size_t RecoverWith(const std::string& wal) {
    CopyFilesTo(copy_.path());
    EXPECT_TRUE(WriteFileAtomically(copy_.path() / "alt_las.db-wal", wal).has_value());
    auto opened = TryOpen(copy_.path());
    alarm_ = !opened.has_value();
    if (alarm_) {
      EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
      message_ = opened.error().message;
      std::filesystem::remove(copy_.path() / "high_water");
      opened = TryOpen(copy_.path());
    }
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    if (!opened.has_value()) return 0;
    const auto left = Unfinished(**opened);
    EXPECT_LE(left.size(), ids_in_order_.size());
    EXPECT_TRUE(std::equal(left.begin(), left.end(), ids_in_order_.begin()));
    return left.size();
  }
  TemporaryFolder copy_;
  std::vector<TaskId> ids_in_order_;
  std::string wal_;
  std::string message_;
  bool alarm_ = false;
};

TEST_F(TornWal, AWholeOneGivesEverythingBackWithoutAlarm) {
  EXPECT_EQ(RecoverWith(wal_), static_cast<std::size_t>(kTasks));
  EXPECT_FALSE(alarm_);
}

TEST_F(TornWal, CutAnywhereItGivesAPrefixAndTheAlarmSaysHowManyAreGone) {
  ASSERT_GT(wal_.size(), 100'000u);
  std::size_t fewest = kTasks, most = 0;
  for (std::size_t cut = 0; cut < wal_.size(); cut += 3584 * 7) {
    const auto left = RecoverWith(wal_.substr(0, cut));
    const auto gone = kTasks - left;
    EXPECT_EQ(alarm_, gone > 0) << cut;
    if (alarm_) {
      EXPECT_NE(message_.find(fmt::format("{} accepted tasks are missing", gone)), std::string::npos)
          << message_;
    }
    fewest = std::min(fewest, left);
    most = std::max(most, left);
  }
  EXPECT_EQ(fewest, 0u);
  EXPECT_GT(most, static_cast<std::size_t>(kTasks) / 2);
}

TEST_F(TornWal, OneFlippedBitGivesAPrefixAndTheAlarm) {
  for (std::size_t part = 1; part < 10; ++part) {
    auto wal = wal_;
    wal[wal.size() * part / 10] ^= 0x10;
    EXPECT_LT(RecoverWith(wal), static_cast<std::size_t>(kTasks));
    EXPECT_TRUE(alarm_);
  }
}

}  // namespace
}  // namespace altlas::store
