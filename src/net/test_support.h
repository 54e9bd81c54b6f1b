// SPDX-License-Identifier: Apache-2.0
#pragma once
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

// Turns the loop on this thread until `done` holds, waiting in the loop where nothing is ready. False after a
// minute, which only ends a broken test.
bool TurnUntil(IoLoop& loop, const std::function<bool()>& done);

// A loop on a thread of its own. What lives on the loop is made and destroyed inside Do.
class LoopThread {
 public:
  LoopThread();
  ~LoopThread();
  IoLoop& loop() { return *loop_; }
  // Runs `function` on the loop and waits for it.
  void Do(const std::function<void()>& function);
  // Waits until `done`, which is asked on the loop after each of its turns, holds. False after a minute.
  bool Until(std::function<bool()> done);

 private:
  std::unique_ptr<IoLoop> loop_;
  std::function<bool()> awaited_;  // on the loop's thread
  std::promise<void> came_true_;
  std::thread thread_;
};

// A blocking client of bytes, for what the real client refuses to send.
class RawClient {
 public:
  explicit RawClient(const Address& address);
  // On a socket that is connected already.
  explicit RawClient(UniqueFd fd) : fd_(std::move(fd)) {}
  bool connected() const { return fd_.valid(); }
  void Send(std::string_view bytes);
  void ShutdownWrite();
  // What has come, without waiting.
  std::string ReadReady();
  // Closes with a reset instead of an orderly end.
  void Reset();
  // Everything until the server ends.
  std::string ReadAll();
  // Until what was read ends in, or holds, `text` (or the server ends).
  std::string ReadUntil(std::string_view text);

 private:
  UniqueFd fd_;
};

}  // namespace altlas::net
