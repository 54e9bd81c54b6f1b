// SPDX-License-Identifier: Apache-2.0
// The routes over a real pool and store, with writers in the place of connections.
#include "gateway/gateway_fixture.h"

namespace altlas::gateway {
namespace {

TEST_F(GatewayTest, AWaitingRequestIsAnsweredOnceByTheEndAndThenLetGo) {
  Serve();
  const auto id = PredictOne();
  const auto asked = Ask("GET", PathOf(id), "wait=30");
  Settle();
  EXPECT_EQ(asked.answer->status, 0);
  EXPECT_FALSE(asked.writer.expired());
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  RunUntil([&] { return asked.answer->ended; });
  EXPECT_EQ(asked.json()["status"], "completed");
  EXPECT_EQ(asked.json()["result"]["text"], "done");
  Settle();
  EXPECT_TRUE(asked.writer.expired()) << "something holds the writer after its answer";
}

TEST_F(GatewayTest, AWaitingRequestIsAnsweredWithTheTaskAsItStandsOnceItsTimeIsOver) {
  Serve();
  const auto id = PredictOne();
  const auto asked = Ask("GET", PathOf(id), "wait=0.05");
  RunUntil([&] { return asked.answer->ended; });
  EXPECT_EQ(asked.json()["status"], "running");
  Settle();
  EXPECT_TRUE(asked.writer.expired());
  // A task that is final already is answered at once.
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  AwaitStatus(id, store::TaskStatus::kCompleted);
  const auto late = Ask("GET", PathOf(id), "wait=30");
  RunUntil([&] { return late.answer->ended; });
  EXPECT_EQ(late.json()["status"], "completed");
  Settle();
  EXPECT_TRUE(late.writer.expired());
}

TEST_F(GatewayTest, AClientThatLeavesIsLetGoAndItsTaskGoesOn) {
  Serve();
  const auto id = PredictOne();
  for (const bool stream : {false, true}) {
    const auto asked = stream ? Ask("GET", PathOf(id) + "/stream") : Ask("GET", PathOf(id), "wait=30");
    Settle();
    ASSERT_FALSE(asked.writer.expired());
    asked.writer.lock()->Leave();
    Settle();
    EXPECT_TRUE(asked.writer.expired()) << (stream ? "stream" : "wait");
    EXPECT_FALSE(asked.answer->ended);
  }
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  AwaitStatus(id, store::TaskStatus::kCompleted);
}

TEST_F(GatewayTest, AStreamTellsTheEndOnceAndIsLetGo) {
  Serve();
  const auto id = PredictOne();
  const auto asked = Ask("GET", PathOf(id) + "/stream");
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  RunUntil([&] { return asked.answer->ended; });
  EXPECT_NE(asked.answer->body.find("event: done\n"), std::string::npos) << asked.answer->body;
  Settle();
  EXPECT_TRUE(asked.writer.expired());
}

TEST_F(GatewayTest, AStreamSaysThatItIsUtf8) {
  Serve();
  const auto asked = Ask("GET", PathOf(PredictOne()) + "/stream");
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  RunUntil([&] { return asked.answer->ended; });
  EXPECT_EQ(asked.answer->content_type, "text/event-stream");
  EXPECT_EQ(asked.answer->content_parameters, "; charset=utf-8");
}

// API-3
TEST_F(GatewayTest, ARepeatedBatchIsShownAsItIsByThen) {
  Serve();
  const auto batch = [&] {
    return Await("POST", "/api/v1/batch_predict", "", R"({"batch":[{"text":"a"},{"text":"b"}]})",
                 {{"Idempotency-Key", "one"}})
        .json();
  };
  const auto first = batch();
  EXPECT_EQ(first["status"], "running") << first;
  const auto status_of = [](const Json& task) { return task["status"]; };
  for (int i = 0; i < 2; ++i) {
    Gpu(0).Finish(Gpu(0).grants_.at(static_cast<std::size_t>(i)));
    Settle();
  }
  RunUntil([&] {
    const auto tasks = batch()["tasks"];
    return status_of(tasks[0]) == "completed" && status_of(tasks[1]) == "completed";
  });
  EXPECT_EQ(batch()["status"], "completed");
}

TEST_F(GatewayTest, AServerThatShutsDownSaysThatItIsNotReadyForThat) {
  Serve();
  EXPECT_EQ(Await("GET", "/health/ready").json()["accepting"], true);
  pool_->Stop(backend::StopMode::kDrain, {});
  const auto asked = Await("GET", "/health/ready");
  EXPECT_EQ(asked.answer->status, 503);
  EXPECT_EQ(asked.json()["accepting"], false);
  EXPECT_EQ(asked.json()["reason"], "the server is shutting down");
}

TEST_F(GatewayTest, TheOnlyModelOfATypeIsItsDefault) {
  Serve();
  const auto models = Await("GET", "/api/v1/models").json()["models"];
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0]["default"], true);
}

TEST_F(GatewayTest, ASettingThatNobodyChangedIsNotPersisted) {
  Serve();
  for (const auto* path : {"/api/v1/config/gpu/strategy", "/api/v1/config/gpu/max_concurrent_tasks"}) {
    const auto shown = Await("GET", path).json();
    EXPECT_EQ(shown["origin"], "default") << path;
    EXPECT_EQ(shown["persisted"], false) << path;
  }
}

// Else one that is cut off behind it would come back with an id whose text it has thrown away.
TEST_F(GatewayTest, AResetMakesClientsForgetTheLastId) {
  Serve();
  const auto id = PredictOne();
  const auto lease = Gpu(0).grants_.at(0).lease;
  gateway_.reset();
  handler_ = nullptr;
  KillPool();
  MakePool();
  MakeDevices(1, false);
  OpenGateway();
  const auto asked = Ask("GET", PathOf(id) + "/stream", "", "", {{"Last-Event-ID", "7"}});
  Settle();
  Gpu(0).BecomeReady();
  Gpu(0).Emit(backend::LeasesResumed{{lease}});
  Gpu(0).Emit(wire::Token{lease, 0, {1}, "a"});
  Gpu(0).Emit(wire::LeaseDone{lease, R"({"text":"a"})", 1, 1, 1});
  RunUntil([&] { return asked.answer->ended; });
  EXPECT_NE(asked.answer->body.find("event: reset\nid:\ndata: {}\n\nevent: token\nid: 0\n"),
            std::string::npos)
      << asked.answer->body;
}

TEST_F(GatewayTest, AListShowsEveryStateWithoutResults) {
  Serve();
  const auto done = PredictOne();
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  AwaitStatus(done, store::TaskStatus::kCompleted);
  const auto running = PredictOne();
  const auto asked = Ask("GET", "/api/v1/tasks");
  const auto tasks = asked.json()["tasks"];
  ASSERT_EQ(tasks.size(), 2u) << asked.answer->body;
  EXPECT_EQ(tasks[0]["task_id"], running.ToString());
  EXPECT_EQ(tasks[0]["status"], "running");
  EXPECT_EQ(tasks[0]["gpu_id"], "gpu_0");
  EXPECT_EQ(tasks[1]["task_id"], done.ToString());
  EXPECT_EQ(tasks[1]["status"], "completed");
  EXPECT_EQ(tasks[1]["gpu_id"], "gpu_0");
  EXPECT_FALSE(tasks[1].contains("result"));
}

TEST_F(GatewayTest, TasksOfOthersAreNotThere) {
  Serve();
  const auto id = PredictOne();
  const auto admin = std::exchange(secret_, MakeKey("other", store::ScopeSet().Add(store::Scope::kPredict)));
  for (const auto* method : {"GET", "DELETE"}) EXPECT_EQ(Ask(method, PathOf(id)).answer->status, 404);
  EXPECT_EQ(Ask("GET", "/api/v1/tasks").json()["tasks"].size(), 0u);
  secret_ = admin;
  const auto canceled = Ask("DELETE", PathOf(id));
  RunUntil([&] { return canceled.answer->ended; });
  EXPECT_EQ(canceled.json()["status"], "canceled");
  const auto deleted = Ask("DELETE", PathOf(id));
  RunUntil([&] { return deleted.answer->ended; });
  EXPECT_EQ(deleted.json()["deleted"], true) << deleted.answer->body;
  EXPECT_EQ(Ask("GET", PathOf(id)).answer->status, 404);
}

TEST_F(GatewayTest, AHeadDecidesByRouteAndKeyBeforeTheBody) {
  Serve();
  const auto metrics = MakeKey("m", store::ScopeSet().Add(store::Scope::kMetrics));
  const auto check = gateway_->HeadCheck();
  const auto judge = [&](std::string_view method, std::string_view path, const std::string& key) {
    const auto bearer = "Bearer " + key;
    const net::HeaderField field{"Authorization", bearer};
    net::Request head;
    head.method = method;
    head.path = path;
    if (!key.empty()) head.headers = {&field, 1};
    return check(head);
  };
  for (const auto* path : {"/api/v1/predict", "/api/v1/batch_predict", "/api/v1/keys"}) {
    const auto nobody = judge("POST", path, "");
    EXPECT_EQ(nobody.status, 401) << path;
    EXPECT_EQ(nobody.error.code, ErrorCode::kUnauthenticated);
    ASSERT_EQ(nobody.headers.size(), 1u);
    EXPECT_EQ(nobody.headers[0].first, "WWW-Authenticate");
    EXPECT_EQ(judge("POST", path, "alk_wrong").status, 401) << path;
    EXPECT_EQ(judge("POST", path, metrics).status, 403) << path;
    EXPECT_EQ(judge("POST", path, secret_).status, 0) << path;
  }
  EXPECT_EQ(judge("POST", "/api/v1/predict", secret_).body_bytes, SIZE_MAX);
  EXPECT_EQ(judge("POST", "/api/v1/keys", secret_).body_bytes, 64u << 10);
  // What is open to all takes no body.
  for (const auto* path : {"/health/live", "/version", "/openapi.json"})
    EXPECT_EQ(judge("GET", path, "").body_bytes, net::kUncheckedBodyBytes) << path;
  EXPECT_EQ(judge("OPTIONS", "/api/v1/predict", "").body_bytes, net::kUncheckedBodyBytes);
  EXPECT_EQ(judge("POST", "/nothing", secret_).status, 404);
  const auto wrong = judge("PUT", "/api/v1/predict", secret_);
  EXPECT_EQ(wrong.status, 405);
  ASSERT_EQ(wrong.headers.size(), 1u);
  EXPECT_EQ(wrong.headers[0], (std::pair<std::string, std::string>("Allow", "POST, OPTIONS")));
}

// A look at a head is no request: it takes nothing of what the key may send.
TEST_F(GatewayTest, AHeadDoesNotCountForTheRateLimit) {
  Serve();
  keys_->SetDefaultLimit({1e-6, 2});
  const auto check = gateway_->HeadCheck();
  const auto bearer = "Bearer " + secret_;
  const net::HeaderField field{"Authorization", bearer};
  for (int i = 0; i < 10; ++i) {
    net::Request head;
    head.method = "POST";
    head.path = "/api/v1/predict";
    head.headers = {&field, 1};
    EXPECT_EQ(check(head).status, 0);
  }
  EXPECT_EQ(Ask("GET", "/api/v1/gpus").answer->status, 200);
  EXPECT_EQ(Ask("GET", "/api/v1/gpus").answer->status, 200);
  EXPECT_EQ(Ask("GET", "/api/v1/gpus").answer->status, 429);
}

}  // namespace
}  // namespace altlas::gateway
