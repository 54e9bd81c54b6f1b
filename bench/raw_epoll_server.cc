// SPDX-License-Identifier: Apache-2.0
#include "raw_epoll_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <unordered_map>

namespace altlas::bench {

int ListenOnLoopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(fd, 256) != 0) return -1;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

void RunRawEpollServer(int listen_fd, const std::string& answer_body) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                             std::to_string(answer_body.size()) + "\r\n\r\n" + answer_body;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{EPOLLIN, {.fd = listen_fd}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listen_fd, &event);
  std::unordered_map<int, std::string> partial;
  epoll_event events[64];
  char buffer[16384];
  while (true) {
    const int count = ::epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listen_fd) {
        const int peer = ::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
        const int one = 1;
        ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_event of_peer{EPOLLIN, {.fd = peer}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, peer, &of_peer);
        continue;
      }
      const auto got = ::recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) {
        partial.erase(fd);
        ::close(fd);
        continue;
      }
      std::string_view request(buffer, static_cast<std::size_t>(got));
      auto held = partial.find(fd);
      if (held != partial.end()) request = held->second.append(request);
      const auto end = request.find("\r\n\r\n");
      std::size_t length = 0;
      if (const auto at = request.find("Content-Length: "); at < end)
        length = static_cast<std::size_t>(std::strtoull(request.data() + at + 16, nullptr, 10));
      if (end == std::string_view::npos || request.size() < end + 4 + length) {
        if (held == partial.end()) partial.emplace(fd, request);
        continue;
      }
      if (held != partial.end()) partial.erase(held);
      [[maybe_unused]] const auto sent = ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
}

}  // namespace altlas::bench
