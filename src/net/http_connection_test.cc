// SPDX-License-Identifier: Apache-2.0
#include "net/http_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "net/test_support.h"

namespace altlas::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One connection whose sweeps come at the times that the test gives.
class HttpConnectionTest : public testing::Test, public HttpConnectionOwner {
 protected:
  HttpConnectionTest() {
    shared_->options.limits.head_timeout = seconds(10);
    shared_->options.limits.body_timeout = seconds(60);
    shared_->options.limits.idle_timeout = seconds(75);
    shared_->options.limits.write_timeout = seconds(30);
    shared_->post = loop_->AsExecutor();
    shared_->handler = [this](const Request& request, const std::shared_ptr<ResponseWriter>& writer) {
      if (request.path == "/hold") {
        held_ = writer;
        return;
      }
      writer->Send({.body = request.path == "/large" ? std::string(8'000'000, 'z') : "{}"});
    };
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client_ = std::make_unique<RawClient>(UniqueFd(ends[0]));
    connection_ = std::make_shared<HttpConnection>(*loop_, UniqueFd(ends[1]), nullptr, shared_,
                                                   PeerInfo{"unix", {}, {}}, *this);
    EXPECT_TRUE(connection_->Begin().has_value());
    now_ = loop_->clock().Now();
  }
  ~HttpConnectionTest() override {
    held_ = nullptr;
    if (connection_ != nullptr) std::shared_ptr(connection_)->Cut(false);
    Turn();
  }
  void Closed(HttpConnection*) override { connection_ = nullptr; }
  bool open() const { return connection_ != nullptr; }
  void Turn() {
    while (loop_->RunReady()) {
    }
  }
  // Both ends are in this process: what was sent is there to be read at once.
  void Send(std::string_view bytes) {
    client_->Send(bytes);
    Turn();
  }
  void SweepAfter(Duration time) {
    now_ += time;
    if (open()) std::shared_ptr(connection_)->Sweep(now_);
    Turn();
  }

  std::unique_ptr<IoLoop> loop_ = std::move(*IoLoop::Create());
  std::shared_ptr<HttpShared> shared_ = std::make_shared<HttpShared>();
  std::unique_ptr<RawClient> client_;
  std::shared_ptr<HttpConnection> connection_;
  std::shared_ptr<ResponseWriter> held_;
  TimePoint now_{};
};

TEST_F(HttpConnectionTest, AHeadThatDoesNotEndIsCutWith408HoweverItDribbles) {
  Send("GET /hello HT");
  SweepAfter(seconds(1));  // sees that the head began
  for (int i = 0; i < 10; ++i) {
    Send("T");
    SweepAfter(seconds(1));
    EXPECT_EQ(client_->ReadReady(), "") << i;
  }
  SweepAfter(milliseconds(1));
  EXPECT_TRUE(client_->ReadReady().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(shared_->stats.slow_clients, 1u);
  // It is listened to for a moment, so that a reset does not take the answer from it.
  EXPECT_TRUE(open());
  SweepAfter(seconds(1));
  SweepAfter(seconds(3));
  EXPECT_FALSE(open());
}

TEST_F(HttpConnectionTest, ABodyHasItsOwnTimeFromTheEndOfTheHead) {
  Send("POST /echo HTTP/1.1\r\n");
  SweepAfter(seconds(1));
  SweepAfter(seconds(10));
  Send("Host: x\r\nContent-Length: 5\r\n\r\nab");
  SweepAfter(seconds(1));
  SweepAfter(seconds(60));
  EXPECT_EQ(client_->ReadReady(), "");
  SweepAfter(milliseconds(1));
  EXPECT_TRUE(client_->ReadReady().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(shared_->stats.slow_clients, 1u);
}

TEST_F(HttpConnectionTest, AConnectionThatAsksNothingIsClosedSilentlyInTheTimeOfAHead) {
  SweepAfter(seconds(10));
  EXPECT_TRUE(open());
  SweepAfter(milliseconds(1));
  EXPECT_EQ(client_->ReadAll(), "");
  EXPECT_EQ(shared_->stats.slow_clients, 0u);
}

TEST_F(HttpConnectionTest, BetweenRequestsAConnectionIsKeptForTheIdleTime) {
  Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client_->ReadReady().ends_with("\r\n\r\n{}"));
  SweepAfter(seconds(1));
  SweepAfter(seconds(75));
  Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client_->ReadReady().ends_with("\r\n\r\n{}"));
  SweepAfter(milliseconds(1));  // a request came: it counts anew
  SweepAfter(seconds(75));
  EXPECT_TRUE(connection_->Idle());
  SweepAfter(milliseconds(1));
  EXPECT_EQ(client_->ReadAll(), "");
}

TEST_F(HttpConnectionTest, ARequestThatIsBeingHandledHasNoLimit) {
  Send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int i = 0; i < 5; ++i) SweepAfter(std::chrono::hours(1));
  held_->SendJson(200, "{\"late\":1}");
  Turn();
  EXPECT_TRUE(client_->ReadReady().ends_with("{\"late\":1}"));
}

TEST_F(HttpConnectionTest, AReaderThatStopsIsCutAndOneThatIsSlowIsNot) {
  Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int i = 0; i < 5; ++i) {
    SweepAfter(seconds(29));
    ASSERT_TRUE(open());
    EXPECT_GT(client_->ReadReady().size(), 0u);
    Turn();  // the kernel takes more
  }
  SweepAfter(seconds(1));
  SweepAfter(seconds(30));
  EXPECT_TRUE(open());
  SweepAfter(milliseconds(1));
  EXPECT_FALSE(open());
  EXPECT_EQ(shared_->stats.slow_clients, 1u);
}

}  // namespace
}  // namespace altlas::net
