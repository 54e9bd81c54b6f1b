// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>

#include "wire/messages.h"

namespace altlas::wire {

// What is still to be written to a socket that does not block. Every byte is moved a bounded number of times
// however small the pieces are that the socket takes. Not thread-safe, never blocks.
class SendQueue {
 public:
  // Adds the message as a frame. On an error (AppendMessage's) the queue is as it was.
  Status Append(const Message& message) { return AppendMessage(bytes_, message); }
  // Writes what the socket takes now. False where the connection is broken.
  [[nodiscard]] bool Flush(int fd);
  void Clear();
  bool empty() const { return sent_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t sent_ = 0;  // of bytes_, written already
};

}  // namespace altlas::wire
