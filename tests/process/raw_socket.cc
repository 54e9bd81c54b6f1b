// SPDX-License-Identifier: Apache-2.0
#include "raw_socket.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "base/result.h"

namespace altlas::testing_process {
namespace {
constexpr int kWaitMilliseconds = 120'000;
}  // namespace

RawSocket::RawSocket(const net::Address& address) {
  sockaddr_un local{};
  sockaddr_in remote{};
  const bool unix_socket = address.kind == net::Address::Kind::kUnix;
  if (unix_socket) {
    ALTLAS_CHECK(address.path.size() < sizeof(local.sun_path), "the socket's path is too long");
    local.sun_family = AF_UNIX;
    address.path.copy(local.sun_path, address.path.size());
  } else {
    remote.sin_family = AF_INET;
    remote.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &remote.sin_addr);
  }
  const auto* to =
      unix_socket ? reinterpret_cast<const sockaddr*>(&local) : reinterpret_cast<const sockaddr*>(&remote);
  fd_ = ::socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ALTLAS_CHECK(::connect(fd_, to, unix_socket ? sizeof(local) : sizeof(remote)) == 0,
               "cannot connect to the server under test");
}
RawSocket::RawSocket(RawSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), closed_(other.closed_), buffer_(std::move(other.buffer_)) {}
RawSocket::~RawSocket() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawSocket::Send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawSocket::EndOutput() const { ::shutdown(fd_, SHUT_WR); }

bool RawSocket::Readable(int milliseconds) const {
  pollfd wait{fd_, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) > 0;
}

bool RawSocket::ReadMore() {
  if (closed_ || !Readable(kWaitMilliseconds)) return false;
  char bytes[4096];
  const auto got = ::recv(fd_, bytes, sizeof(bytes), 0);
  closed_ = got <= 0;
  if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
  return got > 0;
}

std::string RawSocket::ReadAnswer() {
  constexpr std::string_view kLength = "Content-Length: ";
  std::size_t head = 0;
  while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return std::exchange(buffer_, {});
  }
  const auto length = buffer_.find(kLength);
  std::size_t size = head + 4;
  if (length < head) size += std::strtoul(buffer_.c_str() + length + kLength.size(), nullptr, 10);
  while (buffer_.size() < size) {
    if (!ReadMore()) return std::exchange(buffer_, {});
  }
  auto answer = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return answer;
}

std::string RawSocket::ReadToEnd() {
  while (ReadMore()) {
  }
  return std::exchange(buffer_, {});
}

int StatusOf(std::string_view answer) {
  constexpr std::string_view kLine = "HTTP/1.1 ";
  return answer.starts_with(kLine) && answer.size() >= kLine.size() + 3
             ? std::atoi(std::string(answer.substr(kLine.size(), 3)).c_str())
             : 0;
}

}  // namespace altlas::testing_process
