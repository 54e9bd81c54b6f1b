// SPDX-License-Identifier: Apache-2.0
// The HTTP interface of document 2 on a real server with an echo model (API-1..9).
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <set>
#include <sstream>
#include <thread>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

class Api : public testing::Test {
 protected:
  // One server for all tests of the suite: each one makes its own tasks.
  static void SetUpTestSuite() {
    server_ = new ServerProcess(
        "devices:\n  cpu: [{threads: 1}, {threads: 1, quota: 0.34}]\nserver:\n  limits: {text_bytes: 4096, "
        "batch_items: 50}\n",
        {"--service-ms=2"});
    server_->Start();
    // Ready means one device; these tests want both.
    ASSERT_TRUE(Eventually([] {
      const auto gpus = server_->Call("GET", "/api/v1/gpus").json["gpus"];
      for (const auto& gpu : gpus) {
        if (gpu["health"] != "ok") return false;
      }
      return true;
    }));
  }
  static void TearDownTestSuite() { delete server_; }
  static ServerProcess& server() { return *server_; }
  static inline ServerProcess* server_ = nullptr;
};

// API-1, API-2
TEST_F(Api, PredictAnswersWithTheDocumentsFields) {
  const auto answer = server().Call(
      "POST", "/api/v1/predict",
      R"({"text":"Sample input text","max_length":128,"temperature":0.7,"gpu_options":{"strategy":"least_loaded"}})");
  ASSERT_EQ(answer.status, 200) << answer.reply.body;
  EXPECT_TRUE(answer.json["gpu_id"].is_string());
  EXPECT_TRUE(answer.json["status"] == "queued" || answer.json["status"] == "running");
  const auto task = server().Await(answer.json["task_id"]);
  EXPECT_EQ(task["status"], "completed");
  EXPECT_EQ(task["result"]["text"], "Sample input text");
  EXPECT_GT(task["result"]["execution_time"].get<double>(), 0);
}

// API-7
TEST_F(Api, WaitGivesTheWholeTaskInOneCall) {
  const auto answer = server().Call("POST", "/api/v1/predict?wait=60", R"({"text":"at once"})");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["status"], "completed");
  EXPECT_EQ(answer.json["result"]["text"], "at once");
}

// SCH-1
TEST_F(Api, EveryStrategyIsTaken) {
  for (const char* strategy :
       {"round_robin", "least_loaded", "memory_optimized", "task_specific", "random"}) {
    const auto answer =
        server().Call("POST", "/api/v1/predict?wait=60",
                      Json({{"text", "x"}, {"gpu_options", {{"strategy", strategy}}}}).dump());
    EXPECT_EQ(answer.status, 200) << strategy;
    EXPECT_EQ(answer.json["status"], "completed") << strategy;
    EXPECT_EQ(answer.json["strategy"], strategy);
  }
}

// API-3
TEST_F(Api, BatchesAnswerInTheFormThatWasAskedFor) {
  const std::string items =
      R"("batch":[{"text":"one","max_length":128},{"text":"two","max_length":256},{"text":"three"}])";
  const auto split =
      server().Call("POST", "/api/v1/batch_predict",
                    "{" + items + R"(,"gpu_options":{"strategy":"round_robin","batch_split":true}})");
  ASSERT_EQ(split.status, 200) << split.reply.body;
  ASSERT_EQ(split.json["tasks"].size(), 3u);
  for (const auto& task : split.json["tasks"]) {
    EXPECT_TRUE(task["gpu_id"].is_string());
    EXPECT_EQ(server().Await(task["task_id"])["status"], "completed");
  }
  const auto whole = server().Call("POST", "/api/v1/batch_predict",
                                   "{" + items + R"(,"gpu_options":{"batch_split":false}})");
  ASSERT_EQ(whole.status, 200) << whole.reply.body;
  ASSERT_EQ(whole.json["task_ids"].size(), 3u);
  EXPECT_TRUE(whole.json["gpu_id"].is_string());
  std::set<std::string> devices;
  for (const auto& id : whole.json["task_ids"])
    devices.insert(server().Await(id)["gpu_id"].get<std::string>());
  EXPECT_EQ(devices.size(), 1u);
}

// API-4, DEV-2
TEST_F(Api, GpusAreNumbersThroughout) {
  const auto gpus = server().Call("GET", "/api/v1/gpus").json["gpus"];
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0]["id"], "gpu_0");
  for (const auto& gpu : gpus) {
    for (const char* field : {"utilization", "memory_used", "memory_total", "task_count"})
      EXPECT_TRUE(gpu[field].is_number()) << field;
    EXPECT_EQ(gpu["kind"], "cpu");
    EXPECT_EQ(gpu["health"], "ok") << gpu.dump();
  }
}

// API-6: the types of document 2 that nothing here serves are accepted and fail with the reason.
TEST_F(Api, ATypeWithoutAModelIsAcceptedAndFails) {
  const auto answer =
      server().Call("POST", "/api/v1/predict?wait=60", R"({"text":"x","type":"image_segmentation"})");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["status"], "failed");
  EXPECT_FALSE(answer.json["error"]["message"].get<std::string>().empty());
}

// API-9
TEST_F(Api, WrongInputIsRefusedByFieldAndNothingIsAccepted) {
  struct Case {
    const char* body;
    int status;
    const char* field;
  };
  const std::string long_text(5000, 'a');
  const std::string too_long = "{\"text\":\"" + long_text + "\"}";
  const Case cases[] = {
      {"", 400, nullptr},
      {"[]", 400, nullptr},
      {"{\"text\":", 400, nullptr},
      {"{\"text\":\"\xff\"}", 400, nullptr},
      {R"({"max_length":5})", 400, "text"},
      {R"({"text":""})", 400, "text"},
      {R"({"text":5})", 400, "text"},
      {R"({"text":null})", 400, "text"},
      {too_long.c_str(), 413, "text"},
      {R"({"text":"a","text":"b"})", 400, "text"},
      {R"({"text":"a","max_length":0})", 400, "max_length"},
      {R"({"text":"a","max_length":1.5})", 400, "max_length"},
      {R"({"text":"a","max_length":"5"})", 400, "max_length"},
      {R"({"text":"a","max_length":99999999999999999999})", 400, "max_length"},
      {R"({"text":"a","temperature":-1})", 400, "temperature"},
      {R"({"text":"a","temperature":NaN})", 400, "temperature"},
      {R"({"text":"a","temperature":1e999})", 400, "temperature"},
      {R"({"text":"a","top_p":0})", 400, "top_p"},
      {R"({"text":"a","seed":-1})", 400, "seed"},
      {R"({"text":"a","stop":[1]})", 400, "stop"},
      {R"({"text":"a","stop":""})", 400, "stop"},
      {R"({"text":"a","type":"text_generatoin"})", 400, "type"},
      {R"({"text":"a","model":"nobody"})", 404, "model"},
      {R"({"text":"a","priority":"urgent"})", 400, "priority"},
      {R"({"text":"a","estimated_memory":-5})", 400, "estimated_memory"},
      {R"({"text":"a","gpu_options":{"strategy":"fastest"}})", 400, "gpu_options.strategy"},
      {R"({"text":"a","gpu_options":[]})", 400, "gpu_options"},
      {R"({"text":"a","x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]})",
       400, nullptr},
  };
  const auto before = server().Call("GET", "/api/v1/tasks?limit=1").json["tasks"][0]["task_id"];
  for (const auto& c : cases) {
    const auto answer = server().Call("POST", "/api/v1/predict", c.body);
    EXPECT_EQ(answer.status, c.status) << c.body << "\n" << answer.reply.body;
    ASSERT_TRUE(answer.json.contains("error")) << answer.reply.body;
    EXPECT_FALSE(answer.json["error"]["message"].get<std::string>().empty());
    if (c.field != nullptr) {
      EXPECT_EQ(answer.json["error"]["field"], c.field) << answer.reply.body;
    }
  }
  EXPECT_EQ(server().Call("GET", "/api/v1/tasks?limit=1").json["tasks"][0]["task_id"], before);
}

TEST_F(Api, UnknownFieldsWarnOrAreRefusedUnderStrict) {
  const auto warned = server().Call("POST", "/api/v1/predict", R"({"text":"a","max_lenght":5})");
  EXPECT_EQ(warned.status, 200);
  EXPECT_NE(warned.reply.Header("Warning").find("max_lenght"), std::string::npos);
  const auto refused = server().Call("POST", "/api/v1/predict?strict=true", R"({"text":"a","max_lenght":5})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json["error"]["field"], "max_lenght");
}

TEST_F(Api, IdempotencyKeyGivesOneTask) {
  const auto post = [&](const char* body) {
    return server().Call("POST", "/api/v1/predict", body, {{"Idempotency-Key", "order-1"}});
  };
  const auto first = post(R"({"text":"once"})");
  const auto again = post(R"({"text":"once"})");
  EXPECT_EQ(first.json["task_id"], again.json["task_id"]);
  const auto other = post(R"({"text":"twice"})");
  EXPECT_EQ(other.status, 422);
}

// API-7
TEST_F(Api, TasksAreListedByPageAndFilter) {
  for (int i = 0; i < 5; ++i) server().Await(server().Predict("listed"));
  std::set<std::string> seen;
  std::string before;
  for (int page = 0; page < 100; ++page) {
    const auto answer = server().Call(
        "GET", "/api/v1/tasks?limit=3&status=completed" + (before.empty() ? "" : "&before=" + before));
    ASSERT_EQ(answer.status, 200);
    for (const auto& task : answer.json["tasks"])
      EXPECT_TRUE(seen.insert(task["task_id"]).second) << "listed twice";
    if (answer.json["next_before"].is_null()) break;
    before = answer.json["next_before"];
  }
  EXPECT_GE(seen.size(), 5u);
  EXPECT_EQ(server().Call("GET", "/api/v1/tasks?status=done").status, 400);
  EXPECT_EQ(server().Call("GET", "/api/v1/tasks?limit=0").status, 400);
  EXPECT_EQ(server().Call("GET", "/api/v1/tasks?colour=red").status, 400);
}

// API-7
TEST_F(Api, DeleteEndsOrRemovesATask) {
  const auto id = server().Predict("to be deleted");
  server().Await(id);
  EXPECT_EQ(server().Call("DELETE", "/api/v1/task/" + id).status, 200);
  EXPECT_EQ(server().Call("GET", "/api/v1/task/" + id).status, 404);
  EXPECT_EQ(server().Call("DELETE", "/api/v1/task/" + id).status, 404);
  EXPECT_EQ(server().Call("GET", "/api/v1/task/not-a-uuid").status, 400);
}

// API-7
TEST_F(Api, StreamGivesTokensAndTheEnd) {
  const auto id = server().Predict("one two three four");
  net::HttpCall call;
  call.target = "/api/v1/task/" + id + "/stream";
  call.headers.emplace_back("Authorization", "Bearer " + server().key());
  std::string text;
  std::string last;
  net::SseReader reader;
  const auto reply = net::StreamBlocking(server().Client(), call, [&](std::string_view piece) {
    return reader
        .Feed(piece,
              [&](const net::SseEvent& event) {
                if (event.event == "token") text += Json::parse(event.data)["text"].get<std::string>();
                last = event.event;
              })
        .has_value();
  });
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(last, "done");
  EXPECT_TRUE(text.empty() || text == "one two three four") << text;
}

TEST_F(Api, AClientThatLeavesItsStreamCostsNothing) {
  for (int i = 0; i < 20; ++i) {
    net::HttpCall call;
    call.method = "POST";
    call.target = "/api/v1/predict";
    call.body = R"({"text":"a b c d e f g h","stream":true})";
    call.headers.emplace_back("Authorization", "Bearer " + server().key());
    const auto reply = net::StreamBlocking(server().Client(), call, [](std::string_view) { return false; });
    (void)reply;
  }
  EXPECT_EQ(server().Call("POST", "/api/v1/predict?wait=60", R"({"text":"still here"})").json["status"],
            "completed");
}

// API-5
TEST_F(Api, KeysAndScopesAreHeldTo) {
  EXPECT_EQ(server().CallWithKey("alk_wrong", "GET", "/api/v1/gpus").status, 401);
  EXPECT_EQ(server().CallWithKey("", "POST", "/api/v1/predict", R"({"text":"a"})").status, 401);
  EXPECT_EQ(server().CallWithKey("", "GET", "/health/live").status, 200);
  EXPECT_EQ(server().CallWithKey("", "GET", "/metrics").status, 401);
  const auto made = server().Call("POST", "/api/v1/keys", R"({"name":"user","scopes":["predict"]})");
  ASSERT_EQ(made.status, 200) << made.reply.body;
  const std::string key = made.json["secret"];
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/gpus").status, 200);
  EXPECT_EQ(server().CallWithKey(key, "GET", "/metrics").status, 403);
  EXPECT_EQ(
      server().CallWithKey(key, "POST", "/api/v1/config/gpu/strategy", R"({"strategy":"random"})").status,
      403);
  const auto mine = server()
                        .CallWithKey(key, "POST", "/api/v1/predict", R"({"text":"mine"})")
                        .json["task_id"]
                        .get<std::string>();
  const auto theirs = server().Predict("theirs");
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/task/" + mine).status, 200);
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/task/" + theirs).status, 404);
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/tasks").json["tasks"].size(), 1u);
  EXPECT_EQ(server().Call("DELETE", "/api/v1/keys/user").status, 200);
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/gpus").status, 401) << "a revoked key is let in";
}

// Judged by the head: the server does not read, and keep, what nobody may send or no route takes.
TEST_F(Api, LongBodiesAreRefusedBeforeTheyAreRead) {
  const auto long_body = Json({{"text", std::string(70'000, 'x')}}).dump();
  const auto nobody = server().CallWithKey("alk_wrong", "POST", "/api/v1/predict", long_body);
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(nobody.reply.Header("Connection"), "close") << "the body was read first";
  const auto setting = server().Call("POST", "/api/v1/config/gpu/strategy", long_body);
  EXPECT_EQ(setting.status, 413) << setting.reply.body;
  EXPECT_EQ(server().Call("POST", "/api/v1/predict", long_body).json["error"]["field"], "text");
}

// API-5
TEST_F(Api, AKeysRateLimitAnswers429WithRetryAfter) {
  const auto made =
      server().Call("POST", "/api/v1/keys", R"({"name":"slow","requests_per_second":0.001,"burst":2})");
  const std::string key = made.json["secret"];
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/gpus").status, 200);
  EXPECT_EQ(server().CallWithKey(key, "GET", "/api/v1/gpus").status, 200);
  const auto third = server().CallWithKey(key, "GET", "/api/v1/gpus");
  EXPECT_EQ(third.status, 429);
  EXPECT_FALSE(third.reply.Header("Retry-After").empty());
}

// API-8, CFG-9
TEST_F(Api, RunTimeConfigurationIsShownAndPersisted) {
  EXPECT_EQ(
      server().Call("POST", "/api/v1/config/gpu/strategy", R"({"strategy":"round_robin"})").json["strategy"],
      "round_robin");
  auto shown = server().Call("GET", "/api/v1/config/gpu/strategy").json;
  EXPECT_EQ(shown["strategy"], "round_robin");
  EXPECT_EQ(shown["persisted"], false);
  EXPECT_EQ(server()
                .Call("POST", "/api/v1/config/gpu/max_concurrent_tasks",
                      R"({"max_concurrent_tasks":12,"persist":true})")
                .json["persisted"],
            true);
  EXPECT_TRUE(std::filesystem::exists(server().folder() / "runtime.yaml"));
  EXPECT_EQ(server().Call("POST", "/api/v1/config/gpu/strategy", R"({"strategy":"fastest"})").status, 400);
  EXPECT_EQ(server()
                .Call("POST", "/api/v1/config/gpu/max_concurrent_tasks", R"({"max_concurrent_tasks":0})")
                .status,
            400);
  EXPECT_EQ(
      server().Call("POST", "/api/v1/config/gpu/strategy", R"({"strategy":"random","colour":1})").status,
      400);
  EXPECT_EQ(server().Call("POST", "/api/v1/config/gpu/strategy", R"({"strategy":"least_loaded"})").status,
            200);
}

TEST_F(Api, OperatorsFindHealthVersionMetricsAndTheDocument) {
  EXPECT_EQ(server().Call("GET", "/health/ready").json["status"], "ready");
  EXPECT_EQ(server().Call("GET", "/version").json["name"], "alt_las");
  EXPECT_TRUE(server().Call("GET", "/openapi.json").json["paths"].contains("/api/v1/predict"));
  const auto metrics = server().Call("GET", "/metrics").reply.body;
  for (const char* name : {"altlas_tasks_total", "altlas_queue_depth", "altlas_device_memory_used_bytes"})
    EXPECT_NE(metrics.find(name), std::string::npos) << name;
  EXPECT_EQ(server().Call("GET", "/api/v1/models").json["models"][0]["devices"].size(), 2u);
  EXPECT_EQ(server().Call("GET", "/nowhere").status, 404);
  EXPECT_EQ(server().Call("PUT", "/api/v1/predict").status, 405);
}

// OPS-1: what `grep strategy` and `grep batch` look for in the log.
TEST_F(Api, PlacementsAndBatchesAreInTheLog) {
  const auto batch = server().Call(
      "POST", "/api/v1/batch_predict",
      R"({"batch":[{"text":"one"},{"text":"two"}],"gpu_options":{"strategy":"random","batch_split":true}})");
  ASSERT_EQ(batch.status, 200) << batch.reply.body;
  const auto has_line = [&](const std::string& one, const std::string& other) {
    std::istringstream lines(server().Log());
    for (std::string line; std::getline(lines, line);) {
      if (line.find(one) != std::string::npos && line.find(other) != std::string::npos) return true;
    }
    return false;
  };
  EXPECT_TRUE(Eventually([&] { return has_line("batch accepted", "tasks=2"); })) << server().Log();
  for (const auto& task : batch.json["tasks"])
    EXPECT_TRUE(Eventually([&] { return has_line(task["task_id"].get<std::string>(), "strategy=random"); }))
        << server().Log();
}

// API-6: Document 2, 5.1: twenty clients at once.
TEST_F(Api, TwentyConcurrentClientsAreAllServed) {
  std::vector<std::thread> threads;
  std::atomic<int> completed{0};
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      const auto answer = server().Call("POST", "/api/v1/predict?wait=100",
                                        Json({{"text", "client " + std::to_string(i)}}).dump());
      if (answer.status == 200 && answer.json["status"] == "completed") ++completed;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(completed, 20);
}

// A pinned device's worker runs on its processors and on no other.
TEST(Pinning, TheWorkerOfAPinnedDeviceIsBoundToItsProcessors) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) last = cpu;
  }
  ServerProcess server("devices:\n  cpu: [{threads: 1}, {threads: 1, pin: [" + std::to_string(last) +
                       "]}]\n");
  server.Start();
  ASSERT_TRUE(Eventually([&] { return server.WorkerPid(0) > 0 && server.WorkerPid(1) > 0; }));
  cpu_set_t bound;
  ASSERT_EQ(::sched_getaffinity(server.WorkerPid(1), sizeof(bound), &bound), 0);
  EXPECT_EQ(CPU_COUNT(&bound), 1);
  EXPECT_TRUE(CPU_ISSET(last, &bound));
  ASSERT_EQ(::sched_getaffinity(server.WorkerPid(0), sizeof(bound), &bound), 0);
  EXPECT_TRUE(CPU_EQUAL(&bound, &allowed));
}

}  // namespace
}  // namespace altlas::testing_process
