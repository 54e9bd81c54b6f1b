// SPDX-License-Identifier: Apache-2.0
// What is open ends with the key that opened it.
#include "gateway/gateway_fixture.h"

namespace altlas::gateway {
namespace {

class GatewayRevokeTest : public GatewayTest {
 protected:
  void SetUp() override {
    GatewayTest::SetUp();
    Serve();
    user_ = MakeKey("user", store::ScopeSet().Add(store::Scope::kPredict));
  }
  template <typename F>
  auto AsUser(F ask) {
    const auto admin = std::exchange(secret_, user_);
    auto asked = ask();
    secret_ = admin;
    return asked;
  }
  void RevokeUser() {
    keys_->Revoke("user", [](auto key) { EXPECT_TRUE(key.has_value()); });
  }
  std::string user_;
};

TEST_F(GatewayRevokeTest, ItsStreamsAndLongPollsEndAndItsTasksGoOn) {
  const auto id = AsUser([&] { return PredictOne(); });
  const auto stream = AsUser([&] { return Ask("GET", PathOf(id) + "/stream"); });
  const auto poll = AsUser([&] { return Ask("GET", PathOf(id), "wait=30"); });
  const auto predict = AsUser([&] { return Ask("POST", "/api/v1/predict", "wait=30", R"({"text":"a"})"); });
  const auto others = Ask("GET", PathOf(id) + "/stream");
  Settle();
  ASSERT_FALSE(stream.answer->ended || poll.answer->ended || predict.answer->ended);
  RevokeUser();
  EXPECT_FALSE(stream.answer->ended) << "inside the call";
  RunUntil([&] { return stream.answer->ended && poll.answer->ended && predict.answer->ended; });
  EXPECT_NE(stream.answer->body.find("event: error\ndata: {\"error\":{\"code\":\"unauthenticated\""),
            std::string::npos)
      << stream.answer->body;
  for (const auto* asked : {&poll, &predict}) {
    EXPECT_EQ(asked->answer->status, 401);
    EXPECT_EQ(asked->json()["error"]["code"], "unauthenticated");
  }
  EXPECT_NE(poll.json()["error"]["message"].get<std::string>().find(id.ToString()), std::string::npos);
  Settle();
  for (const auto* asked : {&stream, &poll, &predict})
    EXPECT_TRUE(asked->writer.expired()) << "something holds the writer after its answer";
  EXPECT_FALSE(others.answer->ended) << "another key's stream was ended";
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  AwaitStatus(id, store::TaskStatus::kCompleted);
  RunUntil([&] { return others.answer->ended; });
  EXPECT_NE(others.answer->body.find("event: done\n"), std::string::npos);
}

// The task is on its way to the disk while the key goes: nothing is opened for it any more.
TEST_F(GatewayRevokeTest, ATaskThatWasBeingAcceptedIsNotWaitedFor) {
  const auto stream =
      AsUser([&] { return Ask("POST", "/api/v1/predict", "", R"({"text":"a","stream":true})"); });
  const auto poll = AsUser([&] { return Ask("POST", "/api/v1/predict", "wait=30", R"({"text":"a"})"); });
  ASSERT_EQ(stream.answer->status, 0);
  RevokeUser();
  RunUntil([&] { return stream.answer->ended && poll.answer->ended; });
  EXPECT_EQ(stream.answer->status, 401);
  EXPECT_EQ(poll.answer->status, 401);
}

TEST_F(GatewayRevokeTest, WhatHasEndedBeforeIsLeftAlone) {
  const auto id = AsUser([&] { return PredictOne(); });
  const auto left = AsUser([&] { return Ask("GET", PathOf(id) + "/stream"); });
  const auto done = AsUser([&] { return Ask("GET", PathOf(id) + "/stream"); });
  Settle();
  left.writer.lock()->Leave();
  Gpu(0).Finish(Gpu(0).grants_.at(0));
  RunUntil([&] { return done.answer->ended; });
  const auto said = done.answer->body;
  RevokeUser();
  Settle();
  EXPECT_EQ(done.answer->body, said);
  EXPECT_FALSE(left.answer->ended);
  EXPECT_TRUE(left.writer.expired());
}

}  // namespace
}  // namespace altlas::gateway
