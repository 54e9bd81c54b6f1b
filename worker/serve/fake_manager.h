// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace altlas::serve {

// A manager's side of the wire for tests: listens on a Unix socket and talks to one worker at a time, step by
// step.
class FakeManager {
 public:
  explicit FakeManager(std::filesystem::path path) : path_(std::move(path)) { Listen(); }

  void Listen() {
    ::unlink(path_.c_str());
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener_.get(), 4), 0);
  }
  // Hangs up and takes the socket away, as a manager that was killed does.
  void Die() {
    fd_.Reset();
    listener_.Reset();
    ::unlink(path_.c_str());
  }

  // Waits for a worker and its Hello.
  wire::Hello Accept() {
    EXPECT_TRUE(Readable(listener_.get())) << "no worker came";
    fd_.Reset(::accept(listener_.get(), nullptr, nullptr));
    reader_ = wire::FrameReader();
    return Expect<wire::Hello>();
  }

  void Send(const wire::Message& message) {
    const auto bytes = wire::EncodeMessage(message).value();
    ASSERT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // The next message; empty when the worker is gone, or nothing came for a minute.
  std::optional<wire::Message> Receive() {
    while (true) {
      if (const auto frame = reader_.Next()) {
        auto message = wire::DecodeMessage(*frame);
        EXPECT_TRUE(message.has_value()) << (message.has_value() ? "" : message.error().message);
        if (!message.has_value()) return std::nullopt;
        return std::move(*message);
      }
      if (!Readable(fd_.get())) return std::nullopt;
      std::byte buffer[65536];
      const auto got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
      if (got <= 0) return std::nullopt;
      reader_.Feed(ByteView(buffer, static_cast<std::size_t>(got)));
    }
  }

  // The next message but for heartbeats and signs of life, which must be a T.
  template <typename T>
  T Expect() {
    while (auto message = Receive()) {
      if (auto* wanted = std::get_if<T>(&*message)) return std::move(*wanted);
      if (std::holds_alternative<wire::Heartbeat>(*message) ||
          std::holds_alternative<wire::KeepAlive>(*message))
        continue;
      ADD_FAILURE() << "got " << wire::MessageName(wire::MessageType(*message));
      return {};
    }
    ADD_FAILURE() << "the worker is gone or silent";
    return {};
  }
  // Reads on until a T comes.
  template <typename T>
  T WaitFor() {
    while (auto message = Receive()) {
      if (auto* wanted = std::get_if<T>(&*message)) return std::move(*wanted);
    }
    ADD_FAILURE() << "the worker is gone or silent";
    return {};
  }

 private:
  static bool Readable(int fd) {
    pollfd poll_fd{fd, POLLIN, 0};
    return ::poll(&poll_fd, 1, 60'000) > 0;
  }
  std::filesystem::path path_;
  UniqueFd listener_;
  UniqueFd fd_;
  wire::FrameReader reader_;
};

}  // namespace altlas::serve
