// SPDX-License-Identifier: Apache-2.0
#include "net/http_session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/log.h"

namespace altlas::net {
namespace {

constexpr std::size_t kPipelinedBytes = 64u << 10;  // read ahead while a request is handled
constexpr std::size_t kOutputHighWater =
    1u << 20;  // no further pipelined request is begun while this much waits to be sent

bool IsKnownMethod(std::string_view method) {
  constexpr std::array<std::string_view, 7> kMethods = {"GET",    "POST",    "HEAD", "PUT",
                                                        "DELETE", "OPTIONS", "PATCH"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

bool OriginAllowed(const CorsOptions& cors, std::string_view origin) {
  if (origin.empty() || cors.origins.empty()) return false;
  return std::any_of(cors.origins.begin(), cors.origins.end(),
                     [&](const auto& allowed) { return allowed == "*" || allowed == origin; });
}

HeadLimits LimitsOfHead(const HttpLimits& limits) {
  return {limits.header_bytes, limits.header_count, limits.target_bytes};
}

}  // namespace

HttpSession::HttpSession(std::shared_ptr<HttpShared> shared, PeerInfo peer, bool secure, std::string& output,
                         Host& host)
    : shared_(std::move(shared)),
      peer_(std::move(peer)),
      secure_(secure),
      output_(output),
      host_(host),
      buffer_(*shared_) {}

HttpSession::~HttpSession() { ReleaseExchange(); }

// Lets go of an exchange that is not answered: whoever holds its writer talks to nobody from now on.
void HttpSession::ReleaseExchange() {
  if (exchange_ == nullptr || exchange_->session_ == nullptr) return;
  exchange_->session_ = nullptr;
  exchange_->state_ = HttpExchange::State::kDone;
  if (phase_ == Phase::kHandling) --shared_->stats.active_requests;
  const auto unused = std::exchange(exchange_->on_gone_, nullptr);
}

bool HttpSession::wants_input() const {
  if (input_ended_) return false;
  if (phase_ == Phase::kHandling) return !buffer_full_ && buffer_.size() < kPipelinedBytes;
  return phase_ == Phase::kClosed || host_.Backlog() < kOutputHighWater;
}

std::span<char> HttpSession::ReadSpace() {
  if (phase_ == Phase::kClosed) buffer_.Consume(buffer_.size());
  std::size_t wanted = 4096;
  if (phase_ == Phase::kBody) wanted = chunks_ ? 64u << 10 : body_wanted_ - buffer_.size();
  auto space = buffer_.Space(wanted);
  if (!space.empty()) return space;
  buffer_full_ = true;
  // The output belongs to the answer that is under way: what comes behind its request waits in the kernel.
  if (phase_ == Phase::kHandling) return {};
  // No memory for more of this request: it is refused as soon as the host calls OnBytes, its bytes go
  // nowhere.
  buffer_.Consume(buffer_.size());
  return buffer_.Space(1);
}

void HttpSession::OnBytes(std::size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  buffer_.Added(bytes);
  if (std::exchange(buffer_full_, false)) {
    return Refuse(503, Fail(ErrorCode::kOverloaded,
                            "the server holds {} bytes of unfinished requests, its limit; retry later",
                            shared_->stats.buffered_bytes));
  }
  Run();
}

void HttpSession::Continue() { Run(); }

void HttpSession::Run() {
  if (running_) return;
  running_ = true;
  while (Step()) {
  }
  running_ = false;
  if (input_ended_ && phase_ != Phase::kHandling) phase_ = Phase::kClosed;
}

// One step of the work that the buffered bytes allow; false where there is none.
bool HttpSession::Step() {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kHead:
      return host_.Backlog() < kOutputHighWater && StepHead();
    case Phase::kBody:
      return chunks_ ? StepChunked() : StepBody();
    case Phase::kHandling:
    case Phase::kClosed:
      return false;
  }
  return false;
}

bool HttpSession::StepHead() {
  auto text = buffer_.view();
  while (phase_ == Phase::kIdle && text.starts_with("\r\n")) {
    // RFC 9112 2.2: an empty line before a request is a remnant of the last one.
    buffer_.Consume(2);
    text.remove_prefix(2);
  }
  if (text.empty() || text == "\r") return false;
  phase_ = Phase::kHead;
  const auto limits = LimitsOfHead(shared_->options.limits);
  const auto size = scanner_.Scan(text, limits);
  if (!size) {
    Refuse(scanner_.refused_status(), size.error());
    return false;
  }
  if (*size == 0) return false;
  scanner_.Reset();
  head_size_ = *size;
  if (const auto refusal = ParseRequestHead(text.substr(0, *size), limits, head_)) {
    Refuse(refusal->status, refusal->error);
    return false;
  }
  if (!IsKnownMethod(head_.method)) {
    Refuse(501, Fail(ErrorCode::kUnsupported, "the method '{}' is not served", head_.method));
    return false;
  }
  if (!AdmitBody()) return false;
  continue_sent_ = false;
  if (head_.chunked) {
    chunks_.emplace();
    decoded_ = 0;
  } else {
    body_wanted_ = head_size_ + static_cast<std::size_t>(head_.content_length.value_or(0));
  }
  phase_ = Phase::kBody;
  return true;
}

// Whether the body that the head announces may come.
bool HttpSession::AdmitBody() {
  const std::size_t length = static_cast<std::size_t>(head_.content_length.value_or(0));
  body_limit_ = shared_->options.limits.body_bytes;
  if (head_.chunked || length > (head_.expect_continue ? 0 : kUncheckedBodyBytes)) {
    const auto verdict = JudgeHead();
    if (verdict.status != 0) {
      RefuseHead(verdict);
      return false;
    }
    body_limit_ = std::min(body_limit_, verdict.body_bytes);
  }
  if (length <= body_limit_) return true;
  Refuse(413, Fail(ErrorCode::kTooLarge, "the body has {} bytes, the limit is {}; send less", length,
                   body_limit_));
  return false;
}

HttpHeadVerdict HttpSession::JudgeHead() {
  if (!shared_->options.check_head) return {};
  FillRequest();
  try {
    return shared_->options.check_head(request_);
  } catch (const std::exception& e) {
    ALTLAS_ERROR("net", "a check of a request's head threw", {"method", head_.method}, {"path", head_.path},
                 {"what", e.what()});
    return {.status = 500, .error = Fail(ErrorCode::kInternal, "the request could not be handled")};
  }
}

void HttpSession::RefuseHead(const HttpHeadVerdict& verdict) {
  ++shared_->stats.refused_requests;
  head_.keep_alive = false;
  BeginExchange();
  std::vector<HeaderField> fields;
  for (const auto& [name, value] : verdict.headers) fields.push_back({name, value});
  exchange_->SendError(verdict.status, verdict.error, fields);
}

bool HttpSession::StepBody() {
  if (buffer_.size() >= body_wanted_) {
    Dispatch(head_size_, body_wanted_ - head_size_, body_wanted_);
    return true;
  }
  if (head_.expect_continue && !std::exchange(continue_sent_, true) && buffer_.size() == head_size_) {
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  return false;
}

// Decodes in place: the body's bytes move forward until they stand right behind the head.
bool HttpSession::StepChunked() {
  const std::size_t start = head_size_ + decoded_;
  auto raw = buffer_.view().substr(start);
  const std::size_t raw_size = raw.size();
  char* write = buffer_.data() + start;
  while (!raw.empty() && !chunks_->done()) {
    const auto piece = chunks_->Next(raw, body_limit_);
    if (!piece) {
      Refuse(piece.error().code == ErrorCode::kTooLarge ? 413 : 400, piece.error());
      return false;
    }
    if (!piece->empty()) std::memmove(write, piece->data(), piece->size());
    write += piece->size();
    decoded_ += piece->size();
  }
  const std::size_t used = raw_size - raw.size();
  const std::size_t kept = head_size_ + decoded_ - start;
  if (chunks_->done()) {
    chunks_.reset();
    Dispatch(head_size_, decoded_, start + used);
    return true;
  }
  buffer_.Cut(start + kept, used - kept);
  if (head_.expect_continue && !std::exchange(continue_sent_, true) && raw_size == 0) {
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  return false;
}

// The request is whole: head, then body, in the buffer's first bytes; `raw_size` bytes of it belong to the
// request.
void HttpSession::Dispatch(std::size_t head_size, std::size_t body_size, std::size_t raw_size) {
  const char* start = buffer_.data();
  buffer_.PadAfter(head_size + body_size);
  // The buffer may have moved since the head was read.
  if (head_.method.data() != start)
    ParseRequestHead({start, head_size}, LimitsOfHead(shared_->options.limits), head_);
  BeginExchange();
  buffer_.Consume(raw_size);  // the bytes stay where they are until the next read
  if (AnswerHere(head_)) return;
  ++shared_->stats.requests;
  FillRequest();
  request_.body = {start + head_size, body_size};
  Handle(request_);
}

void HttpSession::BeginExchange() {
  if (exchange_ == nullptr || writer_.use_count() > 1) {
    auto fresh = std::make_shared<HttpExchange>(shared_);
    exchange_ = fresh.get();
    writer_ = std::move(fresh);
  }
  exchange_->Reset(this, head_, OriginAllowed(shared_->options.cors, head_.origin));
  ++requests_;
  ++shared_->stats.active_requests;
  phase_ = Phase::kHandling;
}

// All but the body.
void HttpSession::FillRequest() {
  request_.method = head_.method;
  request_.path = head_.path;
  request_.query = head_.query;
  request_.headers = head_.fields;
  request_.body = {};
  request_.remote_address = peer_.name;
  request_.peer_uid = peer_.uid;
  request_.secure = secure_;
  request_.params.Truncate(0);
}

// What needs no handler: a browser's question before a request from another origin, and the target "*".
bool HttpSession::AnswerHere(const RequestHead& head) {
  if (head.method != "OPTIONS") return false;
  if (head.preflight && !exchange_->allowed_origin_.empty()) {
    const auto& cors = shared_->options.cors;
    const std::string age = std::to_string(cors.max_age_seconds);
    const std::array<HeaderField, 3> fields = {
        HeaderField{"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
        HeaderField{"Access-Control-Allow-Headers", cors.headers},
        HeaderField{"Access-Control-Max-Age", age}};
    exchange_->Send({.status = 204, .headers = fields});
    return true;
  }
  if (head.path != "*") return false;
  const HeaderField allow{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
  exchange_->Send({.status = 204, .headers = {&allow, 1}});
  return true;
}

void HttpSession::Handle(Request& request) {
  try {
    shared_->handler(request, writer_);
  } catch (const std::exception& e) {
    ALTLAS_ERROR("net", "a request handler threw", {"method", request.method}, {"path", request.path},
                 {"what", e.what()});
    if (exchange_->state_ == HttpExchange::State::kPending) {
      exchange_->SendError(500, Fail(ErrorCode::kInternal, "the request could not be handled"));
    } else if (phase_ == Phase::kHandling) {
      Abort();
    }
  }
  CheckAbandoned();
}

bool HttpSession::CheckAbandoned() {
  if (phase_ != Phase::kHandling || writer_.use_count() > 1 ||
      exchange_->state_ == HttpExchange::State::kDone)
    return false;
  if (exchange_->state_ == HttpExchange::State::kPending) {
    exchange_->SendError(500, Fail(ErrorCode::kInternal, "the request was dropped without an answer"));
  } else {
    // Half an answer: only a broken connection tells the client that it is not whole.
    Abort();
  }
  return true;
}

void HttpSession::Done(bool keep_alive) {
  --shared_->stats.active_requests;
  buffer_full_ = false;
  exchange_->session_ = nullptr;
  // What it holds is let go now, not at the connection's next request; it may hold the writer itself.
  const auto unused = std::exchange(exchange_->on_gone_, nullptr);
  phase_ = keep_alive ? Phase::kIdle : Phase::kClosed;
  if (running_) return;
  host_.OutputReady();
  // A read is under way already, or bytes are buffered; those, and the connection's end, need a turn.
  if (phase_ != Phase::kIdle || buffer_.size() > 0 || input_ended_) host_.ContinueSoon();
}

// The answer cannot be completed: the client is told by a connection that ends early.
void HttpSession::Abort() {
  exchange_->FireGone();
  ReleaseExchange();
  phase_ = Phase::kClosed;
  aborted_ = true;
  if (!running_) host_.ContinueSoon();
}

// A client that sends no more may still read: the request that is being handled keeps its answer. One that
// has left looks the same until something is sent to it.
void HttpSession::OnEndOfInput() {
  input_ended_ = true;
  if (phase_ != Phase::kHandling) Run();
}

void HttpSession::OnBroken() {
  input_ended_ = true;
  if (phase_ == Phase::kHandling) exchange_->FireGone();
  ReleaseExchange();
  phase_ = Phase::kClosed;
}

void HttpSession::OnTimeout() {
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    const auto& limits = shared_->options.limits;
    const bool head = phase_ == Phase::kHead;
    Refuse(408, Fail(ErrorCode::kTimeout, "the {} did not arrive within {} s",
                     head ? "request's head" : "request's body",
                     Seconds(head ? limits.head_timeout : limits.body_timeout)));
    return;
  }
  phase_ = Phase::kClosed;
}

void HttpSession::Refuse(int status, const Error& error) {
  ++shared_->stats.refused_requests;
  const std::string body = FormatErrorBody(error);
  output_.append(fmt::format(
      "HTTP/1.1 {} {}\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
      status, ReasonPhrase(status), shared_->date_line, body.size()));
  output_.append(body);
  phase_ = Phase::kClosed;
}

}  // namespace altlas::net
