// SPDX-License-Identifier: Apache-2.0
// Parameters of the query, and headers: what is honoured, warned about and refused.
#include "gateway/gateway_fixture.h"

namespace altlas::gateway {
namespace {

constexpr auto kHello = R"({"text":"hello"})";

TEST_F(GatewayTest, UnknownParametersAreWarnedAboutLikeUnknownFields) {
  Serve();
  const auto predict = Await("POST", "/api/v1/predict", "wiat=5", R"({"text":"hello","colour":1})");
  EXPECT_EQ(predict.answer->status, 200);
  EXPECT_EQ(predict.answer->Header("Warning"), "299 - \"unknown fields ignored: colour, ?wiat\"");
  // A batch does not wait.
  const auto batch = Await("POST", "/api/v1/batch_predict", "wait=5", R"({"batch":[{"text":"hello"}]})");
  EXPECT_EQ(batch.answer->status, 200);
  EXPECT_EQ(batch.answer->Header("Warning"), "299 - \"unknown fields ignored: ?wait\"");
  const auto path = PathOf(PredictOne());
  const auto task = Await("GET", path, "wiat=5&strict=false");
  EXPECT_EQ(task.answer->status, 200);
  EXPECT_EQ(task.answer->Header("Warning"), "299 - \"unknown fields ignored: ?wiat\"");
  EXPECT_EQ(Await("GET", path, "wait=0.01&wiat=5").answer->Header("Warning"), task.answer->Header("Warning"));
  EXPECT_EQ(Ask("GET", path + "/stream", "wiat=5").answer->Header("Warning"), task.answer->Header("Warning"));
  EXPECT_EQ(Await("GET", path, "wait=0&explain=1").answer->Header("Warning"), "");
  EXPECT_EQ(Await("DELETE", path, "force=1").answer->Header("Warning"),
            "299 - \"unknown fields ignored: ?force\"");
}

TEST_F(GatewayTest, UnknownParametersAreRefusedWhereTheRequestIsStrict) {
  Serve();
  const auto path = PathOf(PredictOne());
  const std::pair<const char*, std::string> routes[] = {{"POST", "/api/v1/predict"},
                                                        {"POST", "/api/v1/batch_predict"},
                                                        {"GET", path},
                                                        {"GET", path + "/stream"},
                                                        {"DELETE", path}};
  for (const auto& [method, route] : routes) {
    const auto body = route.ends_with("batch_predict") ? R"({"batch":[{"text":"hello"}]})" : kHello;
    for (const auto* strict : {"true", "1", "TRUE"}) {
      const auto asked = Await(method, route, "wiat=5&strict=" + std::string(strict), body);
      EXPECT_EQ(asked.answer->status, 400) << route;
      EXPECT_EQ(asked.json()["error"]["field"], "wiat") << asked.answer->body;
    }
    for (const auto* strict : {"maybe", "", "yes", "2"}) {
      const auto asked = Await(method, route, "strict=" + std::string(strict), body);
      EXPECT_EQ(asked.answer->status, 400) << route << strict;
      EXPECT_EQ(asked.json()["error"]["field"], "strict") << asked.answer->body;
    }
  }
  EXPECT_EQ(Await("POST", "/api/v1/predict", "strict=False", R"({"text":"a","colour":1})").answer->status,
            200);
  EXPECT_EQ(Await("GET", path, "explain=maybe").json()["error"]["field"], "explain");
}

TEST_F(GatewayTest, AParameterThatStandsTwiceIsRefusedByName) {
  Serve();
  const std::pair<std::string, const char*> twice[] = {{"/api/v1/tasks", "limit=1&status=queued&%6cimit=2"},
                                                       {PathOf(PredictOne()), "limit=0&explain=1&limit=0"}};
  for (const auto& [path, query] : twice) {
    const auto asked = Await("GET", path, query);
    EXPECT_EQ(asked.answer->status, 400) << path;
    EXPECT_EQ(asked.json()["error"]["field"], "limit") << asked.answer->body;
  }
}

TEST_F(GatewayTest, AListRefusesWhatNoTaskCouldHave) {
  Serve();
  const auto running = PredictOne().ToString();
  for (const auto* query :
       {"type=foo", "type=", "status=foo", "before=00000000-0000-0000-0000-000000000000"}) {
    const auto asked = Await("GET", "/api/v1/tasks", query);
    EXPECT_EQ(asked.answer->status, 400) << query;
    EXPECT_EQ(asked.json()["error"]["field"],
              std::string_view(query).substr(0, std::string_view(query).find('=')));
  }
  EXPECT_EQ(Await("GET", "/api/v1/tasks", "type=text_generation").json()["tasks"].size(), 1u);
  EXPECT_EQ(Await("GET", "/api/v1/tasks", "type=embedding").json()["tasks"].size(), 0u);
  EXPECT_EQ(Await("GET", "/api/v1/tasks", "before=" + running).json()["tasks"].size(), 0u);
}

// A reset event sets it to that.
TEST_F(GatewayTest, AnEmptyLastEventIdIsAsGoodAsNone) {
  Serve();
  const auto path = PathOf(PredictOne()) + "/stream";
  const auto asked = Ask("GET", path, "", "", {{"Last-Event-ID", ""}});
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  RunUntil([&] { return asked.answer->ended; });
  EXPECT_EQ(asked.answer->status, 200) << asked.answer->body;
  EXPECT_EQ(Await("GET", path, "", "", {{"Last-Event-ID", "x"}}).answer->status, 400);
}

TEST_F(GatewayTest, ATaskThatIsWaitedForInVainIsExplainedWhereAsked) {
  Serve();
  const auto path = PathOf(PredictOne());
  const auto asked = Await("GET", path, "explain=1&wait=0.01");
  EXPECT_EQ(asked.json()["status"], "running");
  ASSERT_TRUE(asked.json().contains("explain")) << asked.answer->body;
  EXPECT_FALSE(Await("GET", path, "explain=0&wait=0.01").json().contains("explain"));
}

TEST_F(GatewayTest, AnIdempotencyKeyThatIsNoTextIsCalledThat) {
  Serve();
  const auto bad = Await("POST", "/api/v1/predict", "", kHello, {{"Idempotency-Key", "a\xff"}});
  EXPECT_EQ(bad.answer->status, 400);
  EXPECT_NE(bad.json()["error"]["message"].get<std::string>().find("is not UTF-8"), std::string::npos)
      << bad.answer->body;
  const std::string endless(4096, 'a');
  const auto long_one = Await("POST", "/api/v1/predict", "", kHello, {{"Idempotency-Key", endless}});
  EXPECT_EQ(long_one.answer->status, 400);
  EXPECT_NE(long_one.json()["error"]["message"].get<std::string>().find("4096 bytes"), std::string::npos);
}

}  // namespace
}  // namespace altlas::gateway
