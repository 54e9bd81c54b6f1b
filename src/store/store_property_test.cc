// SPDX-License-Identifier: Apache-2.0
// Random operations against a model of a few lines: nothing lost, nothing doubled, final is final. Many are
// in flight at once; the durable engine is closed and opened in between.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <map>

#include "base/file.h"
#include "base/log.h"
#include "store/test_support.h"

namespace altlas::store {
namespace {

struct ModelTask {
  TaskStatus status = TaskStatus::kQueued;
  int attempt = 0;
  int priority = 0;
  std::string result;
};

class World {
 public:
  explicit World(bool durable) : durable_(durable) { Open(); }

  void Step(int what, std::uint64_t which, int value) {
    switch (what) {
      case 0:
      case 1:
        return AcceptTasks(1 + static_cast<std::size_t>(value) % 3, value % 5 - 2);
      case 2:
        return AcceptTwiceWithOneKey(value);
      case 3:
        return Dispatch(Pick(which), value);
      case 4:
        return Requeue(Pick(which));
      case 5:
        return Finish(Pick(which), TaskStatus::kCompleted, value);
      case 6:
        return Finish(Pick(which), value % 2 == 0 ? TaskStatus::kFailed : TaskStatus::kCanceled, value);
      case 7:
        return Delete(Pick(which));
      default:
        if (durable_ && value % 10 == 0) Open();
    }
  }

  void CheckEverything() {
    Requeue({});  // a dispatch has no answer of its own: what comes after it has
    RC_ASSERT(inbox_.RunUntil([&] { return in_flight_ == 0; }));
    TaskCounts counts{};
    std::vector<std::pair<int, TaskId>> unfinished;
    for (const auto& [id, expected] : model_) {
      ++counts[static_cast<std::size_t>(expected.status)];
      if (!IsFinal(expected.status)) unfinished.emplace_back(expected.priority, id);
      const auto task = store_->reader().Get(id);
      RC_ASSERT(task.has_value());
      RC_ASSERT(task->status == expected.status);
      RC_ASSERT(task->attempt == expected.attempt);
      RC_ASSERT(task->result.has_value() == (expected.status == TaskStatus::kCompleted));
      if (task->result) RC_ASSERT(task->result->json == expected.result);
    }
    RC_ASSERT(store_->reader().Count() == counts);
    std::sort(unfinished.begin(), unfinished.end());
    std::vector<std::pair<int, TaskId>> loaded;
    RC_ASSERT(store_->reader()
                  .LoadUnfinished([&](TaskRecord task) { loaded.emplace_back(task.priority, task.id); })
                  .has_value());
    RC_ASSERT(loaded == unfinished);
  }

 private:
  void Open() {
    store_.reset();
    Retention keep_all;
    keep_all.finished_age = std::chrono::seconds(0);
    keep_all.finished_count = 0;
    if (!durable_) {
      store_ = CreateMemoryStore(keep_all, clock_, inbox_.executor());
      return;
    }
    SqliteOptions options;
    options.folder = folder_.path();
    options.retention = keep_all;
    options.min_free_bytes = 0;
    options.blob_bytes = 50;
    options.group_rows = 7;
    auto opened = OpenSqliteStore(options, clock_, inbox_.executor());
    RC_ASSERT(opened.has_value());
    store_ = std::move(*opened);
  }
  TaskId Pick(std::uint64_t which) {
    if (known_.empty() || which % 20 == 0) return ids_.Next();
    return known_[which % known_.size()];
  }
  AcceptBatch NewBatch(std::size_t count, int priority) {
    AcceptBatch batch;
    for (std::size_t i = 0; i < count; ++i) {
      batch.tasks.push_back(MakeTask(ids_.Next(), std::string(i * 40, 'r')));
      batch.tasks.back().priority = priority;
    }
    return batch;
  }
  // The model changes at the call: operations are applied in the order of the calls.
  void AcceptTasks(std::size_t count, int priority) {
    auto batch = NewBatch(count, priority);
    for (const auto& task : batch.tasks) {
      model_[task.id] = {TaskStatus::kQueued, 0, priority, {}};
      known_.push_back(task.id);
    }
    store_->tasks().Accept(std::move(batch), Awaited<Result<AcceptOutcome>>([](const auto& outcome) {
                             RC_ASSERT(outcome.has_value());
                             RC_ASSERT(!outcome->replayed);
                           }));
  }
  void AcceptTwiceWithOneKey(int value) {
    const auto key = std::to_string(value % 7);
    auto batch = NewBatch(1, 0);
    batch.idempotency = IdempotencyClaim{{}, key, "body", ""};
    auto& first = claims_[key];
    const bool replay = !first.is_nil();
    if (!replay) {
      first = batch.tasks[0].id;
      model_[first] = {};
      known_.push_back(first);
    }
    store_->tasks().Accept(std::move(batch),
                           Awaited<Result<AcceptOutcome>>([replay, id = first](const auto& outcome) {
                             RC_ASSERT(outcome.has_value());
                             RC_ASSERT(outcome->replayed == replay);
                             RC_ASSERT(outcome->ids == std::vector<TaskId>{id});
                           }));
  }
  void Dispatch(TaskId id, int attempt) {
    if (auto* task = Unfinished(id)) {
      task->status = TaskStatus::kRunning;
      task->attempt = attempt;
    }
    store_->tasks().RecordDispatch({id, attempt, "gpu_0", 1, 2, ""});
  }
  void Requeue(TaskId id) {
    if (auto* task = Unfinished(id)) task->status = TaskStatus::kQueued;
    store_->tasks().RequeueForRetry({id, 1, "", 1},
                                    Awaited<Status>([](const auto& done) { RC_ASSERT(done.has_value()); }));
  }
  void Finish(TaskId id, TaskStatus status, int value) {
    auto record = status == TaskStatus::kCompleted
                      ? Completed(id, std::string(static_cast<std::size_t>(value), 'z'))
                      : Failed(id);
    record.status = status;
    const bool known = model_.contains(id);
    auto* task = Unfinished(id);
    const bool recorded = task != nullptr;
    if (recorded) {
      task->status = status;
      if (record.result) task->result = record.result->json;
    }
    const auto stored = known ? model_[id].status : status;
    store_->tasks().RecordFinal(record, Awaited<Result<FinalOutcome>>([=](const auto& outcome) {
                                  RC_ASSERT(outcome.has_value() == known);
                                  if (!known) return;
                                  RC_ASSERT(outcome->recorded == recorded);
                                  RC_ASSERT(outcome->stored == stored);
                                }));
  }
  void Delete(TaskId id) {
    const auto found = model_.find(id);
    std::optional<ErrorCode> expected;
    if (found == model_.end()) {
      expected = ErrorCode::kNotFound;
    } else if (!IsFinal(found->second.status)) {
      expected = ErrorCode::kConflict;
    } else {
      model_.erase(found);
    }
    store_->tasks().DeleteTask(id, Awaited<Status>([expected](const auto& done) {
                                 RC_ASSERT(done.has_value() == !expected);
                                 if (expected) RC_ASSERT(done.error().code == *expected);
                               }));
  }
  ModelTask* Unfinished(TaskId id) {
    const auto found = model_.find(id);
    return found == model_.end() || IsFinal(found->second.status) ? nullptr : &found->second;
  }
  template <typename Outcome, typename Check>
  std::function<void(Outcome)> Awaited(Check check) {
    ++in_flight_;
    return [this, check](const Outcome& outcome) {
      --in_flight_;
      check(outcome);
    };
  }

  const bool durable_;
  TemporaryFolder folder_;
  FakeClock clock_;
  UuidGenerator ids_{clock_};
  Inbox inbox_;
  std::map<TaskId, ModelTask> model_;
  std::vector<TaskId> known_;
  std::map<std::string, TaskId> claims_;
  int in_flight_ = 0;
  std::unique_ptr<Store> store_;
};

class StoreProperty : public testing::TestWithParam<bool> {};

TEST_P(StoreProperty, RandomOperationsLeaveWhatTheModelSays) {
  SetLogLevel(LogLevel::kError);
  // Each run syncs a disk some dozen times. The seed stays the caller's.
  const char* given = std::getenv("RC_PARAMS");
  const std::string runs = std::getenv("ALTLAS_LONG") != nullptr ? "max_success=500" : "max_success=25";
  ::setenv("RC_PARAMS", given == nullptr ? runs.c_str() : (std::string(given) + " " + runs).c_str(), 1);
  const bool held = rc::check("random operations leave what the model says", [] {
    World world(GetParam());
    const auto length = *rc::gen::inRange(1, 300);
    for (int i = 0; i < length; ++i) {
      const auto what = *rc::gen::inRange(0, 9);
      const auto which = *rc::gen::arbitrary<std::uint64_t>();
      const auto value = *rc::gen::inRange(0, 200);
      world.Step(what, which, value);
      if (i % 97 == 0) world.CheckEverything();
    }
    world.CheckEverything();
  });
  EXPECT_TRUE(held);
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreProperty, testing::Values(true, false),
                         [](const auto& info) { return info.param ? "Sqlite" : "Memory"; });

}  // namespace
}  // namespace altlas::store
