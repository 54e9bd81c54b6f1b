// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"

#include <nlohmann/json.hpp>

namespace altlas::app {

Result<std::string> AdminClient::Call(const std::string& method, const std::string& target,
                                      const std::string& body) const {
  net::HttpClientOptions options;
  options.address = net::Address::Unix(socket_.string());
  options.connect_timeout = std::chrono::seconds(2);
  options.timeout = std::chrono::seconds(30);
  net::HttpCall call;
  call.method = method;
  call.target = target;
  call.body = body;
  if (!body.empty()) call.headers.emplace_back("Content-Type", "application/json");
  auto reply = net::CallBlocking(options, std::move(call));
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

bool AdminClient::Reachable() const { return Call("GET", "/health/live").has_value(); }

}  // namespace altlas::app
