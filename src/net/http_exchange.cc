// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "net/http_session.h"

namespace altlas::net {
namespace {

void AppendNumber(std::string& out, std::uint64_t value, int base = 10) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void AppendStatusLine(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  AppendNumber(out, static_cast<std::uint64_t>(status));
  out.push_back(' ');
  out.append(ReasonPhrase(status));
  out.append("\r\n");
}

// A value may come from a user; a line break in it would begin another field.
void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  const std::size_t from = out.size();
  out.append(value);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(from), out.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  out.append("\r\n");
}

bool HasNoBody(int status) { return status == 204 || status == 304; }

}  // namespace

std::string FormatDateLine(std::int64_t unix_seconds) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n",
                     kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

void HttpExchange::Reset(HttpSession* session, const RequestHead& head, bool allow_origin) {
  session_ = session;
  state_ = State::kPending;
  head_only_ = head.method == "HEAD";
  http10_ = head.minor_version == 0;
  keep_alive_ = head.keep_alive;
  no_body_ = false;
  gone_ = false;
  allowed_origin_.clear();
  if (allow_origin) allowed_origin_ = head.origin;
  if (on_gone_) on_gone_ = nullptr;
}

void HttpExchange::AppendHead(std::string& out, const Response& response, bool with_length) {
  AppendStatusLine(out, response.status);
  out.append(shared_->date_line);
  const bool no_body = HasNoBody(response.status);
  if (!response.content_type.empty() && !no_body) AppendField(out, "Content-Type", response.content_type);
  if (with_length && !no_body) {
    out.append("Content-Length: ");
    AppendNumber(out, response.body.size());
    out.append("\r\n");
  }
  if (!with_length && !no_body && !http10_) out.append("Transfer-Encoding: chunked\r\n");
  for (const auto& field : response.headers) AppendField(out, field.name, field.value);
  if (!allowed_origin_.empty()) {
    AppendField(out, "Access-Control-Allow-Origin", allowed_origin_);
    AppendField(out, "Access-Control-Expose-Headers", shared_->options.cors.expose_headers);
    out.append("Vary: Origin\r\n");
  }
  if (shared_->draining || (!with_length && http10_) || session_->Last()) keep_alive_ = false;
  if (!keep_alive_) {
    out.append("Connection: close\r\n");
  } else if (http10_) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void HttpExchange::Send(const Response& response) {
  if (state_ != State::kPending || session_ == nullptr) return;
  auto& out = session_->output_;
  AppendHead(out, response, true);
  if (!head_only_ && !HasNoBody(response.status)) out.append(response.body);
  state_ = State::kDone;
  session_->Done(keep_alive_);
}

void HttpExchange::BeginStream(const Response& head) {
  if (state_ != State::kPending || session_ == nullptr) return;
  auto& out = session_->output_;
  AppendHead(out, head, false);
  no_body_ = head_only_ || HasNoBody(head.status);
  state_ = State::kStreaming;
  AppendPiece(out, head.body);
  if (!session_->running_) session_->host_.OutputReady();
}

void HttpExchange::AppendPiece(std::string& out, std::string_view bytes) const {
  if (bytes.empty() || no_body_) return;  // an empty chunk would end the body
  if (http10_) {
    out.append(bytes);
    return;
  }
  AppendNumber(out, bytes.size(), 16);
  out.append("\r\n");
  out.append(bytes);
  out.append("\r\n");
}

bool HttpExchange::Write(std::string_view bytes) {
  if (state_ != State::kStreaming || session_ == nullptr || gone_) return false;
  AppendPiece(session_->output_, bytes);
  if (!session_->running_) session_->host_.OutputReady();
  if (session_ != nullptr && session_->host_.Backlog() > shared_->options.limits.queued_bytes) {
    ++shared_->stats.slow_clients;
    session_->Abort();
  }
  return session_ != nullptr && !gone_;
}

void HttpExchange::End() {
  if (state_ != State::kStreaming || session_ == nullptr) return;
  if (!http10_ && !no_body_) session_->output_.append("0\r\n\r\n");
  state_ = State::kDone;
  session_->Done(keep_alive_);
}

void HttpExchange::OnGone(std::function<void()> function) {
  if (state_ == State::kDone && !gone_) return;
  on_gone_ = std::move(function);
  if (gone_) FireGone();
}

// Posted: it may be noticed inside the handler's own calls.
void HttpExchange::FireGone() {
  gone_ = true;
  if (!on_gone_) return;
  shared_->post([shared = shared_, function = std::exchange(on_gone_, nullptr)] {
    if (!shared->dead) function();
  });
}

}  // namespace altlas::net
