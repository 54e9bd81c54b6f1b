// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/router.h"
#include "net/test_support.h"

namespace altlas::net {

// A server on a thread of its own. Routes: GET /hello, POST /echo, GET /whoami, GET /hold (answered by
// Release), GET /stream (pieces by Push).
class HttpServerTest : public testing::Test {
 protected:
  void Serve(HttpServerOptions options = {}, const Address& address = Address::Tcp("127.0.0.1", 0),
             ListenOptions listen = {}) {
    router_.Add("GET", "/hello",
                [](const Request&, const auto& writer) { writer->SendJson(200, "{\"hello\":1}"); });
    router_.Add("POST", "/echo", [](const Request& request, const auto& writer) {
      writer->Send({.content_type = "a/b", .body = request.body});
    });
    router_.Add("GET", "/whoami", [](const Request& request, const auto& writer) {
      writer->SendJson(200, fmt::format("{} {} {}", request.remote_address,
                                        request.peer_uid ? fmt::format("{}", *request.peer_uid) : "-",
                                        request.secure ? "tls" : "plain"));
    });
    router_.Add("GET", "/large", [](const Request&, const auto& writer) {
      writer->Send({.body = std::string(8'000'000, 'z')});
    });
    router_.Add("GET", "/medium", [](const Request&, const auto& writer) {
      writer->Send({.body = std::string(300'000, 'm')});
    });
    router_.Add("GET", "/hold", [this](const Request&, const auto& writer) { Hold(writer); });
    router_.Add("GET", "/stream", [this](const Request&, const auto& writer) {
      writer->BeginStream({.content_type = "text/event-stream", .body = "begin\n"});
      Hold(writer);
    });
    thread_.Do([&] {
      server_ = std::make_unique<HttpServer>(
          thread_.loop(), std::move(options),
          [this](Request& request, const auto& writer) { router_.Handle(request, writer); });
      auto bound = server_->Listen(address, std::move(listen));
      ASSERT_TRUE(bound.has_value()) << bound.error().message;
      address_ = *bound;
    });
  }
  void TearDown() override {
    thread_.Do([&] {
      held_ = nullptr;
      server_.reset();
    });
  }
  void Hold(const std::shared_ptr<ResponseWriter>& writer) {
    held_ = writer;
    writer->OnGone([this] { gone_.set_value(); });
    holding_.set_value();
  }
  // What clients have sent or ended so far has reached the server: a later client's request is answered
  // after.
  void AwaitEvents() {
    RawClient later(address_);
    later.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_NE(later.ReadUntil("}"), "");
  }
  Result<HttpReply> Fetch(HttpCall call) { return CallBlocking(ClientOptions(), std::move(call)); }
  HttpClientOptions ClientOptions() { return {.address = address_}; }
  HttpServerStats Stats() {
    HttpServerStats stats;
    thread_.Do([&] { stats = server_->stats(); });
    return stats;
  }
  void WaitUntil(const std::function<bool(const HttpServerStats&)>& done) {
    ASSERT_TRUE(thread_.Until([&] { return done(server_->stats()); }));
  }

  LoopThread thread_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
  Address address_;
  std::shared_ptr<ResponseWriter> held_;
  std::promise<void> holding_, gone_;
};

}  // namespace altlas::net
