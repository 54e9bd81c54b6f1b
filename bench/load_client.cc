// SPDX-License-Identifier: Apache-2.0
#include "load_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace altlas::bench {
namespace {

std::uint64_t Now() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "load client: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// The value of Content-Length inside a whole head, or 0.
std::size_t LengthIn(std::string_view head) {
  const auto at = head.find("ontent-");
  for (auto from = at; from != std::string_view::npos; from = head.find("ontent-", from + 1)) {
    const auto name = head.substr(from + 7, 7);
    if (name == "Length:" || name == "length:")
      return static_cast<std::size_t>(std::strtoull(head.data() + from + 14, nullptr, 10));
  }
  return 0;
}

}  // namespace

double LoadResult::Percentile(double share) const {
  if (microseconds.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(microseconds.size() - 1));
  return microseconds[at];
}

LoadClient::LoadClient(LoadOptions options) : options_(std::move(options)) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  connections_.resize(static_cast<std::size_t>(options_.connections));
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) Die("connect");
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    epoll_event event{EPOLLIN, {.u64 = i}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    connections_[i].fd = fd;
  }
}

LoadClient::~LoadClient() {
  for (const auto& connection : connections_) ::close(connection.fd);
  ::close(epoll_);
}

void LoadClient::Ask(Connection& connection, std::uint64_t due_ns) {
  connection.busy = true;
  connection.due_ns = due_ns;
  connection.answer.clear();
  if (::send(connection.fd, options_.request.data(), options_.request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(options_.request.size()))
    Die("send");
}

bool LoadClient::Read(Connection& connection, LoadResult& result) {
  char buffer[16384];
  const auto got = ::recv(connection.fd, buffer, sizeof(buffer), 0);
  if (got <= 0) Die("the server closed a connection");
  auto& answer = connection.answer;
  answer.append(buffer, static_cast<std::size_t>(got));
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string::npos || answer.size() < end + 4 + LengthIn(std::string_view(answer).substr(0, end)))
    return false;
  ++result.answers;
  if (std::atoi(answer.c_str() + 9) != options_.expected_status && result.errors++ == 0)
    std::fprintf(stderr, "load client: %.300s\n", answer.c_str());
  result.microseconds.push_back(static_cast<double>(Now() - connection.due_ns) / 1000);
  connection.busy = false;
  return true;
}

std::string LoadClient::Once() {
  auto& connection = connections_.front();
  LoadResult result;
  Ask(connection, Now());
  while (!Read(connection, result)) {
  }
  return connection.answer.substr(connection.answer.find("\r\n\r\n") + 4);
}

LoadResult LoadClient::Run(double seconds) {
  LoadResult result;
  result.microseconds.reserve(1 << 20);
  const bool open = options_.requests_per_second > 0;
  const auto begin = Now();
  const auto end = begin + static_cast<std::uint64_t>(seconds * 1e9);
  double next = static_cast<double>(begin);
  const auto draw_next = [&] {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const double uniform = (static_cast<double>(random_ >> 11) + 0.5) / 9007199254740992.0;
    next -= std::log(uniform) * 1e9 / options_.requests_per_second;
  };
  std::vector<Connection*> free;
  std::size_t busy = 0;
  for (auto& connection : connections_) free.push_back(&connection);
  epoll_event events[64];
  for (auto now = begin; now < end || busy > 0; now = Now()) {
    while (now < end && !free.empty() && (!open || static_cast<double>(now) >= next)) {
      Ask(*free.back(), open ? static_cast<std::uint64_t>(next) : Now());
      free.pop_back();
      ++busy;
      if (open) draw_next();
    }
    const int count = ::epoll_wait(epoll_, events, 64, open ? 0 : 100);
    for (int i = 0; i < count; ++i) {
      auto& connection = connections_[events[i].data.u64];
      if (!Read(connection, result)) continue;
      free.push_back(&connection);
      --busy;
    }
  }
  result.seconds = static_cast<double>(Now() - begin) / 1e9;
  std::sort(result.microseconds.begin(), result.microseconds.end());
  return result;
}

}  // namespace altlas::bench
