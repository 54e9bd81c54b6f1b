// SPDX-License-Identifier: Apache-2.0
#include "net/test_support.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <chrono>
#include <cstring>

#include "net/loop_native.h"

namespace altlas::net {
namespace {
constexpr auto kLongest = std::chrono::seconds(60);
}  // namespace

bool TurnUntil(IoLoop& loop, const std::function<bool()>& done) {
  const auto limit = std::chrono::steady_clock::now() + kLongest;
  while (!done()) {
    if (loop.native().context.run_one_until(limit) == 0) return false;
  }
  return true;
}

LoopThread::LoopThread() : loop_(std::move(*IoLoop::Create())) {
  thread_ = std::thread([this] {
    while (loop_->native().context.run_one() > 0) {
      if (!awaited_ || !awaited_()) continue;
      awaited_ = nullptr;
      came_true_.set_value();
    }
  });
}

LoopThread::~LoopThread() {
  loop_->Stop();
  thread_.join();
}

void LoopThread::Do(const std::function<void()>& function) {
  std::promise<void> done;
  loop_->Post([&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

bool LoopThread::Until(std::function<bool()> done) {
  std::future<void> future;
  Do([&] {
    came_true_ = {};
    future = came_true_.get_future();
    awaited_ = std::move(done);
  });
  const bool came = future.wait_for(kLongest) == std::future_status::ready;
  Do([&] { awaited_ = nullptr; });
  return came;
}

RawClient::RawClient(const Address& address) {
  if (address.kind == Address::Kind::kUnix) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.path.data(), address.path.size());
    fd_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) fd_.Reset();
    return;
  }
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(address.port);
  ::inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
  fd_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) fd_.Reset();
}

void RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::ShutdownWrite() { ::shutdown(fd_.get(), SHUT_WR); }

void RawClient::Reset() {
  const linger now{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  fd_.Reset();
}

std::string RawClient::ReadAll() { return ReadUntil(std::string_view("\0never sent\0", 12)); }

std::string RawClient::ReadUntil(std::string_view text) {
  std::string got;
  std::array<char, 4096> piece{};
  while (got.find(text) == std::string::npos) {
    const ssize_t size = ::recv(fd_.get(), piece.data(), piece.size(), 0);
    if (size <= 0) break;
    got.append(piece.data(), static_cast<std::size_t>(size));
  }
  return got;
}

std::string RawClient::ReadReady() {
  std::string got;
  std::array<char, 65536> piece{};
  ssize_t size = 0;
  while ((size = ::recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT)) > 0)
    got.append(piece.data(), static_cast<std::size_t>(size));
  return got;
}

}  // namespace altlas::net
