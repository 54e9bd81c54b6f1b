// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "net/channel.h"
#include "net/http_session.h"

namespace altlas::net {

class HttpConnection;

// What a connection tells its server. Outlived by no connection that still points to it.
class HttpConnectionOwner {
 public:
  virtual ~HttpConnectionOwner() = default;
  // The connection is closed; the owner drops its reference.
  virtual void Closed(HttpConnection* connection) = 0;
};

// A session on a socket. Its timeouts are the sweep's business, so that a request costs no timer.
class HttpConnection final : public Channel, private HttpSession::Host {
 public:
  HttpConnection(IoLoop& loop, UniqueFd fd, std::unique_ptr<TlsSession> tls,
                 std::shared_ptr<HttpShared> shared, PeerInfo peer, HttpConnectionOwner& owner);
  Status Begin();
  // One that is over the limit: tells so and ends.
  void BeginRefused();
  // Cuts what has taken too long. `now` is the sweep's time.
  void Sweep(TimePoint now);
  // Nothing is going on: a drain closes it at once.
  bool Idle() const { return session_.phase() == HttpSession::Phase::kIdle && unsent() == 0; }
  // Closes at once; with `notify` the handler in flight is told that its client has gone.
  void Cut(bool notify);

  std::size_t index = 0;  // in the owner's list

 private:
  std::span<char> ReadSpace() override { return session_.ReadSpace(); }
  void OnRead(std::size_t bytes) override;
  void OnReadEnd() override;
  void OnBroken(const Error& error) override;
  void OnSent() override;
  void OutputReady() override;
  void ContinueSoon() override;
  std::size_t Backlog() const override { return unsent(); }
  void Settle();
  void EndConnection();
  void ReportClosed();

  std::shared_ptr<HttpShared> shared_;  // shared with the server and its other connections
  HttpConnectionOwner* owner_;          // null once it was told
  HttpSession session_;
  bool continue_posted_ = false;
  bool lingering_ =
      false;  // everything is sent, FIN too; the client's remaining bytes are discarded until it ends
  std::size_t discarded_ = 0;

  // What the last sweep saw; a timeout counts from the first sweep that saw no change.
  TimePoint since_{};
  TimePoint sent_since_{};
  std::uint64_t seen_requests_ = 0;
  std::uint64_t seen_sent_ = 0;
  HttpSession::Phase seen_phase_ = HttpSession::Phase::kIdle;
  bool seen_lingering_ = false;
};

}  // namespace altlas::net
