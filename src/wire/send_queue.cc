// SPDX-License-Identifier: Apache-2.0
#include "wire/send_queue.h"

#include <sys/socket.h>

#include <cerrno>

namespace altlas::wire {

bool SendQueue::Flush(int fd) {
  while (!empty()) {
    const auto n = ::send(fd, bytes_.data() + sent_, bytes_.size() - sent_, MSG_NOSIGNAL);
    if (n >= 0) {
      sent_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return false;
    }
  }
  // Moves what is left only when at least as much has gone: each byte then pays for moving one other.
  if (sent_ >= bytes_.size() - sent_) {
    bytes_.erase(0, sent_);
    sent_ = 0;
  }
  return true;
}

void SendQueue::Clear() {
  bytes_.clear();
  sent_ = 0;
}

}  // namespace altlas::wire
