// SPDX-License-Identifier: Apache-2.0
// Streams over whole programs: coming back with Last-Event-ID, and what manager and worker may do meanwhile
// (API-7, promise 4). Who gathers a stream has in the end the text of the result.
#include <gtest/gtest.h>
#include <signal.h>

#include <mutex>
#include <thread>

#include "base/random.h"
#include "stream_client.h"

namespace altlas::testing_process {
namespace {

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "w" : " w") + std::to_string(i);
  return text;
}

std::string Submit(ServerProcess& server, int words) {
  return server.Predict(Words(words), "\"max_length\":" + std::to_string(words));
}

void ExpectWhole(const StreamClient& client, const std::string& text) {
  EXPECT_EQ(client.wrong, std::vector<std::string>());
  ASSERT_EQ(client.end, "done") << client.data.dump();
  EXPECT_EQ(client.data["task_id"], client.task_id);
  EXPECT_EQ(client.data["result"]["text"], text);
  // Who comes back to a task that is final gets its last event alone.
  if (client.tokens_of_last > 0) {
    EXPECT_EQ(client.text, text);
  } else {
    EXPECT_TRUE(text.starts_with(client.text)) << client.text;
  }
}

double MetricSum(ServerProcess& server, const std::string& name) {
  const auto text = server.Call("GET", "/metrics").reply.body;
  double sum = 0;
  for (auto at = text.find("\n" + name + "{"); at != std::string::npos;
       at = text.find("\n" + name + "{", at + 1)) {
    const auto end = text.find('\n', at + 1);
    sum += std::stod(text.substr(text.rfind(' ', end)));
  }
  return sum;
}

int OpenSockets(pid_t pid) {
  int sockets = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    sockets += target.starts_with("socket:") ? 1 : 0;
  }
  return sockets;
}

// Reads a stream of 40 words whose worker dies at the fifth, and whose manager, where it is to, at a later
// one.
void ReadPastTheWorkersDeath(ServerProcess& server, StreamClient& client, int managers_last = 0) {
  server.Start();
  const auto worker = server.WorkerPid();
  ASSERT_GT(worker, 1);
  client.task_id = Submit(server, 40);
  client.Read(server.Client(), server.key(), [&] {
    if (client.tokens == 5) ::kill(worker, SIGKILL);
    if (client.tokens == managers_last) server.Kill();
    return false;
  });
}

TEST(Stream, LastEventIdGivesExactlyTheRest) {
  ServerProcess server("", {"--service-ms=600000"});
  server.Start();
  const auto text = Words(6000);
  StreamClient client(Submit(server, 6000));
  for (const int count : {5, 6, 12}) {
    EXPECT_FALSE(client.Read(server.Client(), server.key(), [&] { return client.tokens == count; }));
    EXPECT_EQ(client.status, 200);
    EXPECT_EQ(client.text, text.substr(0, Words(count).size())) << count;
  }
  StreamClient behind(client.task_id);
  behind.last_id = "2";
  behind.text = Words(3);
  behind.Read(server.Client(), server.key(), [&] { return behind.tokens == 9; });
  EXPECT_EQ(behind.text, Words(12));
  // The end reaches a reader who waits, and one who comes after it.
  std::thread reader([&] { client.Read(server.Client(), server.key()); });
  const auto canceled = server.Call("DELETE", "/api/v1/task/" + client.task_id);
  reader.join();
  EXPECT_EQ(canceled.json["status"], "canceled") << canceled.reply.body;
  behind.Read(server.Client(), server.key());
  EXPECT_EQ(behind.tokens_of_last, 0);
  for (const auto* late : {&client, &behind}) {
    EXPECT_EQ(late->wrong, std::vector<std::string>());
    EXPECT_EQ(late->end, "error");
    EXPECT_EQ(late->data["status"], "canceled");
    EXPECT_TRUE(text.starts_with(late->text));
  }
}

TEST(Stream, TheTextIsWholeAfterTheManagersDeath) {
  ServerProcess server("", {"--service-ms=6000"});
  server.Start();
  const auto worker = server.WorkerPid();
  StreamClient client(Submit(server, 40));
  const bool ended = client.Read(server.Client(), server.key(), [&] {
    if (client.tokens == 5) server.Kill();
    return false;
  });
  EXPECT_FALSE(ended);
  server.Start(false);
  EXPECT_TRUE(Eventually([&] { return client.Read(server.Client(), server.key()); }));
  ExpectWhole(client, Words(40));
  EXPECT_EQ(client.data["attempt"], 1);
  EXPECT_EQ(server.WorkerPid(), worker);
}

TEST(Stream, TheTextIsWholeAfterTheWorkersDeath) {
  ServerProcess server("", {"--service-ms=8000"});
  StreamClient client("");
  ReadPastTheWorkersDeath(server, client);
  ExpectWhole(client, Words(40));
  EXPECT_EQ(client.tokens, 40) << "a token came twice";
  EXPECT_EQ(client.data["attempt"], 2);
}

// The worker that is adopted holds only a continuation: what was said before it must not be missing.
TEST(Stream, TheTextIsWholeAfterTheWorkersAndThenTheManagersDeath) {
  ServerProcess server("", {"--service-ms=8000"});
  StreamClient client("");
  ReadPastTheWorkersDeath(server, client, 10);
  server.Start(false);
  StreamClient fresh(client.task_id);
  const auto options = server.Client();
  std::thread reader([&] { Eventually([&] { return fresh.Read(options, server.key()); }); });
  EXPECT_TRUE(Eventually([&] { return client.Read(options, server.key()); }));
  reader.join();
  ExpectWhole(client, Words(40));
  EXPECT_EQ(client.data["attempt"], 2) << "the continued task was started anew";
  ExpectWhole(fresh, Words(40));
}

TEST(Stream, ManyStreamsSurviveRandomKills) {
  ServerProcess server;
  server.WriteConfig(
      "workers:\n  program: " + (server.folder() / "slow").string() +
      "\n  restart_backoff: {initial: 0.05, cap: 0.2}\n  adopt_timeout: 60\n  max_attempts: 50\n");
  ASSERT_TRUE(WriteFileAtomically(server.folder() / "slow",
                                  "#!/bin/sh\nexec '" ALTLAS_ECHO_WORKER "' --service-ms=2000 \"$@\"\n", 0755)
                  .has_value());
  server.Start();
  std::mutex mutex;  // the address and the key change with a start
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(std::make_unique<StreamClient>(Submit(server, 40)));
  std::vector<std::thread> readers;
  for (const auto& client : clients) {
    readers.emplace_back([&, client = client.get()] {
      const auto read = [&] {
        std::unique_lock lock(mutex);
        const auto options = server.Client();
        const auto key = server.key();
        lock.unlock();
        return client->Read(options, key);
      };
      // Its patience is for all the rounds together.
      for (int i = 0; i < 6 && !Eventually(read); ++i) {
      }
    });
  }
  Random random(20261121);
  for (int round = 0; round < 6; ++round) {
    const auto said = [&] {
      int sum = 0;
      for (const auto& client : clients) sum += client->tokens;
      return sum;
    };
    const auto over = [&] { return MetricSum(server, "altlas_device_tasks_running") == 0; };
    const int before = said();
    Eventually([&] { return said() > before + 5 || over(); });
    if (random.Below(2) == 0) {
      if (const auto worker = server.WorkerPid(); worker > 0) ::kill(worker, SIGKILL);
    } else {
      server.Kill();
      std::unique_lock lock(mutex);
      server.Start(false);
    }
  }
  for (auto& reader : readers) reader.join();
  for (const auto& client : clients) ExpectWhole(*client, Words(40));
}

// Promised: the task goes on without listeners. And nothing of the client is left.
TEST(Stream, ClientsThatLeaveInTheMiddleLeaveNothingBehind) {
  ServerProcess server("", {"--service-ms=4000"});
  server.Start();
  const auto sockets = OpenSockets(server.pid());
  const auto completed = MetricSum(server, "altlas_tasks_total");
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    StreamClient client("");
    client.Predict(server.Client(), server.key(), Json({{"text", Words(20)}, {"stream", true}}).dump(),
                   [&] { return client.tokens == 2; });
    EXPECT_EQ(client.status == 0 || client.status == 200, true);
    ASSERT_EQ(client.text, Words(2));
  }
  const auto known = server.Call("GET", "/api/v1/tasks").json;
  for (const auto& task : known["tasks"]) ids.push_back(task["task_id"]);
  ASSERT_EQ(ids.size(), 8u);
  for (const auto& id : ids) {
    const auto task = server.Await(id);
    EXPECT_EQ(task["status"], "completed") << task.dump();
    EXPECT_EQ(task["result"]["text"], Words(20));
    EXPECT_EQ(task["attempt"], 1);
  }
  EXPECT_EQ(MetricSum(server, "altlas_tasks_total"), completed + 8);
  EXPECT_TRUE(Eventually([&] {
    return MetricSum(server, "altlas_device_tasks_running") == 0 &&
           MetricSum(server, "altlas_device_tasks_waiting") == 0 &&
           MetricSum(server, "altlas_queue_depth") == 0;
  })) << server.Call("GET", "/metrics").reply.body;
  EXPECT_TRUE(Eventually([&] { return OpenSockets(server.pid()) <= sockets; }))
      << OpenSockets(server.pid()) << " instead of " << sockets;
}

TEST(Stream, ARevokedKeysStreamsAndLongPollsEndAndItsTaskGoesOn) {
  ServerProcess server("", {"--service-ms=600000"});
  server.Start();
  const std::string key =
      server.Call("POST", "/api/v1/keys", R"({"name":"user","scopes":["predict"]})").json["secret"];
  const auto text = Words(6000);
  StreamClient own("");
  StreamClient waiting("");
  Answer poll;
  const auto options = server.Client();
  const auto id =
      server.CallWithKey(key, "POST", "/api/v1/predict", Json({{"text", text}, {"max_length", 6000}}).dump())
          .json["task_id"]
          .get<std::string>();
  own.task_id = waiting.task_id = id;
  std::thread reader([&] { own.Read(options, key); });
  std::thread poller([&] {
    net::HttpCall call;
    call.target = "/api/v1/task/" + id + "?wait=300";
    call.headers.emplace_back("Authorization", "Bearer " + key);
    call.timeout = std::chrono::minutes(6);
    if (const auto reply = net::CallBlocking(options, call); reply.has_value())
      poll = {reply->status, Json::parse(reply->body, nullptr, false), *reply};
  });
  // Another key's stream of the same task is not ended.
  std::thread watcher([&] { waiting.Read(options, server.key()); });
  EXPECT_TRUE(Eventually([&] { return own.tokens > 0 && waiting.tokens > 0; }));
  const auto revoked =
      RunToEnd({ALTLAS_PROGRAM, "key", "revoke", "user", "--state", server.state().string()});
  EXPECT_EQ(revoked.code, 0) << revoked.output;
  reader.join();
  poller.join();
  EXPECT_EQ(own.end, "error");
  EXPECT_EQ(own.data["error"]["code"], "unauthenticated") << own.data.dump();
  EXPECT_EQ(own.wrong, std::vector<std::string>());
  EXPECT_EQ(poll.status, 401) << poll.reply.body;
  EXPECT_EQ(poll.json["error"]["code"], "unauthenticated");
  own.end.clear();
  own.Read(options, key);
  EXPECT_EQ(own.status, 401) << "it came back with the revoked key";
  const int seen = waiting.tokens;
  EXPECT_TRUE(Eventually([&] { return waiting.tokens > seen; })) << "another key's stream stands still";
  EXPECT_EQ(server.Task(id)["status"], "running");
  server.Call("DELETE", "/api/v1/task/" + id);
  watcher.join();
  EXPECT_EQ(waiting.data["status"], "canceled");
}

}  // namespace
}  // namespace altlas::testing_process
