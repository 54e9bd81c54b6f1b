// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/mutex.h"
#include "store/store.h"

// For tests of the store and of what is built on it.
namespace altlas::store {

// An executor whose functions run when the test asks for it, on the test's thread.
class Inbox {
 public:
  Executor executor() {
    return [this](std::function<void()> work) {
      MutexLock lock(mutex_);
      posted_.push_back(std::move(work));
      changed_.NotifyAll();
    };
  }
  // Runs what comes until `done()`; false when that takes longer than anything here should.
  template <typename Done>
  bool RunUntil(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!done()) {
      std::function<void()> work;
      {
        MutexLock lock(mutex_);
        if (posted_.empty()) changed_.WaitFor(mutex_, std::chrono::milliseconds(5));
        if (!posted_.empty()) {
          work = std::move(posted_.front());
          posted_.pop_front();
        }
      }
      if (work) work();
      if (!work && std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }
  // Runs what is there already.
  void RunPosted() {
    std::deque<std::function<void()>> posted;
    {
      MutexLock lock(mutex_);
      posted.swap(posted_);
    }
    for (const auto& work : posted) work();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> posted_ ALTLAS_GUARDED_BY(mutex_);
};

// A store as a test wants it: each call waits for its answer.
class BlockingStore {
 public:
  BlockingStore(Store& store, Inbox& inbox) : store_(store), inbox_(inbox) {}
  Result<AcceptOutcome> Accept(AcceptBatch batch) {
    return Wait<Result<AcceptOutcome>>([&](auto done) { store_.tasks().Accept(std::move(batch), done); });
  }
  Result<AcceptOutcome> Accept(TaskRecord task) {
    AcceptBatch batch;
    batch.tasks.push_back(std::move(task));
    return Accept(std::move(batch));
  }
  Result<FinalOutcome> Finish(FinalRecord record) {
    return Wait<Result<FinalOutcome>>(
        [&](auto done) { store_.tasks().RecordFinal(std::move(record), done); });
  }
  Status Requeue(RequeueRecord record) {
    return Wait<Status>([&](auto done) { store_.tasks().RequeueForRetry(std::move(record), done); });
  }
  Status Delete(TaskId id) {
    return Wait<Status>([&](auto done) { store_.tasks().DeleteTask(id, done); });
  }
  Status AddKey(KeyRecord key) {
    return Wait<Status>([&](auto done) { store_.keys().AddKey(std::move(key), done); });
  }
  Status RevokeKey(Uuid id, WallMillis at) {
    return Wait<Status>([&](auto done) { store_.keys().RevokeKey(id, at, done); });
  }
  // Everything called before is committed.
  void Flush() { (void)Requeue({}); }

 private:
  template <typename Outcome, typename Call>
  Outcome Wait(Call call) {
    std::optional<Outcome> answer;
    call([&](Outcome outcome) { answer = std::move(outcome); });
    if (!inbox_.RunUntil([&] { return answer.has_value(); }))
      return Fail(ErrorCode::kTimeout, "no answer in the test");
    return *std::move(answer);
  }
  Store& store_;
  Inbox& inbox_;
};

inline TaskRecord MakeTask(TaskId id, std::string request = R"({"text":"hello"})") {
  TaskRecord task;
  task.id = id;
  task.model = "tiny";
  task.type = "text_generation";
  task.priority_name = "normal";
  task.priority = 1;
  task.budget_ms = 3'600'000;
  task.created_ms = static_cast<WallMillis>(id.high >> 16);
  task.request = std::move(request);
  return task;
}
inline FinalRecord Completed(TaskId id, std::string json = R"({"text":"world"})",
                             WallMillis at = 1'700'000'000'000) {
  return {id, TaskStatus::kCompleted, TaskResult{std::move(json), 0.25}, {}, {}, at};
}
inline FinalRecord Failed(TaskId id, WallMillis at = 1'700'000'000'000) {
  return {id, TaskStatus::kFailed, {}, Error{ErrorCode::kTimeout, "it waited too long", "queue"}, {}, at};
}

}  // namespace altlas::store
