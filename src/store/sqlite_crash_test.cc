// SPDX-License-Identifier: Apache-2.0
// Processes that die while they write: every answered accept and final is there afterwards, none is doubled.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "store/sqlite_db.h"
#include "store/test_support.h"

namespace altlas::store {
namespace {

// What the writing process tells its parent about one answered operation.
struct Report {
  TaskId id;
  char what = 0;  // 'a': accepted, 'f': final recorded
};

SqliteOptions OptionsFor(const std::filesystem::path& folder) {
  SqliteOptions options;
  options.folder = folder;
  options.min_free_bytes = 0;
  options.blob_bytes = 2000;
  options.retention.interval = std::chrono::milliseconds(1);
  return options;
}

// Accepts, dispatches and finishes for ever with a few operations in flight; reports each answer.
[[noreturn]] void WriteForEver(const std::filesystem::path& folder, int pipe, std::uint64_t seed) {
  SetLogLevel(LogLevel::kError);
  SystemClock clock;
  Inbox inbox;
  auto opened = OpenSqliteStore(OptionsFor(folder), clock, inbox.executor());
  if (!opened.has_value()) ::_exit(3);
  auto& tasks = (*opened)->tasks();
  UuidGenerator ids(clock);
  Random random(seed);
  int in_flight = 0;
  const auto report = [&](TaskId id, char what) {
    const Report report{id, what};
    if (::write(pipe, &report, sizeof report) != sizeof report) ::_exit(4);
  };
  while (true) {
    const auto id = ids.Next();
    const bool large = random.Below(8) == 0;
    AcceptBatch batch;
    batch.tasks.push_back(MakeTask(id, id.ToString() + std::string(large ? 5000 : 100, 'x')));
    ++in_flight;
    tasks.Accept(std::move(batch), [&, id](Result<AcceptOutcome> outcome) {
      --in_flight;
      if (!outcome.has_value()) ::_exit(5);
      report(id, 'a');
      if (id.low % 2 == 0) return;
      tasks.RecordDispatch({id, 1, "gpu_0", 1, 2, ""});
      ++in_flight;
      tasks.RecordFinal(Completed(id, id.ToString(), clock.WallNow()), [&, id](Result<FinalOutcome> done) {
        --in_flight;
        if (!done.has_value() || !done->recorded) ::_exit(6);
        report(id, 'f');
      });
    });
    if (!inbox.RunUntil([&] { return in_flight < 20; })) ::_exit(7);
  }
}

class Crash : public testing::Test {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kError); }
  pid_t StartWriter(const std::filesystem::path& folder, const std::string& crash_at, std::uint64_t seed) {
    EXPECT_EQ(::pipe(pipe_.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe_[0]);
      if (!crash_at.empty()) ::setenv("ALTLAS_CRASH_AT", crash_at.c_str(), 1);
      WriteForEver(folder, pipe_[1], seed);
    }
    ::close(pipe_[1]);
    return child;
  }
  // Reads reports until the writer is gone or `limit` have come.
  void ReadReports(std::size_t limit = SIZE_MAX) {
    Report report;
    for (std::size_t i = 0; i < limit && ::read(pipe_[0], &report, sizeof report) == sizeof report; ++i) {
      (report.what == 'a' ? accepted_ : finished_).insert(report.id);
    }
  }
  int WaitFor(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    ::close(pipe_[0]);
    return status;
  }
  void ExpectAllThere(const std::filesystem::path& folder) {
    SystemClock clock;
    Inbox inbox;
    auto opened = OpenSqliteStore(OptionsFor(folder), clock, inbox.executor());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    auto& reader = (*opened)->reader();
    std::size_t lost = 0, wrong = 0;
    for (const auto& id : accepted_) {
      const auto task = reader.Get(id);
      if (!task.has_value()) {
        ++lost;
        continue;
      }
      wrong += !task->request.starts_with(id.ToString());
      if (finished_.contains(id)) wrong += !task->result || task->result->json != id.ToString();
    }
    EXPECT_EQ(lost, 0u) << "of " << accepted_.size();
    EXPECT_EQ(wrong, 0u);
    std::set<TaskId> unfinished;
    std::int64_t visited = 0;
    EXPECT_TRUE(reader
                    .LoadUnfinished([&](TaskRecord task) {
                      ++visited;
                      unfinished.insert(task.id);
                    })
                    .has_value());
    const auto counts = reader.Count();
    EXPECT_EQ(visited, static_cast<std::int64_t>(unfinished.size()));
    EXPECT_EQ(visited, counts[0] + counts[1]);
    for (const auto& id : finished_) EXPECT_FALSE(unfinished.contains(id));
  }

  TemporaryFolder folder_;
  std::array<int, 2> pipe_{};
  std::set<TaskId> accepted_;
  std::set<TaskId> finished_;
};

TEST_F(Crash, AProcessKilledAtAnyMomentLosesNothingThatItAnswered) {
  Random random(7);
  for (int round = 0; round < 8; ++round) {
    const auto child = StartWriter(folder_.path(), "", random.Next());
    ReadReports(1 + random.Below(400));
    ::kill(child, SIGKILL);
    ReadReports();
    const int status = WaitFor(child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
    ExpectAllThere(folder_.path());
  }
  EXPECT_GT(accepted_.size(), 50u);
  EXPECT_GT(finished_.size(), 10u);
}

class CrashPoint : public Crash, public testing::WithParamInterface<const char*> {};

TEST_P(CrashPoint, LosesNothingThatWasAnswered) {
  for (const int pass : {1, 40}) {
    const auto child = StartWriter(folder_.path(), fmt::format("{}:{}", GetParam(), pass), 11);
    ReadReports();
    const int status = WaitFor(child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 86) << "the point was not reached";
    ExpectAllThere(folder_.path());
  }
}

INSTANTIATE_TEST_SUITE_P(Points, CrashPoint,
                         testing::Values("before_blob", "after_blobs", "mid_group", "before_commit",
                                         "after_commit", "before_answer", "retention"),
                         [](const auto& info) { return info.param; });

TEST_F(Crash, InTheMiddleOfACheckpointNothingIsLost) {
  for (const char* point : {"before_checkpoint:1", "after_checkpoint:1"}) {
    const auto child = StartWriter(folder_.path(), point, 13);
    ReadReports();
    const int status = WaitFor(child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 86);
    ExpectAllThere(folder_.path());
  }
}

TEST_F(Crash, ASecondProcessIsRefusedWhileTheFirstWrites) {
  const auto child = StartWriter(folder_.path(), "", 17);
  ReadReports(1);
  SystemClock clock;
  Inbox inbox;
  const auto second = OpenSqliteStore(OptionsFor(folder_.path()), clock, inbox.executor());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_NE(second.error().message.find(fmt::format("process {};", child)), std::string::npos);
  ::kill(child, SIGKILL);
  WaitFor(child);
  EXPECT_TRUE(OpenSqliteStore(OptionsFor(folder_.path()), clock, inbox.executor()).has_value());
}

// A power cut: what had reached the block device is all there is. A file system of its own lies in an image
// file; the writer is stopped in the middle of its work, and a copy of the image, taken behind the back of
// the page cache, is mounted instead.
class PowerCut : public Crash {
 protected:
  void SetUp() override {
    Crash::SetUp();
    std::filesystem::create_directory(disk_);
    const bool made = Shell("truncate -s 64M " + image_.string() + " && mkfs.ext4 -q -F " + image_.string());
    if (!made || !Mount(image_)) GTEST_SKIP() << "this process may not mount an image of a file system";
  }
  void TearDown() override {
    if (mounted_) Unmount();
  }
  static bool Shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  bool Mount(const std::filesystem::path& image) {
    mounted_ = Shell("mount -o loop " + image.string() + " " + disk_.string());
    return mounted_;
  }
  void Unmount() {
    EXPECT_TRUE(Shell("umount " + disk_.string()));
    mounted_ = false;
  }
  // Stops the child, reads what it had reported, cuts the power and mounts what is left.
  void CutPower(pid_t child) {
    ::kill(child, SIGSTOP);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    ASSERT_TRUE(WIFSTOPPED(status));
    ASSERT_EQ(::fcntl(pipe_[0], F_SETFL, O_NONBLOCK), 0);
    ReadReports();
    const auto left = folder_.path() / "left.img";
    ASSERT_TRUE(Shell("cp --sparse=always " + image_.string() + " " + left.string()));
    ::kill(child, SIGKILL);
    WaitFor(child);
    Unmount();
    ASSERT_TRUE(Mount(left));
  }

  std::filesystem::path image_ = folder_.path() / "disk.img";
  std::filesystem::path disk_ = folder_.path() / "disk";
  bool mounted_ = false;
};

TEST_F(PowerCut, NothingThatWasAnsweredIsLost) {
  const auto child = StartWriter(disk_, "", 23);
  ReadReports(300);
  CutPower(child);
  EXPECT_GE(accepted_.size(), 150u);
  ExpectAllThere(disk_);
}

TEST_F(PowerCut, AWriterThatDoesNotSyncLosesSoTheTestAboveCanFail) {
  ASSERT_EQ(::pipe(pipe_.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto database = Database::Open(disk_ / "x.db", Database::Mode::kWrite);
    if (!database.has_value()) ::_exit(3);
    const auto set_up = database->Exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x); PRAGMA synchronous=OFF;");
    if (!set_up.has_value()) ::_exit(4);
    while (database->Exec("INSERT INTO t VALUES(1)").has_value()) {
      const Report report{{1, 1}, 'a'};
      if (::write(pipe_[1], &report, sizeof report) != sizeof report) ::_exit(5);
    }
    ::_exit(6);
  }
  ::close(pipe_[1]);
  Report report;
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(::read(pipe_[0], &report, sizeof report), static_cast<ssize_t>(sizeof report));
  CutPower(child);
  auto database = Database::Open(disk_ / "x.db", Database::Mode::kWrite);
  ASSERT_TRUE(database.has_value());
  EXPECT_LT(database->QueryInt("SELECT count(*) FROM t").value_or(0), 300);
}

}  // namespace
}  // namespace altlas::store
