// SPDX-License-Identifier: Apache-2.0
// HttpServerOptions::check_head over raw sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "net/http_server_fixture.h"

namespace altlas::net {
namespace {

// Refuses whoever does not say "Pass: yes" by its head, and lets /echo have 100,000 bytes.
HttpServerOptions Judging(std::atomic<int>& asked) {
  HttpServerOptions options;
  options.check_head = [&asked](Request& head) -> HttpHeadVerdict {
    ++asked;
    EXPECT_TRUE(head.body.empty());
    if (head.Header("Pass") == "yes") return {.body_bytes = 100'000};
    return {.status = 401,
            .error = Fail(ErrorCode::kUnauthenticated, "no pass for {}", head.path),
            .headers = {{"WWW-Authenticate", "Bearer"}}};
  };
  return options;
}

TEST_F(HttpServerTest, ARequestRefusedByItsHeadIsAnsweredBeforeItsBodyIsRead) {
  std::atomic<int> asked = 0;
  Serve(Judging(asked));
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& announced :
       {std::string("Content-Length: 10000000\r\n\r\n"), std::string("Content-Length: 5000\r\n\r\n12345"),
        std::string("Transfer-Encoding: chunked\r\n\r\n"),
        std::string("Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
        std::string("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")}) {
    RawClient client(address_);
    client.Send(head + announced);
    const std::string answer = client.ReadAll();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << announced << answer;
    EXPECT_NE(answer.find("WWW-Authenticate: Bearer\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
    EXPECT_NE(answer.find("no pass for /echo"), std::string::npos);
  }
  EXPECT_EQ(asked, 5);
  EXPECT_EQ(Stats().refused_requests, 5u);
  EXPECT_EQ(Stats().requests, 0u);
}

TEST_F(HttpServerTest, ClientsThatAreRefusedByTheirHeadsCostNoMemory) {
  std::atomic<int> asked = 0;
  auto options = Judging(asked);
  options.limits.buffered_bytes = 1'000'000;
  Serve(options);
  // Each announces more than all memory and would send it slowly; none leaves.
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<RawClient>(address_));
    clients.back()->Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" +
                         std::string(100'000, 'x'));
    EXPECT_TRUE(clients.back()->ReadUntil("}").starts_with("HTTP/1.1 401 "));
  }
  const std::string body(90'000, 'b');
  const auto reply = Fetch({.method = "POST", .target = "/echo", .headers = {{"Pass", "yes"}}, .body = body});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, body);
}

TEST_F(HttpServerTest, ARequestThatItsHeadLetsPassGoesOnWithinItsOwnLimit) {
  std::atomic<int> asked = 0;
  Serve(Judging(asked));
  RawClient client(address_);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nPass: yes\r\n";
  client.Send(head + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hello");
  EXPECT_TRUE(client.ReadUntil("hello").starts_with("HTTP/1.1 200 "));
  // Small ones are not asked about, whole or not.
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n" + std::string(4096, 's'));
  EXPECT_TRUE(client.ReadUntil(std::string(4096, 's')).starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(asked, 1);
  client.Send(head + "Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n");
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 413 "));
  RawClient chunked(address_);
  chunked.Send(head + "Transfer-Encoding: chunked\r\n\r\n186a1\r\n");
  EXPECT_TRUE(chunked.ReadAll().starts_with("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace altlas::net
