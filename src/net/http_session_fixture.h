// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_session.h"

namespace altlas::net {

// A session without a socket: bytes are fed by hand, posts run when told.
class Wire final : public HttpSession::Host {
 public:
  explicit Wire(HttpHandler handler, HttpServerOptions options = {})
      : shared_(std::make_shared<HttpShared>()) {
    shared_->options = std::move(options);
    shared_->handler = std::move(handler);
    shared_->post = [this](std::function<void()> function) { posts_.push_back(std::move(function)); };
    shared_->date_line = "Date: now\r\n";
    session_ = std::make_unique<HttpSession>(shared_, PeerInfo{"1.2.3.4:5", {}, {}}, false, output_, *this);
  }
  // Gives what the session reads now; the rest is left over, as the kernel keeps it.
  std::string_view Feed(std::string_view bytes) {
    while (!bytes.empty() && session_->wants_input()) {
      const auto space = session_->ReadSpace();
      if (space.empty()) continue;
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      bytes.remove_prefix(size);
      session_->OnBytes(size);
    }
    RunPosts();
    return bytes;
  }
  void RunPosts() {
    while (!posts_.empty()) {
      const auto function = std::move(posts_.front());
      posts_.pop_front();
      function();
    }
  }
  std::string Take() { return std::exchange(output_, {}); }
  const std::string& output() const { return output_; }
  HttpSession& session() { return *session_; }
  HttpShared& shared() { return *shared_; }
  void Close() { session_.reset(); }

 private:
  void OutputReady() override {}
  void ContinueSoon() override {
    posts_.push_back([this] {
      if (session_ != nullptr) session_->Continue();
    });
  }
  std::size_t Backlog() const override { return output_.size(); }
  std::shared_ptr<HttpShared> shared_;
  std::string output_;
  std::deque<std::function<void()>> posts_;
  std::unique_ptr<HttpSession> session_;
};

// Answers with what it understood of the request.
inline void Echo(const Request& request, const std::shared_ptr<ResponseWriter>& writer) {
  std::string text = fmt::format("{} {} ?{} {} [{}]", request.method, request.path, request.query,
                                 request.headers.size(), request.body);
  writer->Send({.content_type = "text/plain", .body = text});
}

inline std::string Ok(std::string_view body) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}", body.size(),
      body);
}

// The answer to `bytes` fed in the pieces that end at `cuts`.
inline std::string Answer(std::string_view bytes, const std::vector<std::size_t>& cuts = {},
                          HttpServerOptions options = {}) {
  Wire wire(Echo, std::move(options));
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    wire.Feed(bytes.substr(from, cut - from));
    from = cut;
  }
  wire.Feed(bytes.substr(from));
  wire.session().OnEndOfInput();
  return wire.Take();
}

inline int StatusOf(std::string_view answer) {
  return answer.size() > 12 ? std::atoi(std::string(answer.substr(9, 3)).c_str()) : 0;
}

inline std::string Get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}
inline std::string Post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace altlas::net
