// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/stream.h"
#include "net/test_support.h"

namespace altlas::net {
namespace {

// A server that sends written answers, one for each request, in pieces, and may close after one.
struct Script {
  std::string answer;
  bool close = false;
};

class HttpClientTest : public testing::Test {
 protected:
  void Play(std::deque<Script> scripts, std::size_t step = SIZE_MAX) {
    scripts_ = std::move(scripts);
    step_ = step;
    thread_.Do([this] {
      listener_ = std::move(
          *StreamListener::Create(thread_.loop(), Address::Unix(folder_.path() / "s.sock"), {},
                                  [this](std::unique_ptr<Stream> stream) { Accept(std::move(stream)); }));
    });
  }
  void TearDown() override {
    thread_.Do([this] {
      on_request_ = nullptr;
      streams_.clear();
      listener_.reset();
    });
  }
  void Accept(std::unique_ptr<Stream> stream) {
    Stream* raw = stream.get();
    streams_.push_back(std::move(stream));
    raw->Start({.on_bytes =
                    [this, raw](std::string_view bytes) {
                      requests_ += bytes;
                      if (!requests_.ends_with("\r\n\r\n") && !requests_.ends_with("BODY")) return;
                      if (on_request_) on_request_();
                      if (scripts_.empty()) return;
                      const Script script = scripts_.front();
                      scripts_.pop_front();
                      for (std::size_t at = 0; at < script.answer.size();
                           at += std::min(step_, script.answer.size())) {
                        EXPECT_TRUE(raw->Write(std::string_view(script.answer).substr(at, step_)));
                      }
                      if (script.close) raw->CloseWhenSent();
                    },
                .on_close = [this](const Error&) { ++ended_; }});
  }
  Result<HttpReply> Call(HttpCall call = {}) { return CallBlocking(Options(), std::move(call)); }
  HttpClientOptions Options() { return {.address = Address::Unix(folder_.path() / "s.sock")}; }

  TemporaryFolder folder_;
  LoopThread thread_;
  std::deque<Script> scripts_;
  std::size_t step_ = SIZE_MAX;
  std::unique_ptr<StreamListener> listener_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::string requests_;
  std::function<void()> on_request_;
  int ended_ = 0;
};

TEST_F(HttpClientTest, ReadsEveryKindOfFraming) {
  Play({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: "
         "chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n"},
        {"HTTP/1.1 404 Not Found\r\n\r\nuntil the end", true},
        {"HTTP/1.1 204 No Content\r\n\r\n"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true}});
  auto reply = Call();
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, "hello");
  EXPECT_EQ(reply->Header("x-a"), "b");
  reply = Call({.method = "POST", .target = "/x?y", .headers = {{"A", "b"}}, .body = "BODY"});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "hello");
  EXPECT_EQ(Call()->body, "until the end");
  EXPECT_EQ(Call()->status, 204);
  EXPECT_EQ(Call()->body, "");
  EXPECT_NE(requests_.find("POST /x?y HTTP/1.1\r\nHost: localhost\r\nA: b\r\nContent-Length: 4\r\n\r\nBODY"),
            std::string::npos)
      << requests_;
}

TEST_F(HttpClientTest, AnswersThatAreNotWholeOrNotHttpAreErrors) {
  Play({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true},
        {"", true},
        {"SSH-2.0-x\r\n\r\n"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(2000, 'x')}});
  EXPECT_EQ(Call().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Call().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Call().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Call().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Call().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Call().error().code, ErrorCode::kCorrupt);
  auto options = Options();
  options.max_body_bytes = 1000;
  EXPECT_EQ(CallBlocking(options, {}).error().code, ErrorCode::kTooLarge);
}

TEST_F(HttpClientTest, SilenceIsATimeout) {
  Play({});
  EXPECT_EQ(Call({.timeout = std::chrono::milliseconds(50)}).error().code, ErrorCode::kTimeout);
}

TEST_F(HttpClientTest, LineBreaksInACallAreRefusedNotSent) {
  Play({});
  EXPECT_EQ(Call({.target = "/a b"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Call({.target = "/a\r\nX: y"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Call({.headers = {{"A", "b\r\nC: d"}}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Call({.headers = {{"A b", "c"}}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(requests_, "");
}

TEST_F(HttpClientTest, ConnectionsAreReusedAndADeadOneIsReplacedOnce) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Play({{ok}, {ok}, {"", true}, {ok}});
  const auto loop = std::move(*IoLoop::Create());
  HttpClient client(*loop, Options());
  std::vector<std::string> bodies;
  std::unique_ptr<PendingCall> pending;
  std::function<void()> next = [&] {
    pending = client.Call({}, [&](Result<HttpReply> reply) {
      bodies.push_back(reply ? reply->body : reply.error().message);
      if (bodies.size() == 3) return loop->Stop();
      loop->Post(next);
    });
  };
  next();
  loop->Run();
  EXPECT_EQ(bodies, (std::vector<std::string>{"ok", "ok", "ok"}));
  std::size_t connections = 0;
  thread_.Do([&] { connections = streams_.size(); });
  EXPECT_EQ(connections, 2u) << "two calls on the first, the third was closed and repeated on a new one";
}

TEST_F(HttpClientTest, PostIsNotRepeatedOnADeadConnection) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Play({{ok}, {"", true}, {ok}});
  const auto loop = std::move(*IoLoop::Create());
  HttpClient client(*loop, Options());
  std::optional<Error> error;
  std::unique_ptr<PendingCall> pending = client.Call({}, [&](Result<HttpReply>) {
    loop->Post([&] {
      pending = client.Call({.method = "POST", .body = "BODY"}, [&](Result<HttpReply> reply) {
        if (!reply) error = reply.error();
        loop->Stop();
      });
    });
  });
  loop->Run();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, ErrorCode::kUnavailable);
}

TEST_F(HttpClientTest, StreamArrivesInPiecesAndMayBeStopped) {
  Play({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n"}});
  std::string got;
  const auto reply = StreamBlocking(Options(), {}, [&](std::string_view piece) {
    got += piece;
    return got.size() < 4;
  });
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(got, "abcd");
}

TEST_F(HttpClientTest, CallsEndSilentlyWithTheirClient) {
  Play({});
  const auto loop = std::move(*IoLoop::Create());
  auto client = std::make_unique<HttpClient>(*loop, Options());
  const auto pending = client->Call({}, [](Result<HttpReply>) { FAIL(); });
  thread_.Do([&] {
    on_request_ = [&] {
      loop->Post([&] {
        client.reset();
        loop->Post([&] { loop->Stop(); });
      });
    };
  });
  loop->Run();
  EXPECT_TRUE(thread_.Until([&] { return ended_ == 1; })) << "the call's connection stays open";
}

TEST(SseReader, EventsAreTheSameHoweverTheBytesArrive) {
  std::string text = ": comment\r\n";
  AppendSseEvent(text, "token", "7", "line one\nline two");
  text += "event:done\rid\rdata:x\r\rdata\n\nid: 9\n\ndata: last\n\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    SseReader reader;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += step) {
      ASSERT_TRUE(reader.Feed(std::string_view(text).substr(at, step), [&](const SseEvent& event) {
        seen += fmt::format("[{}|{}|{}]", event.event, event.id, event.data);
      }));
    }
    EXPECT_EQ(seen, "[token|7|line one\nline two][done||x][message||][message|9|last]") << step;
  }
}

TEST(SseReader, EventsPastTheLimitAreRefused) {
  SseReader reader(100);
  EXPECT_FALSE(reader.Feed(std::string(101, 'a'), [](const SseEvent&) {}));
}

}  // namespace
}  // namespace altlas::net
