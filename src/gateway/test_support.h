// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/gateway.h"

namespace altlas::gateway {

// The defaults, with what a test changes before it serves.
class FixedConfig final : public ConfigAccess {
 public:
  const config::LoadedConfig& current() const override { return loaded_; }
  Status Set(std::string_view, std::string_view, bool) override { return {}; }
  config::Config& edit() { return loaded_.config; }

 private:
  config::LoadedConfig loaded_;
};

// What one answer came to.
struct FakeAnswer {
  int status = 0;
  std::string content_type;                                  // without its parameters
  std::string content_parameters;                            // from the ';' on
  std::vector<std::pair<std::string, std::string>> headers;  // beside the usual ones
  std::string body;
  bool ended = false;
  // Empty where there is none.
  std::string Header(std::string_view name) const {
    for (const auto& [known, value] : headers) {
      if (net::EqualsIgnoreCase(known, name)) return value;
    }
    return "";
  }
};

// Keeps the contract of ResponseWriter without a connection; Leave is the client's leaving. The answer
// outlives it.
class FakeWriter final : public net::ResponseWriter {
 public:
  explicit FakeWriter(std::shared_ptr<FakeAnswer> answer) : answer_(std::move(answer)) {}
  void Send(const net::Response& response) override {
    BeginStream(response);
    End();
  }
  void BeginStream(const net::Response& head) override {
    if (answer_->status != 0) return;
    answer_->status = head.status;
    for (const auto& [name, value] : head.headers) answer_->headers.emplace_back(name, value);
    answer_->content_type = head.content_type.substr(0, head.content_type.find(';'));
    answer_->content_parameters = head.content_type.substr(answer_->content_type.size());
    answer_->body = head.body;
  }
  bool Write(std::string_view bytes) override {
    if (!gone_ && !answer_->ended) answer_->body += bytes;
    return !gone_ && !answer_->ended;
  }
  void End() override {
    answer_->ended = true;
    const auto unused = std::exchange(on_gone_, nullptr);
  }
  void OnGone(std::function<void()> function) override {
    if (!answer_->ended) on_gone_ = std::move(function);
  }
  void Leave() {
    gone_ = true;
    if (const auto function = std::exchange(on_gone_, nullptr)) function();
  }

 private:
  std::shared_ptr<FakeAnswer> answer_;  // shared with the test
  std::function<void()> on_gone_;
  bool gone_ = false;
};

}  // namespace altlas::gateway
