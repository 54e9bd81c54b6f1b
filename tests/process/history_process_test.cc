// SPDX-License-Identifier: Apache-2.0
// Promises 1 and 4 as clients see them: whoever watches a task while managers and workers are killed sees it
// go from queued and running to one final state, which is the same to everybody and for ever.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/random.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

constexpr int kTasks = 160;
constexpr int kRounds = 16;

bool IsFinal(const std::string& status) {
  return status == "completed" || status == "failed" || status == "canceled";
}

std::string TextOf(int number) { return "the words of task " + std::to_string(number); }

// What one watcher saw, in the order of the answers: each of its questions was asked after the answer to the
// one before.
class History {
 public:
  void See(const Json& task) {
    const auto id = task.value("task_id", "");
    const auto status = task.value("status", "");
    auto& last = last_[id];
    if (status != "queued" && status != "running" && status != "completed")
      Complain("no such state here", last, task);
    if (!last.is_null()) {
      for (const char* field : {"created_at", "type", "model", "priority"}) {
        if (last[field] != task[field]) Complain("what never changes changed", last, task);
      }
      if (IsFinal(last["status"]) && last != task) Complain("a final state changed", last, task);
    }
    if (!IsFinal(status)) {
      for (const char* field : {"result", "error", "finished_at"}) {
        if (task.contains(field)) Complain("an end before the end", last, task);
      }
    }
    if (status != "queued" && task.value("attempt", 0) < 1) Complain("it ran without a start", last, task);
    if (last.is_null() || (!IsFinal(last["status"]) && IsFinal(status))) {
      if (IsFinal(status)) ++ended_;
    }
    last = task;
  }
  // The task was there before and an answer says that it is not.
  void Miss(const std::string& id, const std::string& answer) {
    problems_.push_back("lost: " + id + " " + answer);
  }
  bool Knows(const std::string& id) const { return last_.contains(id); }
  const std::map<std::string, Json>& last() const { return last_; }
  const std::vector<std::string>& problems() const { return problems_; }
  int ended() const { return ended_; }

 private:
  void Complain(const char* what, const Json& before, const Json& now) {
    problems_.push_back(std::string(what) + ": " + before.dump() + " -> " + now.dump());
  }
  std::map<std::string, Json> last_;
  std::vector<std::string> problems_;
  std::atomic<int> ended_{0};
};

// The server of the moment, for several threads: its address changes with every start.
class Desk {
 public:
  explicit Desk(ServerProcess& server) : server_(server) {}
  void Open() {
    const std::lock_guard lock(mutex_);
    client_ = server_.Client();
    key_ = server_.key();
  }
  Answer Ask(net::HttpCall call) const {
    const auto client = Prepare(call);
    auto reply = net::CallBlocking(client, std::move(call));
    if (!reply.has_value()) return {0, Json(), {}};
    return {reply->status, Json::parse(reply->body, nullptr, false), std::move(*reply)};
  }
  bool Stream(net::HttpCall call, const std::function<void(const net::SseEvent&)>& on_event) const {
    const auto client = Prepare(call);
    net::SseReader reader;
    const auto reply = net::StreamBlocking(client, std::move(call), [&](std::string_view piece) {
      return reader.Feed(piece, on_event).has_value();
    });
    return reply.has_value() && reply->status == 200;
  }

 private:
  net::HttpClientOptions Prepare(net::HttpCall& call) const {
    const std::lock_guard lock(mutex_);
    call.headers.emplace_back("Authorization", "Bearer " + key_);
    return client_;
  }
  ServerProcess& server_;
  mutable std::mutex mutex_;
  net::HttpClientOptions client_;
  std::string key_;
};

// The ids that are known, with their texts.
class Register {
 public:
  void Add(const std::string& id, const std::string& text) {
    const std::lock_guard lock(mutex_);
    texts_[id] = text;
  }
  std::map<std::string, std::string> All() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> texts_;
};

void WatchLists(const Desk& desk, const std::atomic<bool>& stop, History& history) {
  while (!stop) {
    std::string before;
    do {
      const auto page =
          desk.Ask({.target = "/api/v1/tasks?limit=50" + (before.empty() ? "" : "&before=" + before)});
      if (page.status != 200) break;
      for (const auto& task : page.json["tasks"]) history.See(task);
      before = page.json["next_before"].is_string() ? page.json["next_before"].get<std::string>() : "";
    } while (!before.empty());
  }
}

void WatchTasks(const Desk& desk, const Register& tasks, const std::atomic<bool>& stop, History& history) {
  while (!stop) {
    for (const auto& [id, text] : tasks.All()) {
      for (const char* query : {"", "?wait=0.05"}) {
        const auto answer = desk.Ask({.target = "/api/v1/task/" + id + query});
        if (answer.status == 404 || answer.status == 500) history.Miss(id, answer.reply.body);
        if (answer.status == 200) history.See(answer.json);
      }
    }
  }
}

void WatchStreams(const Desk& desk, const Register& tasks, const std::atomic<bool>& stop, History& history,
                  std::vector<std::string>& problems) {
  while (!stop) {
    for (const auto& [id, expected] : tasks.All()) {
      std::string text;
      std::int64_t next = 0;
      int ends = 0;
      const bool whole =
          desk.Stream({.target = "/api/v1/task/" + id + "/stream"}, [&](const net::SseEvent& event) {
            if (ends > 0) problems.push_back(id + ": an event after the end");
            if (event.event == "token") {
              if (std::stoll(event.id) < next) problems.push_back(id + ": token " + event.id + " twice");
              next = std::stoll(event.id) + 1;
              text += Json::parse(event.data)["text"].get<std::string>();
            } else if (event.event == "reset") {
              text.clear();
              next = 0;
            } else if (event.event == "done" || event.event == "error") {
              ++ends;
              history.See(Json::parse(event.data));
            }
          });
      if (!whole) continue;
      if (ends != 1) problems.push_back(id + ": " + std::to_string(ends) + " ends");
      if (!text.empty() && text != expected) problems.push_back(id + ": streamed \"" + text + "\"");
    }
  }
}

class Histories : public testing::Test {
 protected:
  Histories() : server_("devices: {cpu_count: 2}\n") {
    server_.WriteConfig(
        "devices: {cpu_count: 2}\nworkers:\n  program: " + (server_.folder() / "slow").string() +
        "\n  restart_backoff: {initial: 0.05, cap: 0.2}\n  adopt_timeout: 60\n  max_attempts: 100\n");
  }
  void SetUp() override {
    ASSERT_TRUE(WriteFileAtomically(server_.folder() / "slow",
                                    "#!/bin/sh\nexec '" ALTLAS_ECHO_WORKER "' --service-ms=20 \"$@\"\n", 0755)
                    .has_value());
    server_.Start();
    desk_.Open();
  }
  Answer Post(int number) {
    const char* priorities[] = {"high", "normal", "low"};
    return desk_.Ask({.method = "POST",
                      .target = "/api/v1/predict",
                      .headers = {{"Idempotency-Key", "n" + std::to_string(number)}},
                      .body = Json({{"text", TextOf(number)}, {"priority", priorities[number % 3]}}).dump()});
  }
  // As a client does that wants its task done once: it asks with the same key until it has an answer.
  std::string Submit(int number) {
    Answer answer;
    EXPECT_TRUE(Eventually([&] {
      answer = Post(number);
      return answer.status == 200;
    })) << answer.status
        << answer.reply.body;
    return answer.status == 200 ? answer.json["task_id"].get<std::string>() : "";
  }
  void KillManager() {
    server_.Kill();
    server_.Start(false);
    desk_.Open();
  }
  void KillWorker(int device, int signal) {
    const auto record =
        ReadFile(server_.state() / "workers" / ("gpu_" + std::to_string(device) + ".json"), 1 << 16);
    const auto json = record.has_value() ? Json::parse(*record, nullptr, false) : Json();
    if (json.is_object() && json.value("pid", 0) > 1) ::kill(json["pid"].get<pid_t>(), signal);
  }
  void Strike(Random& random) {
    const auto what = random.Below(6);
    const auto device = static_cast<int>(random.Below(2));
    if (what == 0) KillWorker(device, SIGTERM);
    if (what == 1 || what == 2) KillWorker(device, SIGKILL);
    if (what == 3) {
      KillWorker(0, SIGKILL);
      KillWorker(1, SIGKILL);
    }
    if (what >= 3) KillManager();
    if (what == 5) KillManager();  // before it had its workers back
  }
  ServerProcess server_;
  Desk desk_{server_};
  Register tasks_;
};

// Between two strikes a drawn number of tasks comes to an end, so that they fall on all sorts of moments.
TEST_F(Histories, EveryTaskHasOneHistoryWhateverIsKilled) {
  History by_list, by_task, by_stream;
  std::vector<std::string> stream_problems;
  std::atomic<bool> stop{false};
  std::vector<std::thread> watchers;
  watchers.emplace_back([&] { WatchLists(desk_, stop, by_list); });
  watchers.emplace_back([&] { WatchTasks(desk_, tasks_, stop, by_task); });
  watchers.emplace_back([&] { WatchStreams(desk_, tasks_, stop, by_stream, stream_problems); });

  constexpr std::uint64_t kSeed = 20261121;
  Random random(kSeed);
  int sent = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    for (; sent < kTasks * (round + 1) / kRounds; ++sent) tasks_.Add(Submit(sent), TextOf(sent));
    const int wanted = std::min<int>(by_list.ended() + static_cast<int>(random.Below(8)), sent);
    EXPECT_TRUE(Eventually([&] { return by_list.ended() >= wanted; })) << "round " << round;
    Strike(random);
  }
  for (const auto& [id, text] : tasks_.All()) {
    const auto task = server_.Await(id);
    EXPECT_EQ(task["status"], "completed") << task.dump();
    EXPECT_EQ(task["result"]["text"], text) << task.dump();
  }
  // Everybody sees the ends, too.
  const auto all_ended = [&](const History& history) { return history.ended() >= kTasks; };
  EXPECT_TRUE(Eventually([&] { return all_ended(by_list) && all_ended(by_task) && all_ended(by_stream); }));
  stop = true;
  for (auto& watcher : watchers) watcher.join();

  for (const auto* history : {&by_list, &by_task, &by_stream}) {
    for (const auto& problem : history->problems()) ADD_FAILURE() << problem;
  }
  for (const auto& problem : stream_problems) ADD_FAILURE() << problem;
  EXPECT_EQ(tasks_.All().size(), static_cast<std::size_t>(kTasks)) << "two submissions, one task";
  EXPECT_EQ(by_list.last().size(), static_cast<std::size_t>(kTasks)) << "a task that nobody sent";
  for (const auto& [id, text] : tasks_.All()) {
    const auto final = server_.Task(id);
    EXPECT_EQ(by_task.last().at(id), final);
    EXPECT_EQ(by_stream.last().at(id), final);
    for (const auto& [field, value] : by_list.last().at(id).items()) EXPECT_EQ(value, final[field]) << field;
  }
  for (int number = 0; number < kTasks; number += 17) {
    const auto again = Post(number);
    ASSERT_EQ(again.status, 200) << again.reply.body;
    EXPECT_EQ(tasks_.All()[again.json["task_id"].get<std::string>()], TextOf(number));
  }
  EXPECT_EQ(by_list.last().size(), tasks_.All().size());
}

}  // namespace
}  // namespace altlas::testing_process
