// SPDX-License-Identifier: Apache-2.0
// Requests against a device that is full, and requests that are wrong (API-1, API-3, API-7, API-9; promises 2
// and 5).
#include <gtest/gtest.h>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

// One device that runs one task, which never ends, and a short queue behind it.
class FullDevice : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess(
        "gpu:\n  multi_gpu: {max_concurrent_tasks_per_gpu: 1, max_queue_size: 3}\n"
        "server:\n  limits: {batch_items: 5, wait_time: 100}\n",
        {"--service-ms=360000000"});
    server_->Start();
  }
  static void TearDownTestSuite() { delete server_; }
  void SetUp() override {
    running_ = server().Predict("never done");
    ASSERT_TRUE(Eventually([&] { return StatusOf(running_) == "running"; }));
  }
  void TearDown() override {
    for (const auto* status : {"queued", "running"}) {
      for (const auto& task : List(status)) Delete(task["task_id"]);
    }
    EXPECT_TRUE(Eventually([&] { return List("queued").empty() && List("running").empty(); }));
  }
  static Json List(const std::string& status) {
    return server().Call("GET", "/api/v1/tasks?limit=200&status=" + status).json["tasks"];
  }
  static std::size_t Known() { return server().Call("GET", "/api/v1/tasks?limit=200").json["tasks"].size(); }
  static std::string StatusOf(const std::string& id) { return server().Task(id).value("status", ""); }
  static Answer Delete(const std::string& id) { return server().Call("DELETE", "/api/v1/task/" + id); }
  static ServerProcess& server() { return *server_; }
  static inline ServerProcess* server_ = nullptr;
  std::string running_;
};

TEST_F(FullDevice, ATaskThatWaitsLongerThanItMayIsCanceledWithTheReason) {
  const auto answer =
      server().Call("POST", "/api/v1/predict?wait=100", R"({"text":"a","queue_timeout":0.2})");
  ASSERT_EQ(answer.status, 200) << answer.reply.body;
  EXPECT_EQ(answer.json["status"], "canceled");
  EXPECT_EQ(answer.json["error"]["code"], "timeout");
  EXPECT_NE(answer.json["error"]["message"].get<std::string>().find("in the queue"), std::string::npos);
  EXPECT_FALSE(answer.json.contains("result"));
  EXPECT_FALSE(answer.json.contains("started_at"));
  EXPECT_EQ(answer.json["attempt"], 0);
  EXPECT_EQ(StatusOf(running_), "running") << "the time is the queue's, not the run's";
}

TEST_F(FullDevice, AFullQueueAnswers429AndTakesTasksAgainOnceThereIsRoom) {
  std::vector<std::string> queued;
  for (int i = 0; i < 3; ++i) queued.push_back(server().Predict("a"));
  const auto known = Known();
  const auto expect_overloaded = [&](const Answer& answer) {
    EXPECT_EQ(answer.status, 429) << answer.reply.body;
    EXPECT_EQ(answer.json["error"]["code"], "overloaded");
    EXPECT_GE(std::atoi(std::string(answer.reply.Header("Retry-After")).c_str()), 1);
  };
  expect_overloaded(server().Call("POST", "/api/v1/predict", R"({"text":"a"})"));
  expect_overloaded(server().Call("POST", "/api/v1/predict", R"({"text":"a","stream":true})"));
  expect_overloaded(server().Call("POST", "/api/v1/batch_predict", R"({"batch":[{"text":"a"}]})"));
  // One that never fits is not told to come again.
  const auto never = server().Call("POST", "/api/v1/batch_predict",
                                   R"({"batch":[{"text":"a"},{"text":"b"},{"text":"c"},{"text":"d"}]})");
  EXPECT_EQ(never.status, 413) << never.reply.body;
  EXPECT_EQ(never.json["error"]["field"], "batch");
  EXPECT_EQ(Known(), known) << "a refused task was accepted";
  EXPECT_EQ(Delete(queued[1]).json["status"], "canceled");
  // Two do not fit where one does, and then none of them is taken.
  expect_overloaded(
      server().Call("POST", "/api/v1/batch_predict", R"({"batch":[{"text":"a"},{"text":"b"}]})"));
  EXPECT_EQ(Known(), known);
  EXPECT_EQ(server().Call("POST", "/api/v1/predict", R"({"text":"a"})").status, 200);
}

TEST_F(FullDevice, ExplainTellsWhyATaskWaitsAndWhereItRuns) {
  const auto first = server().Predict("a");
  const auto second = server().Predict("b");
  const auto explained = [&](const std::string& id) {
    return server().Call("GET", "/api/v1/task/" + id + "?explain=1").json.value("explain", Json());
  };
  const auto waiting = explained(second);
  ASSERT_TRUE(waiting.is_object());
  EXPECT_EQ(waiting["running"], false);
  EXPECT_EQ(waiting["strategy"], "least_loaded");
  EXPECT_EQ(waiting["ahead"], 1);
  EXPECT_FALSE(waiting["waiting_because"].get<std::string>().empty());
  ASSERT_EQ(waiting["candidates"].size(), 1u) << waiting.dump();
  EXPECT_EQ(waiting["candidates"][0]["device"], "gpu_0");
  EXPECT_FALSE(waiting["candidates"][0]["why"].get<std::string>().empty());
  EXPECT_EQ(explained(first)["ahead"], 0);
  const auto running = explained(running_);
  EXPECT_EQ(running["running"], true);
  EXPECT_EQ(running["device"], "gpu_0");
  EXPECT_FALSE(server().Task(second).contains("explain")) << "unasked";
  ASSERT_EQ(Delete(second).status, 200);
  EXPECT_TRUE(explained(second).is_null()) << "of a task that is final";
}

TEST_F(FullDevice, DeleteCancelsWhatWaitsOrRunsAndRemovesWhatHasEnded) {
  const auto queued = server().Predict("a");
  const auto next = server().Predict("b");
  for (const auto& id : {queued, running_}) {
    const auto canceled = Delete(id);
    EXPECT_EQ(canceled.status, 200) << canceled.reply.body;
    EXPECT_EQ(canceled.json["task_id"], id);
    EXPECT_EQ(canceled.json["status"], "canceled");
    EXPECT_EQ(canceled.json["error"]["code"], "canceled");
    EXPECT_EQ(canceled.json.contains("started_at"), id == running_);
  }
  EXPECT_TRUE(Eventually([&] { return StatusOf(next) == "running"; })) << "the slot was not given back";
  for (const auto& id : {queued, running_}) {
    EXPECT_EQ(Delete(id).json["deleted"], true);
    for (const auto* method : {"GET", "DELETE"}) {
      const auto gone = server().Call(method, "/api/v1/task/" + id);
      EXPECT_EQ(gone.status, 404);
      EXPECT_EQ(gone.json["error"]["code"], "not_found");
      EXPECT_EQ(gone.json["error"]["field"], "task_id");
    }
  }
}

struct Wrong {
  const char* body;
  const char* field;
  int status = 400;
};

void ExpectRefused(const Answer& answer, int status, const Json& field, const std::string& what) {
  EXPECT_EQ(answer.status, status) << what << "\n" << answer.reply.body;
  ASSERT_TRUE(answer.json.is_object() && answer.json.contains("error")) << what << answer.reply.body;
  const auto& error = answer.json["error"];
  EXPECT_EQ(error["code"], status == 413   ? "too_large"
                           : status == 404 ? "not_found"
                                           : "invalid_argument")
      << what;
  EXPECT_EQ(error["field"], field) << what << answer.reply.body;
  EXPECT_GT(error["message"].get<std::string>().size(), 10u) << what;
  EXPECT_FALSE(answer.json.contains("task_id")) << what;
}

TEST_F(FullDevice, EveryWrongFieldIsNamedAndNothingIsAccepted) {
  const auto known = Known();
  const Wrong predicts[] = {
      {R"({"text":"a","top_k":-1})", "top_k"},
      {R"({"text":"a","top_k":1.5})", "top_k"},
      {R"({"text":"a","top_k":1000001})", "top_k"},
      {R"({"text":"a","top_k":"5"})", "top_k"},
      {R"({"text":"a","top_p":1.1})", "top_p"},
      {R"({"text":"a","min_p":-0.1})", "min_p"},
      {R"({"text":"a","min_p":1.1})", "min_p"},
      {R"({"text":"a","min_p":true})", "min_p"},
      {R"({"text":"a","repetition_penalty":0})", "repetition_penalty"},
      {R"({"text":"a","repetition_penalty":11})", "repetition_penalty"},
      {R"({"text":"a","repetition_penalty":[1]})", "repetition_penalty"},
      {R"({"text":"a","temperature":5.1})", "temperature"},
      {R"({"text":"a","max_length":32769})", "max_length"},
      {R"({"text":"a","seed":1.5})", "seed"},
      {R"({"text":"a","seed":"1"})", "seed"},
      {R"({"text":"a","stop":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]})",
       "stop"},
      {R"({"text":"a","queue_timeout":0})", "queue_timeout"},
      {R"({"text":"a","queue_timeout":-1})", "queue_timeout"},
      {R"({"text":"a","queue_timeout":1e9})", "queue_timeout"},
      {R"({"text":"a","queue_timeout":"5s"})", "queue_timeout"},
      {R"({"text":"a","stream":"true"})", "stream"},
      {R"({"text":"a","stream":1})", "stream"},
      {R"({"text":"a","image":5})", "image"},
      {R"({"text":"a","image":{"url":"x"}})", "image"},
      {R"({"text":"a","priority":""})", "priority"},
      {R"({"text":"a","priority":1})", "priority"},
      {R"({"text":"a","type":5})", "type"},
      {R"({"text":"a","model":""})", "model", 404},
      {R"({"text":"a","gpu_options":{"strategy":5}})", "gpu_options.strategy"},
      {R"({"text":"a","gpu_options":{"strategy":""}})", "gpu_options.strategy"},
      {R"({"text":"a","gpu_options":"fast"})", "gpu_options"},
  };
  for (const auto& wrong : predicts)
    ExpectRefused(server().Call("POST", "/api/v1/predict", wrong.body), wrong.status, wrong.field,
                  wrong.body);
  const Wrong batches[] = {
      {R"({})", "batch"},
      {R"({"batch":null})", "batch"},
      {R"({"batch":[]})", "batch"},
      {R"({"batch":{"text":"a"}})", "batch"},
      {R"({"batch":["a"]})", "batch[0]"},
      {R"({"batch":[{"text":"a"},{}]})", "batch[1].text"},
      {R"({"batch":[{"text":"a"},{"text":"b","top_k":-1}]})", "batch[1].top_k"},
      {R"({"batch":[{"text":"a"},{"text":"b","priority":"urgent"}]})", "batch[1].priority"},
      {R"({"batch":[{"text":"a","text":"b"}]})", "batch[0].text"},
      {R"({"batch":[{"text":"a"}],"gpu_options":{"strategy":"fastest"}})", "gpu_options.strategy"},
      {R"({"batch":[{"text":"a","gpu_options":{"strategy":"fastest"}}]})", "batch[0].gpu_options.strategy"},
      {R"({"batch":[{"text":"a"}],"gpu_options":{"batch_split":"yes"}})", "gpu_options.batch_split"},
      {R"({"batch":[{"text":"a"},{"text":"a"},{"text":"a"},{"text":"a"},{"text":"a"},{"text":"a"}]})",
       "batch", 413},
  };
  for (const auto& wrong : batches)
    ExpectRefused(server().Call("POST", "/api/v1/batch_predict", wrong.body), wrong.status, wrong.field,
                  wrong.body);
  EXPECT_EQ(Known(), known) << "a refused task was accepted";
}

TEST_F(FullDevice, EveryWrongHeaderOrParameterIsNamedAndNothingIsAccepted) {
  const auto known = Known();
  const auto* good = R"({"text":"a"})";
  for (const char* wait : {"-1", "x", "", "101", "nan", "inf", "5s", "1e400", "0x5"}) {
    ExpectRefused(server().Call("POST", "/api/v1/predict?wait=" + std::string(wait), good), 400, "wait",
                  wait);
    ExpectRefused(server().Call("GET", "/api/v1/task/" + running_ + "?wait=" + wait), 400, "wait", wait);
  }
  for (const char* flag : {"yes", "", "2"}) {
    ExpectRefused(server().Call("POST", "/api/v1/predict?strict=" + std::string(flag), good), 400, "strict",
                  flag);
    ExpectRefused(server().Call("GET", "/api/v1/task/" + running_ + "?explain=" + flag), 400, "explain",
                  flag);
  }
  for (const auto& key : {std::string(), std::string(256, 'k'), std::string("\xff\xfe")}) {
    for (const char* path : {"/api/v1/predict", "/api/v1/batch_predict"}) {
      const auto* body = std::string(path).ends_with("batch_predict") ? R"({"batch":[{"text":"a"}]})" : good;
      ExpectRefused(server().Call("POST", path, body, {{"Idempotency-Key", key}}), 400, "Idempotency-Key",
                    "a key of " + std::to_string(key.size()) + " bytes");
    }
  }
  for (const char* last : {"-1", "x", "1.5", "4294967295", "99999999999999999999", "1,2", "0x1"}) {
    ExpectRefused(server().Call("GET", "/api/v1/task/" + running_ + "/stream", "", {{"Last-Event-ID", last}}),
                  400, "Last-Event-ID", last);
  }
  for (const char* id : {"5", "zzzzzzzz-0000-7000-8000-000000000000", "%20"}) {
    for (const char* rest : {"", "/stream"})
      ExpectRefused(server().Call("GET", "/api/v1/task/" + std::string(id) + rest), 400, "task_id", id);
    ExpectRefused(server().Call("DELETE", "/api/v1/task/" + std::string(id)), 400, "task_id", id);
  }
  EXPECT_EQ(Known(), known) << "a refused task was accepted";
  EXPECT_EQ(StatusOf(running_), "running");
}

}  // namespace
}  // namespace altlas::testing_process
