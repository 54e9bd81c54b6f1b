// SPDX-License-Identifier: Apache-2.0
// A whole server session with its router on any bytes, in pieces of any size: never more answers than
// requests could be there, the same requests and answers however the bytes are cut, memory within its limit.
// Some answers come later, while further bytes are being read.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_session.h"
#include "net/router.h"

namespace {

using namespace altlas::net;

void Require(bool holds) {
  if (!holds) std::abort();
}

const Router& Routes() {
  static const Router router = [] {
    Router made;
    const auto echo = [](const Request& request, const std::shared_ptr<ResponseWriter>& writer) {
      std::string text(request.path);
      text += request.Param("id");
      text += request.Param("rest");
      for (const auto& [name, value] : request.QueryPairs()) text += name + value;
      text += request.body;
      const HeaderField field{"X-Echo", request.Param("id")};
      writer->Send({.body = text, .headers = {&field, 1}});
    };
    made.Add("GET", "/task/{id}", echo);
    made.Add("POST", "/task/{id}/x", echo);
    made.Add("GET", "/ui/{rest*}", echo);
    made.Add("GET", "/stream", [](const Request&, const std::shared_ptr<ResponseWriter>& writer) {
      writer->BeginStream({.body = "a"});
      writer->Write("b");
      writer->End();
    });
    return made;
  }();
  return router;
}

class Wire final : public HttpSession::Host {
 public:
  Wire() : shared_(std::make_shared<HttpShared>()) {
    shared_->options.limits.buffered_bytes = 1u << 20;
    shared_->options.limits.body_bytes = 64u << 10;
    shared_->options.cors.origins = {"o"};
    shared_->options.check_head = [](Request& head) -> HttpHeadVerdict {
      if (head.path == "/stream") return {.status = 401, .error = {}, .headers = {{"X", "y"}}};
      return {.body_bytes = 32u << 10};
    };
    shared_->handler = [this](Request& request, const std::shared_ptr<ResponseWriter>& writer) {
      ++handled_;
      if (request.path == "/later") {
        later_ = writer;
      } else {
        Routes().Handle(request, writer);
      }
    };
    shared_->post = [](std::function<void()> function) { function(); };
    session_ = std::make_unique<HttpSession>(shared_, PeerInfo{"peer", {}, {}}, false, output_, *this);
  }
  void Feed(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!session_->wants_input()) {
        Require(AnswerLater());
        continue;
      }
      const auto space = session_->ReadSpace();
      Require(!space.empty());
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      bytes.remove_prefix(size);
      // The read is under way, or done and not told yet.
      AnswerLater();
      session_->OnBytes(size);
      Require(shared_->stats.buffered_bytes <= 1u << 20);
      all_ += std::exchange(output_, {});
    }
  }
  void End() {
    while (AnswerLater()) {
    }
    session_->OnEndOfInput();
    all_ += std::exchange(output_, {});
    Require(session_->phase() == HttpSession::Phase::kClosed);
    Require(shared_->stats.active_requests == 0);
    session_.reset();
    Require(shared_->stats.buffered_bytes == 0);
  }
  const std::string& all() const { return all_; }
  int handled() const { return handled_; }

 private:
  bool AnswerLater() {
    if (later_ == nullptr) return false;
    std::exchange(later_, nullptr)->SendJson(200, "\"later\"");
    session_->Continue();
    all_ += std::exchange(output_, {});
    return true;
  }
  void OutputReady() override {}
  void ContinueSoon() override {}
  std::size_t Backlog() const override { return output_.size(); }
  std::shared_ptr<HttpShared> shared_;
  std::string output_;
  std::string all_;
  int handled_ = 0;
  std::shared_ptr<ResponseWriter> later_;
  std::unique_ptr<HttpSession> session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = data[0] + 1u;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Wire whole, pieces;
  whole.Feed(text);
  for (std::size_t at = 0; at < text.size(); at += step) pieces.Feed(text.substr(at, step));
  whole.End();
  pieces.End();
  Require(whole.handled() == pieces.handled());
  // Pieces may have been asked to go on with 100 Continue where the whole was not.
  std::string without = pieces.all();
  const std::string ask = "HTTP/1.1 100 Continue\r\n\r\n";
  for (auto at = without.find(ask); at != std::string::npos; at = without.find(ask))
    without.erase(at, ask.size());
  std::string expected = whole.all();
  for (auto at = expected.find(ask); at != std::string::npos; at = expected.find(ask))
    expected.erase(at, ask.size());
  Require(without == expected);
  return 0;
}
