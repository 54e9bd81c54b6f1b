// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <algorithm>

#include "base/log.h"
#include "net/acceptor.h"
#include "net/http_connection.h"

namespace altlas::net {
namespace {

// Clients over the limit of connections that are told so at a time; further ones are just closed.
constexpr std::size_t kRefusedAtOnce = 64;

Duration SweepInterval(const HttpLimits& limits) {
  const Duration shortest =
      std::min({limits.head_timeout, limits.body_timeout, limits.idle_timeout, limits.write_timeout});
  return std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(10), std::chrono::seconds(1));
}

}  // namespace

class HttpServer::Impl final : public HttpConnectionOwner {
 public:
  Impl(IoLoop& loop, HttpServerOptions options, HttpHandler handler)
      : loop_(loop), shared_(std::make_shared<HttpShared>()) {
    shared_->options = std::move(options);
    shared_->handler = std::move(handler);
    shared_->post = loop.AsExecutor();
  }
  ~Impl() override;

  Result<Address> Listen(const Address& address, ListenOptions options);
  void Drain(Duration limit, std::function<void()> done);
  void SetOptions(HttpServerOptions options) { shared_->options = std::move(options); }
  HttpServerStats stats() const;
  void Closed(HttpConnection* connection) override;

 private:
  void Accepted(UniqueFd fd, PeerInfo peer, const std::shared_ptr<TlsContext>& tls);
  void Add(std::shared_ptr<HttpConnection> connection);
  void Sweep();
  void CutAll();
  void MaybeDrained();

  IoLoop& loop_;
  std::shared_ptr<HttpShared> shared_;  // shared with the connections and the writers that handlers hold
  std::vector<std::shared_ptr<Acceptor>> acceptors_;          // shared with their waits
  std::vector<std::shared_ptr<HttpConnection>> connections_;  // shared with their operations in flight
  IoLoop::Timer sweep_;
  IoLoop::Timer drain_limit_;
  std::function<void()> on_drained_;
};

HttpServer::Impl::~Impl() {
  shared_->dead = true;
  for (const auto& acceptor : acceptors_) acceptor->Close();
  on_drained_ = nullptr;
  // In reverse, so that Closed removes from the end.
  while (!connections_.empty()) connections_.back()->Cut(true);
}

Result<Address> HttpServer::Impl::Listen(const Address& address, ListenOptions options) {
  auto accept = [this, tls = options.stream.tls](UniqueFd fd, PeerInfo peer) {
    Accepted(std::move(fd), std::move(peer), tls);
  };
  ALTLAS_TRY(auto acceptor, Acceptor::Create(loop_, address, options, std::move(accept)));
  acceptors_.push_back(acceptor);
  return acceptor->address();
}

void HttpServer::Impl::Accepted(UniqueFd fd, PeerInfo peer, const std::shared_ptr<TlsContext>& tls) {
  auto& stats = shared_->stats;
  const std::size_t limit = shared_->options.limits.connections;
  const bool refused = connections_.size() >= limit;
  if (refused) {
    ++stats.connections_refused;
    if (tls != nullptr || connections_.size() >= limit + kRefusedAtOnce) return;
  } else {
    ++stats.connections_accepted;
  }
  std::unique_ptr<TlsSession> session;
  if (tls != nullptr) {
    auto created = TlsSession::Create(tls, "");
    if (!created) return;
    session = std::move(*created);
  }
  // Before the connection, which may answer at once and needs the date.
  if (connections_.empty()) Sweep();
  auto connection = std::make_shared<HttpConnection>(loop_, std::move(fd), std::move(session), shared_,
                                                     std::move(peer), *this);
  Add(connection);
  if (refused) {
    connection->BeginRefused();
  } else if (!connection->Begin()) {
    connection->Cut(false);
  }
}

void HttpServer::Impl::Add(std::shared_ptr<HttpConnection> connection) {
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
}

void HttpServer::Impl::Closed(HttpConnection* connection) {
  const std::size_t index = connection->index;
  const auto keep = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  MaybeDrained();
}

void HttpServer::Impl::Sweep() {
  shared_->date_line = FormatDateLine(loop_.clock().WallNow() / 1000);
  const TimePoint now = loop_.clock().Now();
  // Backwards: a connection that is cut is replaced by the last one, which was looked at already.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) std::shared_ptr(connections_[i])->Sweep(now);
  }
  sweep_ = loop_.RunAfter(SweepInterval(shared_->options.limits), [this] {
    if (!connections_.empty()) Sweep();
  });
}

void HttpServer::Impl::Drain(Duration limit, std::function<void()> done) {
  shared_->draining = true;
  for (const auto& acceptor : acceptors_) acceptor->Close();
  acceptors_.clear();
  on_drained_ = std::move(done);
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (connections_[i]->Idle()) std::shared_ptr(connections_[i])->Cut(false);
  }
  drain_limit_ = loop_.RunAfter(limit, [this] { CutAll(); });
  MaybeDrained();
}

void HttpServer::Impl::CutAll() {
  if (!connections_.empty()) {
    ALTLAS_WARN("net", "the drain's time is over, connections are cut", {"connections", connections_.size()});
  }
  while (!connections_.empty()) std::shared_ptr(connections_.back())->Cut(true);
}

void HttpServer::Impl::MaybeDrained() {
  if (!connections_.empty() || !on_drained_) return;
  drain_limit_.Cancel();
  loop_.Post(std::exchange(on_drained_, nullptr));
}

HttpServerStats HttpServer::Impl::stats() const {
  auto stats = shared_->stats;
  stats.connections = connections_.size();
  return stats;
}

HttpServer::HttpServer(IoLoop& loop, HttpServerOptions options, HttpHandler handler)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(handler))) {}
HttpServer::~HttpServer() = default;
Result<Address> HttpServer::Listen(const Address& address, ListenOptions options) {
  return impl_->Listen(address, std::move(options));
}
void HttpServer::Drain(Duration limit, std::function<void()> done) { impl_->Drain(limit, std::move(done)); }
void HttpServer::SetOptions(HttpServerOptions options) { impl_->SetOptions(std::move(options)); }
HttpServerStats HttpServer::stats() const { return impl_->stats(); }

}  // namespace altlas::net
