// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace altlas::net {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr auto kRestAfterFailure = std::chrono::milliseconds(100);

Error SystemError(std::string_view doing, const Address& address, int code) {
  const auto text = address.ToString();
  switch (code) {
    case EADDRINUSE:
      return Fail(ErrorCode::kConflict,
                  "cannot {} {}: another process listens there; stop it or choose another address", doing,
                  text);
    case EACCES:
    case EPERM:
      return Fail(ErrorCode::kDenied, "cannot {} {}: {} (ports below 1024 need the right to bind them)",
                  doing, text, std::strerror(code));
    case EADDRNOTAVAIL:
      return Fail(ErrorCode::kInvalidArgument, "cannot {} {}: this machine has no such address", doing, text);
    default:
      return Fail(ErrorCode::kUnavailable, "cannot {} {}: {}", doing, text, std::strerror(code));
  }
}

Result<sockaddr_un> UnixName(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return Fail(ErrorCode::kInvalidArgument, "the socket path '{}' has {} bytes; the system allows 1 to {}",
                path, path.size(), sizeof(name.sun_path) - 1);
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

// A socket file that nobody answers on was left behind by a process that died.
Status RemoveStaleSocket(const Address& address, const sockaddr_un& name) {
  struct stat status {};
  if (::lstat(address.path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(ErrorCode::kConflict, "cannot listen on {}: a file that is no socket is there",
                address.ToString());
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 ||
      errno == EAGAIN) {
    return SystemError("listen on", address, EADDRINUSE);
  }
  if (errno == ECONNREFUSED) ::unlink(address.path.c_str());
  return {};
}

Result<UniqueFd> OpenUnix(const Address& address, const ListenOptions& options) {
  ALTLAS_TRY(const sockaddr_un name, UnixName(address.path));
  ALTLAS_TRY_VOID(RemoveStaleSocket(address, name));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return SystemError("listen on", address, errno);
  // The mode of the descriptor becomes the mode of the file at bind (less the umask): never wider, not even
  // for a moment.
  ::fchmod(fd.get(), options.unix_mode);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0)
    return SystemError("listen on", address, errno);
  if (::chmod(address.path.c_str(), options.unix_mode) != 0 || ::listen(fd.get(), options.backlog) != 0) {
    const int code = errno;
    ::unlink(address.path.c_str());
    return SystemError("listen on", address, code);
  }
  return fd;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// Accepted sockets inherit these, which spares the calls on each. A peer whose machine is gone is noticed in
// two minutes.
void SetForAccepted(int fd) {
  const auto set = [fd](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

Result<UniqueFd> BindTcp(const Address& address, const ListenOptions& options, const addrinfo& candidate) {
  UniqueFd fd(::socket(candidate.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return SystemError("listen on", address, errno);
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  SetForAccepted(fd.get());
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (candidate.ai_family == AF_INET6) {
    const bool every_interface = address.host.empty();
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, every_interface ? &off : &on, sizeof(on));
  }
  if (::bind(fd.get(), candidate.ai_addr, candidate.ai_addrlen) != 0 ||
      ::listen(fd.get(), options.backlog) != 0) {
    return SystemError("listen on", address, errno);
  }
  return fd;
}

Result<UniqueFd> OpenTcp(const Address& address, const ListenOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(address.port);
  const int failed =
      ::getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(), port.c_str(), &hints, &list);
  if (failed != 0) {
    return Fail(ErrorCode::kInvalidArgument, "cannot listen on {}: the host '{}' is unknown ({})",
                address.ToString(), address.host, ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  Result<UniqueFd> last = SystemError("listen on", address, EADDRNOTAVAIL);
  // Every interface: the IPv6 socket serves IPv4 too, so it is tried first.
  for (const bool ipv6_only : {true, false}) {
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
      if (address.host.empty() ? (at->ai_family == AF_INET6) != ipv6_only : !ipv6_only) continue;
      last = BindTcp(address, options, *at);
      if (last || last.error().code == ErrorCode::kConflict) return last;
    }
  }
  return last;
}

std::string FormatPeer(const sockaddr_storage& name) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
  }
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
  }
  return "unix";
}

Result<Address> BoundAddress(Address address, int fd) {
  if (address.kind == Address::Kind::kUnix) return address;
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return SystemError("listen on", address, errno);
  address.port = ntohs(name.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(name).sin_port
                                                 : reinterpret_cast<const sockaddr_in6&>(name).sin6_port);
  return address;
}

}  // namespace

PeerInfo DescribePeer(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  PeerInfo peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) name.ss_family = AF_UNSPEC;
  peer.name = FormatPeer(name);
  if (name.ss_family != AF_UNIX) return peer;
  ucred credentials{};
  socklen_t credentials_size = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_size) == 0) {
    peer.uid = credentials.uid;
    peer.pid = credentials.pid;
  }
  return peer;
}

Acceptor::Acceptor(IoLoop& loop, Address address, UniqueFd fd, OnAccept on_accept)
    : loop_(loop),
      address_(std::move(address)),
      descriptor_(loop.native().context.get_executor(), fd.Release()),
      on_accept_(std::move(on_accept)) {
  struct stat status {};
  if (address_.kind == Address::Kind::kUnix && ::stat(address_.path.c_str(), &status) == 0)
    socket_inode_ = status.st_ino;
}

Result<std::shared_ptr<Acceptor>> Acceptor::Create(IoLoop& loop, const Address& address,
                                                   const ListenOptions& options, OnAccept on_accept) {
  ALTLAS_TRY(auto fd,
             address.kind == Address::Kind::kUnix ? OpenUnix(address, options) : OpenTcp(address, options));
  ALTLAS_TRY(auto bound, BoundAddress(address, fd.get()));
  std::shared_ptr<Acceptor> acceptor(
      new Acceptor(loop, std::move(bound), std::move(fd), std::move(on_accept)));
  acceptor->Wait();
  return acceptor;
}

Acceptor::~Acceptor() { Close(); }

void Acceptor::Close() {
  if (!open_) return;
  open_ = false;
  rest_.Cancel();
  if (socket_inode_ != 0) {
    struct stat status {};
    if (::stat(address_.path.c_str(), &status) == 0 && status.st_ino == socket_inode_)
      ::unlink(address_.path.c_str());
  }
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

void Acceptor::Wait() {
  // Weak: the wait must not keep the listener open once its owner is gone.
  descriptor_.async_wait(Descriptor::wait_read,
                         [weak = weak_from_this()](const boost::system::error_code& error) {
                           const auto self = weak.lock();
                           if (error || self == nullptr || !self->open_) return;
                           self->AcceptReady();
                         });
}

void Acceptor::AcceptReady() {
  for (int i = 0; i < kAcceptsPerTurn && open_; ++i) {
    UniqueFd fd(::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return Rest();
    }
    PeerInfo peer = DescribePeer(fd.get());
    on_accept_(std::move(fd), std::move(peer));
  }
  if (open_) Wait();
}

void Acceptor::Rest() {
  ALTLAS_WARN("net", "cannot accept connections for a moment; raise the limit of open files",
              {"listener", address_.ToString()}, {"reason", std::strerror(errno)});
  rest_ = loop_.RunAfter(kRestAfterFailure, [this] {
    if (open_) Wait();
  });
}

}  // namespace altlas::net
