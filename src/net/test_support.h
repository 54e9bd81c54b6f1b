// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"
#include "net/address.h"
#include "net/io_loop.h"

namespace altlas::net {

// A loop on a thread of its own. What lives on the loop is made and destroyed inside Do.
class LoopThread {
 public:
  LoopThread() : loop_(std::move(*IoLoop::Create())), thread_([this] { loop_->Run(); }) {}
  ~LoopThread() {
    loop_->Stop();
    thread_.join();
  }
  IoLoop& loop() { return *loop_; }
  // Runs `function` on the loop and waits for it.
  void Do(const std::function<void()>& function) {
    std::promise<void> done;
    loop_->Post([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  std::unique_ptr<IoLoop> loop_;
  std::thread thread_;
};

// A blocking client of bytes, for what the real client refuses to send.
class RawClient {
 public:
  explicit RawClient(const Address& address);
  bool connected() const { return fd_.valid(); }
  void Send(std::string_view bytes);
  void ShutdownWrite();
  // Closes with a reset instead of an orderly end.
  void Reset();
  // Everything until the server ends.
  std::string ReadAll();
  // Until what was read ends in, or holds, `text` (or the server ends).
  std::string ReadUntil(std::string_view text);

 private:
  UniqueFd fd_;
};

// A self-signed certificate for localhost and 127.0.0.1 in `folder`: cert.pem, key.pem.
void MakeCertificate(const std::filesystem::path& folder);

}  // namespace altlas::net
