// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"

#include <nlohmann/json.hpp>

#include "output.h"

namespace altlas::app {
namespace {

constexpr Duration kSayThatItWaits = std::chrono::seconds(2);
constexpr std::chrono::seconds kLongestWait{30};

Result<net::HttpReply> CallAndSayWhenItWaits(const net::HttpClientOptions& options, net::HttpCall call) {
  ALTLAS_TRY(const auto loop, net::IoLoop::Create());
  Result<net::HttpReply> result = Fail(ErrorCode::kInternal, "the call did not end");
  const auto note = loop->RunAfter(kSayThatItWaits, [&] {
    Note("alt_las: waiting for the server on {}, for {} s at most\n", options.address.path,
         kLongestWait.count());
  });
  net::HttpClient client(*loop, options);
  const auto pending = client.Call(std::move(call), [&](Result<net::HttpReply> reply) {
    result = std::move(reply);
    loop->Stop();
  });
  loop->Run();
  return result;
}

}  // namespace

Result<std::string> AdminClient::Call(const std::string& method, const std::string& target,
                                      const std::string& body) const {
  net::HttpClientOptions options;
  options.address = net::Address::Unix(socket_.string());
  options.connect_timeout = std::chrono::seconds(2);
  options.timeout = kLongestWait;
  net::HttpCall call;
  call.method = method;
  call.target = target;
  call.body = body;
  if (!body.empty()) call.headers.emplace_back("Content-Type", "application/json");
  auto reply = CallAndSayWhenItWaits(options, std::move(call));
  if (!reply.has_value() && reply.error().code == ErrorCode::kTimeout)
    return Fail(
        ErrorCode::kTimeout,
        "a server is there on {}, and it did not answer within {} s: it is stopped or hangs; look at its "
        "log, and end it if it does not go on",
        socket_.string(), kLongestWait.count());
  if (!reply.has_value())
    return Fail(
        ErrorCode::kUnavailable,
        "no server answers on {} ({}); start one with `alt_las serve`, or name its folder with --state",
        socket_.string(), reply.error().message);
  if (reply->status >= 200 && reply->status < 300) return std::move(reply->body);
  const auto json = nlohmann::json::parse(reply->body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object()) {
    const auto& e = json["error"];
    const auto code = ParseErrorCode(e.value("code", "internal")).value_or(ErrorCode::kInternal);
    return Error{code, e.value("message", std::string("the server refuses"))};
  }
  return Fail(ErrorCode::kInternal, "the server answered with status {}", reply->status);
}

Result<bool> AdminClient::Reachable() const {
  const auto answer = Call("GET", "/health/live");
  if (!answer.has_value() && answer.error().code == ErrorCode::kTimeout) return answer.error();
  return answer.has_value();
}

}  // namespace altlas::app
