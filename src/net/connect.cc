// SPDX-License-Identifier: Apache-2.0
#include <netinet/tcp.h>
#include <sys/un.h>

#include <boost/asio/connect.hpp>
#include <cstring>
#include <vector>

#include "net/acceptor.h"
#include "net/stream.h"
#include "net/stream_impl.h"

namespace altlas::net {

// Resolve, try the addresses in turn, shake hands: each step keeps the attempt alive; `done` empty means it
// was given up or is over.
struct PendingConnect::Impl : std::enable_shared_from_this<PendingConnect::Impl> {
  Impl(IoLoop& the_loop, Address the_address, StreamOptions the_options, OnConnect the_done)
      : loop(the_loop),
        address(std::move(the_address)),
        options(std::move(the_options)),
        done(std::move(the_done)),
        resolver(loop.native().context.get_executor()),
        socket(loop.native().context.get_executor()) {}

  void Begin();
  void ConnectUnix();
  void ResolveTcp();
  void TryNext(std::string last_reason);
  void Connected();
  void Finish(Result<std::unique_ptr<Stream>> result);
  void GiveUp();

  IoLoop& loop;
  Address address;
  StreamOptions options;
  OnConnect done;
  Resolver resolver;
  Socket socket;
  std::vector<asio::generic::stream_protocol::endpoint> endpoints;
  std::size_t next = 0;
  IoLoop::Timer timeout;
  std::shared_ptr<Stream::Impl> handshaking;  // shared with its operations in flight
};

void PendingConnect::Impl::Begin() {
  timeout = loop.RunAfter(options.connect_timeout, [self = shared_from_this()] {
    self->Finish(Fail(ErrorCode::kTimeout, "no connection to {} within {} s", self->address.ToString(),
                      Seconds(self->options.connect_timeout)));
  });
  loop.Post([self = shared_from_this()] {
    if (!self->done) return;
    if (self->address.kind == Address::Kind::kUnix) {
      self->ConnectUnix();
    } else {
      self->ResolveTcp();
    }
  });
}

void PendingConnect::Impl::ConnectUnix() {
  sockaddr_un name{};
  if (address.path.empty() || address.path.size() >= sizeof(name.sun_path)) {
    return Finish(Fail(ErrorCode::kInvalidArgument,
                       "the socket path '{}' has {} bytes; the system allows 1 to {}", address.path,
                       address.path.size(), sizeof(name.sun_path) - 1));
  }
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.path.data(), address.path.size());
  endpoints.emplace_back(&name, sizeof(name), 0);
  TryNext("");
}

void PendingConnect::Impl::ResolveTcp() {
  const std::string host = address.host.empty() ? "localhost" : address.host;
  resolver.async_resolve(
      host, std::to_string(address.port), Resolver::numeric_service,
      [self = shared_from_this()](const boost::system::error_code& error,
                                  const Resolver::results_type& found) {
        if (!self->done) return;
        if (error) {
          return self->Finish(Fail(ErrorCode::kInvalidArgument, "the host '{}' is unknown ({})",
                                   self->address.host, error.message()));
        }
        for (const auto& entry : found) self->endpoints.emplace_back(entry.endpoint());
        self->TryNext("it has no address");
      });
}

void PendingConnect::Impl::TryNext(std::string last_reason) {
  if (next == endpoints.size()) {
    return Finish(Fail(ErrorCode::kUnavailable, "cannot connect to {}: {}", address.ToString(), last_reason));
  }
  boost::system::error_code ignored;
  socket.close(ignored);
  socket.async_connect(endpoints[next++],
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (!self->done) return;
                         if (error) return self->TryNext(error.message());
                         self->Connected();
                       });
}

void PendingConnect::Impl::Connected() {
  boost::system::error_code error;
  UniqueFd fd(socket.release(error));
  if (error)
    return Finish(
        Fail(ErrorCode::kUnavailable, "cannot connect to {}: {}", address.ToString(), error.message()));
  if (address.kind == Address::Kind::kTcp) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  PeerInfo peer = DescribePeer(fd.get());
  auto impl = Stream::Impl::Create(loop, std::move(fd), std::move(peer), options, address.host);
  if (!impl) return Finish(std::move(impl).error());
  handshaking = std::move(*impl);
  if (options.tls == nullptr) return Finish(std::make_unique<Stream>(std::exchange(handshaking, nullptr)));
  handshaking->Handshake([self = shared_from_this()](Status status) {
    auto stream = std::make_unique<Stream>(std::exchange(self->handshaking, nullptr));
    if (!status)
      return self->Finish(std::move(status).error().Context("connecting to " + self->address.ToString()));
    self->Finish(std::move(stream));
  });
}

void PendingConnect::Impl::Finish(Result<std::unique_ptr<Stream>> result) {
  const auto call = std::exchange(done, nullptr);
  const auto keep = shared_from_this();
  GiveUp();
  if (call) call(std::move(result));
}

void PendingConnect::Impl::GiveUp() {
  done = nullptr;
  timeout.Cancel();
  resolver.cancel();
  boost::system::error_code ignored;
  socket.close(ignored);
  if (handshaking != nullptr) handshaking->Close();
  handshaking.reset();
}

PendingConnect::~PendingConnect() {
  if (impl_ != nullptr) impl_->GiveUp();
}

std::unique_ptr<PendingConnect> ConnectStream(IoLoop& loop, const Address& address, StreamOptions options,
                                              OnConnect done) {
  auto impl = std::make_shared<PendingConnect::Impl>(loop, address, std::move(options), std::move(done));
  impl->Begin();
  return std::make_unique<PendingConnect>(std::move(impl));
}

}  // namespace altlas::net
