// SPDX-License-Identifier: Apache-2.0
#include "net/http_connection.h"

#include "base/log.h"

namespace altlas::net {
namespace {

// How long and how far a client is listened to after the last answer, so that a reset does not take the
// answer from it.
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 1u << 20;

}  // namespace

HttpConnection::HttpConnection(IoLoop& loop, UniqueFd fd, std::unique_ptr<TlsSession> tls,
                               std::shared_ptr<HttpShared> shared, PeerInfo peer, HttpConnectionOwner& owner)
    : Channel(loop, std::move(fd), std::move(tls)),
      shared_(std::move(shared)),
      owner_(&owner),
      session_(shared_, std::move(peer), secure(), out(), *this),
      since_(loop.clock().Now()),
      sent_since_(since_) {}

Status HttpConnection::Begin() {
  ALTLAS_TRY_VOID(Register());
  StartRead();
  return {};
}

void HttpConnection::BeginRefused() {
  if (!Register()) return Cut(false);
  session_.Refuse(503, Fail(ErrorCode::kOverloaded, "the server has {} connections, its limit; retry later",
                            shared_->options.limits.connections));
  Settle();
}

void HttpConnection::OnRead(std::size_t bytes) {
  if (session_.phase() == HttpSession::Phase::kClosed) discarded_ += bytes;
  session_.OnBytes(bytes);
  Settle();
}

void HttpConnection::OnReadEnd() {
  WatchForLoss();
  session_.OnEndOfInput();
  Settle();
}

void HttpConnection::OnBroken(const Error& error) {
  session_.OnBroken();
  ReportClosed();
}

void HttpConnection::OnSent() {
  session_.Continue();
  Settle();
}

void HttpConnection::OutputReady() { Flush(); }

void HttpConnection::ContinueSoon() {
  if (continue_posted_) return;
  continue_posted_ = true;
  loop().Post([self = std::static_pointer_cast<HttpConnection>(shared_from_this())] {
    self->continue_posted_ = false;
    if (!self->open()) return;
    self->session_.Continue();
    self->Settle();
  });
}

// After every event: send, then wait for what the session waits for.
void HttpConnection::Settle() {
  if (!open()) return;
  if (session_.aborted()) return Cut(false);
  Flush();
  if (!open()) return;
  if (session_.phase() == HttpSession::Phase::kClosed) return EndConnection();
  if (session_.wants_input()) StartRead();
}

void HttpConnection::EndConnection() {
  if (unsent() > 0) return;  // OnSent comes back here
  if (!lingering_) {
    lingering_ = true;
    ShutdownWrite();
  }
  if (session_.input_ended() || discarded_ > kLingerBytes) return Cut(false);
  StartRead();
}

void HttpConnection::Cut(bool notify) {
  if (!open()) return;
  const auto keep = shared_from_this();
  if (notify) session_.OnBroken();
  CloseNow();
  ReportClosed();
}

void HttpConnection::ReportClosed() {
  if (auto* owner = std::exchange(owner_, nullptr)) owner->Closed(this);
}

void HttpConnection::Sweep(TimePoint now) {
  const auto& limits = shared_->options.limits;
  if (session_.CheckAbandoned()) return;
  if (unsent() == 0 || sent_total() != seen_sent_) {
    seen_sent_ = sent_total();
    sent_since_ = now;
  } else if (now - sent_since_ > limits.write_timeout) {
    ++shared_->stats.slow_clients;
    return Cut(true);
  }
  const auto phase = session_.phase();
  if (phase != seen_phase_ || session_.requests() != seen_requests_ || lingering_ != seen_lingering_) {
    seen_phase_ = phase;
    seen_requests_ = session_.requests();
    seen_lingering_ = lingering_;
    since_ = now;
    return;
  }
  const auto waited = now - since_;
  switch (phase) {
    case HttpSession::Phase::kIdle:
      // A connection that has not asked anything yet gets no more patience than a head.
      if (waited <= (session_.requests() == 0 ? limits.head_timeout : limits.idle_timeout) || unsent() > 0)
        return;
      break;
    case HttpSession::Phase::kHead:
      if (waited <= limits.head_timeout) return;
      ++shared_->stats.slow_clients;
      break;
    case HttpSession::Phase::kBody:
      if (waited <= limits.body_timeout) return;
      ++shared_->stats.slow_clients;
      break;
    case HttpSession::Phase::kHandling:
      return;
    case HttpSession::Phase::kClosed:
      if (lingering_ && waited > kLingerTime) Cut(false);
      return;
  }
  session_.OnTimeout();
  Settle();
}

}  // namespace altlas::net
