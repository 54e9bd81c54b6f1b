// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "net/http_server_fixture.h"
#include "net/test_certificate.h"

namespace altlas::net {
namespace {

using std::chrono::milliseconds;

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  Serve();
  RawClient client(address_);
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(client.ReadUntil("{\"hello\":1}").find("200 OK"), std::string::npos);
  }
  EXPECT_EQ(Stats().connections_accepted, 1u);
  EXPECT_EQ(Stats().requests, 3u);
  EXPECT_EQ(Stats().active_requests, 0u);
}

TEST_F(HttpServerTest, ThousandPipelinedRequestsAreAnsweredInOrder) {
  Serve();
  RawClient client(address_);
  std::thread sender([&] {
    for (int i = 0; i < 1000; ++i) {
      const std::string body = fmt::format("<{}>", i);
      client.Send(
          fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
    }
    client.ShutdownWrite();
  });
  const std::string all = client.ReadAll();
  sender.join();
  std::size_t at = 0;
  for (int i = 0; i < 1000; ++i) {
    at = all.find(fmt::format("<{}>", i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(HttpServerTest, RefusedRequestGetsItsErrorEvenWhileItsBytesKeepComing) {
  Serve();
  RawClient client(address_);
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n" +
              std::string(500'000, 'x'));
  client.ShutdownWrite();
  const std::string answer = client.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  EXPECT_NE(answer.find("two Content-Length fields"), std::string::npos);
  EXPECT_EQ(Stats().refused_requests, 1u);
}

// The states one by one: http_connection_test.cc. Here, that the sweep runs.
TEST_F(HttpServerTest, SlowSendersAreCutWith408) {
  HttpServerOptions options;
  options.limits.head_timeout = options.limits.body_timeout = std::chrono::seconds(4);
  Serve(options);
  RawClient head(address_), body(address_);
  head.Send("GET /hello HT");
  body.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_TRUE(head.ReadAll().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(body.ReadAll().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(Stats().slow_clients, 2u);
}

TEST_F(HttpServerTest, LargeAnswersArriveWhole) {
  Serve();
  const auto reply = Fetch({.target = "/large"});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, std::string(8'000'000, 'z'));
}

// Like `nc -N`: the request is whole, only nothing more will be sent.
TEST_F(HttpServerTest, AClientThatEndsItsSideGetsItsWholeAnswerAndThenTheEnd) {
  Serve();
  RawClient client(address_);
  client.Send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  holding_.get_future().wait();
  client.ShutdownWrite();
  AwaitEvents();
  auto gone = gone_.get_future();
  thread_.Do([&] { std::exchange(held_, nullptr)->SendJson(200, "{\"late\":1}"); });
  const auto answer = client.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n{\"late\":1}")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  EXPECT_EQ(gone.wait_for(milliseconds(0)), std::future_status::timeout);
}

TEST_F(HttpServerTest, AClientThatEndsItsSideGetsAWholeStream) {
  Serve();
  RawClient client(address_);
  client.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  holding_.get_future().wait();
  client.ShutdownWrite();
  AwaitEvents();
  thread_.Do([&] {
    EXPECT_TRUE(held_->Write("more\n"));
    std::exchange(held_, nullptr)->End();
  });
  const auto answer = client.ReadAll();
  EXPECT_TRUE(answer.ends_with("6\r\nbegin\n\r\n5\r\nmore\n\r\n0\r\n\r\n")) << answer;
}

// It looks like one that only ended its side until something is sent: then its system says that it is gone.
TEST_F(HttpServerTest, HandlerIsToldOfAClientThatClosedOnceItWrites) {
  Serve();
  {
    RawClient client(address_);
    client.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    client.ReadUntil("begin\n\r\n");
    holding_.get_future().wait();
  }
  AwaitEvents();
  auto gone = gone_.get_future();
  EXPECT_EQ(gone.wait_for(milliseconds(0)), std::future_status::timeout);
  thread_.Do([&] { held_->Write("more"); });
  gone.wait();
  thread_.Do([&] { EXPECT_FALSE(held_->Write("more")); });
}

// A Unix socket tells an end of both sides from an end of one.
TEST_F(HttpServerTest, HandlerIsToldAtOnceOfALocalClientThatCloses) {
  TemporaryFolder folder;
  Serve({}, Address::Unix(folder.path() / "admin.sock"));
  {
    RawClient client(address_);
    client.Send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    holding_.get_future().wait();
  }
  gone_.get_future().wait();
}

TEST_F(HttpServerTest, HandlerIsToldOfAResetInTheMiddleOfAStream) {
  Serve();
  RawClient client(address_);
  client.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.ReadUntil("begin").find("Transfer-Encoding: chunked"), std::string::npos);
  holding_.get_future().wait();
  client.Reset();
  gone_.get_future().wait();
  thread_.Do([&] { EXPECT_FALSE(held_->Write("more")); });
}

TEST_F(HttpServerTest, ClientOverTheLimitIsToldAndAPlaceIsFreedByLeaving) {
  HttpServerOptions options;
  options.limits.connections = 2;
  Serve(options);
  auto first = std::make_unique<RawClient>(address_);
  RawClient second(address_);
  for (auto* client : {first.get(), &second}) {
    client->Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(client->ReadUntil("}"), "");
  }
  RawClient third(address_);
  third.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  third.ShutdownWrite();
  EXPECT_TRUE(third.ReadAll().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(Stats().connections_refused, 1u);
  first.reset();
  WaitUntil([](const auto& stats) { return stats.connections <= 1; });
  RawClient fourth(address_);
  fourth.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(fourth.ReadUntil("}").starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, DrainFinishesWhatRunsClosesTheRestAndStopsListening) {
  Serve();
  RawClient idle(address_), busy(address_);
  idle.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.ReadUntil("}");
  busy.Send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  holding_.get_future().wait();
  std::promise<void> drained;
  thread_.Do([&] { server_->Drain(std::chrono::seconds(60), [&] { drained.set_value(); }); });
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_FALSE(RawClient(address_).connected());
  thread_.Do([&] { std::exchange(held_, nullptr)->SendJson(200, "{}"); });
  const std::string answer = busy.ReadAll();
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  busy.Reset();
  drained.get_future().wait();
}

TEST_F(HttpServerTest, DrainCutsWhatOutlivesItsLimitAndTellsTheHandler) {
  Serve();
  RawClient client(address_);
  client.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  holding_.get_future().wait();
  std::promise<void> drained;
  thread_.Do([&] { server_->Drain(milliseconds(50), [&] { drained.set_value(); }); });
  gone_.get_future().wait();
  drained.get_future().wait();
  EXPECT_EQ(client.ReadAll().find("\r\n0\r\n\r\n"), std::string::npos)
      << "a cut stream must not look complete";
}

TEST_F(HttpServerTest, UnixSocketKnowsItsClientsUser) {
  TemporaryFolder folder;
  Serve({}, Address::Unix(folder.path() / "admin.sock"));
  const auto reply = Fetch({.target = "/whoami"});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body, fmt::format("unix {} plain", ::getuid()));
}

TEST_F(HttpServerTest, TlsServesTheSameAndRefusesStrangers) {
  TemporaryFolder folder;
  MakeCertificate(folder.path() / "server");
  ListenOptions listen;
  listen.stream.tls =
      *TlsContext::ForServer({folder.path() / "server.pem", folder.path() / "server.key", {}});
  Serve({}, Address::Tcp("127.0.0.1", 0), listen);
  auto options = ClientOptions();
  options.tls = *TlsContext::ForClient({.ca_file = folder.path() / "server.pem"});
  const auto reply = CallBlocking(options, {.target = "/whoami"});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_TRUE(reply->body.ends_with(" - tls")) << reply->body;
  const std::string body(300'000, 'b');
  const auto echo = CallBlocking(options, {.method = "POST", .target = "/echo", .body = body});
  ASSERT_TRUE(echo.has_value()) << echo.error().message;
  EXPECT_EQ(echo->body, body);
  options.tls = *TlsContext::ForClient({});
  EXPECT_EQ(CallBlocking(options, {.target = "/whoami"}).error().code, ErrorCode::kDenied);
  RawClient plain(address_);
  plain.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(plain.ReadAll().find("HTTP/1.1"), std::string::npos);
}

TEST_F(HttpServerTest, ThousandConnectionsComeAndGoWithoutALeftover) {
  Serve();
  for (int i = 0; i < 1000; ++i) {
    RawClient client(address_);
    ASSERT_TRUE(client.connected());
    switch (i % 4) {
      case 0:
        client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(client.ReadUntil("}").ends_with("{\"hello\":1}"));
        break;
      case 1:
        client.Send("GET /hel");
        break;
      case 2:
        client.Send("GET /medium HTTP/1.1\r\nHost: x\r\n\r\n");
        client.Reset();
        break;
      default:
        client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_TRUE(client.ReadAll().ends_with("{\"hello\":1}"));
    }
  }
  WaitUntil([](const auto& stats) { return stats.connections == 0; });
  EXPECT_EQ(Stats().connections_accepted, 1000u);
  EXPECT_EQ(Stats().active_requests, 0u);
  EXPECT_EQ(Stats().buffered_bytes, 0u);
}

TEST_F(HttpServerTest, DestroyedWithRequestsInFlightTellsNobody) {
  Serve();
  RawClient client(address_);
  client.Send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  holding_.get_future().wait();
  thread_.Do([&] { server_.reset(); });
  EXPECT_EQ(client.ReadAll(), "");
  bool called = false;
  thread_.Do([&] {
    held_->OnGone([&] { called = true; });
    held_->SendJson(200, "{}");
  });
  thread_.Do([] {});
  EXPECT_FALSE(called);
}

// A program's output, or nothing where it is not installed.
std::optional<std::string> RunCurl(const std::string& arguments) {
  if (std::system("command -v curl >/dev/null 2>&1") != 0) return std::nullopt;
  std::FILE* pipe = ::popen(("curl -sS --max-time 60 " + arguments + " 2>&1").c_str(), "r");
  std::string output;
  char piece[4096];
  for (std::size_t size = 0; (size = std::fread(piece, 1, sizeof(piece), pipe)) > 0;)
    output.append(piece, size);
  ::pclose(pipe);
  return output;
}

TEST_F(HttpServerTest, CurlIsServedPlainOverTlsOverAUnixSocketChunkedAndWithContinue) {
  TemporaryFolder folder;
  MakeCertificate(folder.path() / "server");
  Serve();
  if (!RunCurl("--version")) GTEST_SKIP() << "curl is not installed";
  Address tls_address;
  const Address unix_address = Address::Unix(folder.path() / "c.sock");
  thread_.Do([&] {
    ListenOptions tls;
    tls.stream.tls = *TlsContext::ForServer({folder.path() / "server.pem", folder.path() / "server.key", {}});
    tls_address = *server_->Listen(Address::Tcp("127.0.0.1", 0), tls);
    ASSERT_TRUE(server_->Listen(unix_address));
  });
  const std::string base = "http://" + address_.ToString();
  const std::string body(100'000, 'q');
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "body", body));
  const std::string from_file = "--data-binary @" + (folder.path() / "body").string() + " ";
  EXPECT_EQ(RunCurl(base + "/hello " + base + "/hello"), "{\"hello\":1}{\"hello\":1}");
  EXPECT_EQ(RunCurl(from_file + "-H 'Expect: 100-continue' " + base + "/echo"), body);
  EXPECT_EQ(RunCurl(from_file + "-H 'Transfer-Encoding: chunked' " + base + "/echo"), body);
  EXPECT_EQ(RunCurl("--http1.0 " + base + "/hello"), "{\"hello\":1}");
  EXPECT_EQ(RunCurl("--cacert " + (folder.path() / "server.pem").string() + " https://" +
                    tls_address.ToString() + "/hello"),
            "{\"hello\":1}");
  EXPECT_EQ(RunCurl("--unix-socket " + unix_address.path + " http://localhost/whoami"),
            fmt::format("unix {} plain", ::getuid()));
  EXPECT_NE(RunCurl("-I " + base + "/hello")->find("Content-Length: 11"), std::string::npos);
  EXPECT_NE(RunCurl("-i -X POST " + base + "/hello")->find("Allow: GET, HEAD, OPTIONS"), std::string::npos);
}

}  // namespace
}  // namespace altlas::net
