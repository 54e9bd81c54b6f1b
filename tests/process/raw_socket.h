// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "net/address.h"

namespace altlas::testing_process {

// A connection that sends what it is told, byte for byte. Blocks for two minutes at most.
class RawSocket {
 public:
  explicit RawSocket(const net::Address& address) {
    if (address.kind == net::Address::Kind::kUnix) {
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::strncpy(name.sun_path, address.path.c_str(), sizeof(name.sun_path) - 1);
      Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
    } else {
      sockaddr_in name{};
      name.sin_family = AF_INET;
      name.sin_port = htons(address.port);
      ::inet_pton(AF_INET, address.host.c_str(), &name.sin_addr);
      Connect(AF_INET, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
    }
  }
  bool connected() const { return connected_; }
  // False where the other side has closed.
  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // All that comes until the other side closes; `closed` is false where it did not.
  std::string ReadToEnd(bool* closed) const {
    std::string all;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd_.get(), buffer, sizeof(buffer), 0)) > 0)
      all.append(buffer, static_cast<std::size_t>(got));
    *closed = got == 0 || errno == ECONNRESET;
    return all;
  }

 private:
  void Connect(int family, const sockaddr* name, socklen_t size) {
    fd_ = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{120, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    connected_ = ::connect(fd_.get(), name, size) == 0;
  }
  UniqueFd fd_;
  bool connected_ = false;
};

}  // namespace altlas::testing_process
