// SPDX-License-Identifier: Apache-2.0
// The whole way with the real worker and the shipped model: text in, text out, and the same text through a
// worker's death.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

class Model : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess("workers:\n  program: " ALTLAS_WORKER
                                "\n  restart_backoff: {initial: 0.05, cap: 1}\n");
    server_->Start();
  }
  static void TearDownTestSuite() { delete server_; }
  static ServerProcess& server() { return *server_; }
  static inline ServerProcess* server_ = nullptr;
};

// DEV-2
TEST_F(Model, WritesText) {
  const auto answer = server().Call("POST", "/api/v1/predict?wait=110",
                                    R"({"text":"Once upon a time","max_length":40,"temperature":0})");
  ASSERT_EQ(answer.json["status"], "completed") << answer.reply.body;
  EXPECT_GT(answer.json["result"]["text"].get<std::string>().size(), 20u) << answer.reply.body;
  EXPECT_GT(answer.json["result"]["generated_tokens"].get<int>(), 5);
}

TEST_F(Model, SameSeedSameText) {
  const char* body = R"({"text":"The weather today","max_length":30,"temperature":0.9,"seed":42})";
  const auto first = server().Call("POST", "/api/v1/predict?wait=110", body);
  const auto second = server().Call("POST", "/api/v1/predict?wait=110", body);
  ASSERT_EQ(first.json["status"], "completed") << first.reply.body;
  EXPECT_EQ(first.json["result"]["text"], second.json["result"]["text"]);
}

TEST_F(Model, AStreamsTextIsTheResultsText) {
  net::HttpCall call;
  call.method = "POST";
  call.target = "/api/v1/predict";
  call.body = R"({"text":"Hello","max_length":40,"temperature":0.8,"seed":7,"stream":true})";
  call.headers.emplace_back("Authorization", "Bearer " + server().key());
  std::string text;
  Json done;
  net::SseReader reader;
  const auto reply = net::StreamBlocking(server().Client(), call, [&](std::string_view piece) {
    return reader
        .Feed(piece,
              [&](const net::SseEvent& event) {
                if (event.event == "token") text += Json::parse(event.data)["text"].get<std::string>();
                if (event.event == "done") done = Json::parse(event.data);
              })
        .has_value();
  });
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  ASSERT_TRUE(done.is_object());
  EXPECT_EQ(text, done["result"]["text"].get<std::string>());
}

TEST_F(Model, AWorkersDeathInTheMiddleChangesNotAWord) {
  const char* body = R"({"text":"Once upon a time","max_length":400,"temperature":0.9,"seed":11})";
  const auto whole = server().Call("POST", "/api/v1/predict?wait=110", body);
  ASSERT_EQ(whole.json["status"], "completed") << whole.reply.body;
  const auto id = server().Call("POST", "/api/v1/predict", body).json["task_id"].get<std::string>();
  ASSERT_TRUE(Eventually([&] { return server().Task(id).value("status", "") != "queued"; }));
  ::kill(server().WorkerPid(), SIGKILL);
  const auto task = server().Await(id);
  ASSERT_EQ(task["status"], "completed") << task.dump();
  EXPECT_EQ(task["result"]["text"], whole.json["result"]["text"]);
}

// Document 2, 5.1, with a model: in float32 (the default on processors) a text does not depend on those
// beside it. Times are shown, not judged.
TEST_F(Model, TwentyConcurrentClientsGetWhatEachGetsAlone) {
  const SystemClock clock;
  const auto body = [](int client) {
    return Json({{"text", "Client " + std::to_string(client) + " tells a story:"},
                 {"max_length", 12 + client},
                 {"temperature", client % 4 == 0 ? 0.0 : 0.8},
                 {"seed", 100 + client}})
        .dump();
  };
  const auto ask = [&](int client) {
    return server().Call("POST", "/api/v1/predict?wait=110", body(client)).json;
  };
  std::vector<Json> alone, together(20);
  for (int i = 0; i < 20; ++i) alone.push_back(ask(i));
  std::vector<double> seconds(20);
  std::vector<std::thread> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&, i] {
      const auto begin = clock.Now();
      together[static_cast<std::size_t>(i)] = ask(i);
      seconds[static_cast<std::size_t>(i)] = Seconds(clock.Now() - begin);
    });
  }
  for (auto& client : clients) client.join();
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_EQ(alone[i].value("status", ""), "completed") << alone[i].dump();
    ASSERT_EQ(together[i].value("status", ""), "completed") << together[i].dump();
    EXPECT_EQ(together[i]["result"]["text"], alone[i]["result"]["text"]) << i;
    EXPECT_EQ(together[i]["result"]["generated_tokens"], alone[i]["result"]["generated_tokens"]) << i;
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("twenty clients: p50 %.2f s, p95 %.2f s\n", seconds[9], seconds[18]);
}

TEST_F(Model, ALongerPromptThanTheContextFailsByName) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "word ";
  const auto answer = server().Call("POST", "/api/v1/predict?wait=110", Json({{"text", text}}).dump());
  EXPECT_NE(answer.reply.body.find("context_length_exceeded"), std::string::npos)
      << answer.reply.body.substr(0, 500);
}

}  // namespace
}  // namespace altlas::testing_process
