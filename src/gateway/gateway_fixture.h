// SPDX-License-Identifier: Apache-2.0
// The routes over a real pool and store, with writers in the place of connections.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/test_support.h"
#include "pool/pool_fixture.h"

namespace altlas::gateway {

using Json = nlohmann::json;

class GatewayTest : public pool::PoolTest {
 protected:
  // `keys` false: as with auth.enabled off.
  void Serve(bool keys = true) {
    MakePool();
    MakeDevices(1);
    keys_ = std::make_unique<KeyRing>(store_->keys(), clock_, loop_->AsExecutor(), keys, RateLimit{});
    secret_ = MakeKey("admin", store::ScopeSet::All());
    OpenGateway();
  }
  void OpenGateway() {
    config::ModelConfig model;
    model.name = "echo";
    gateway_ = std::make_unique<Gateway>(
        GatewayDeps{*loop_, clock_, *pool_, *store_, *keys_, config_, *registry_, {model}, {}});
    handler_ = gateway_->Handler();
  }
  std::string MakeKey(std::string name, store::ScopeSet scopes) {
    std::string secret;
    keys_->Create(std::move(name), scopes, {}, [&](auto key) { secret = key->secret; });
    RunUntil([&] { return !secret.empty(); });
    return secret;
  }

  struct Asked {
    std::shared_ptr<FakeAnswer> answer = std::make_shared<FakeAnswer>();
    std::weak_ptr<FakeWriter> writer;  // gone once nobody can answer any more
    Json json() const { return Json::parse(answer->body); }
  };
  Asked Ask(std::string_view method, std::string_view path, std::string_view query = "",
            std::string body = "", std::vector<net::HeaderField> headers = {}) {
    Asked asked;
    const auto writer = std::make_shared<FakeWriter>(asked.answer);
    asked.writer = writer;
    body.append(net::Request::kBodyPadding, ' ');
    const auto bearer = "Bearer " + secret_;
    if (!secret_.empty()) headers.push_back({"Authorization", bearer});
    net::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.headers = headers;
    request.body = std::string_view(body).substr(0, body.size() - net::Request::kBodyPadding);
    handler_(request, writer);
    return asked;
  }
  // Until the answer is complete.
  Asked Await(std::string_view method, std::string_view path, std::string_view query = "",
              std::string body = "", std::vector<net::HeaderField> headers = {}) {
    auto asked = Ask(method, path, query, std::move(body), std::move(headers));
    RunUntil([&] { return asked.answer->ended; });
    return asked;
  }
  TaskId PredictOne() {
    const auto asked = Ask("POST", "/api/v1/predict", "", R"({"text":"hello"})");
    RunUntil([&] { return asked.answer->ended; });
    return TaskId::Parse(asked.json()["task_id"].get<std::string>()).value_or(TaskId{});
  }
  std::string PathOf(const TaskId& id) { return "/api/v1/task/" + id.ToString(); }

  FixedConfig config_;
  std::unique_ptr<KeyRing> keys_;
  std::string secret_;
  std::unique_ptr<Gateway> gateway_;
  net::HttpHandler handler_;
};

}  // namespace altlas::gateway
