// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/result.h"
#include "base/unique_fd.h"

namespace altlas::wire {

// Wakes a thread that polls fd() for reading. Thread-safe, never blocks.
class Waker {
 public:
  // kUnavailable where the system gives no more descriptors.
  static Result<Waker> Create() {
    Waker waker;
    waker.fd_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!waker.fd_.valid()) return Fail(ErrorCode::kUnavailable, "eventfd: {}", std::strerror(errno));
    return waker;
  }
  void Wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof(one));
  }
  // Forgets the calls of Wake so far.
  void Rest() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof(count));
  }
  int fd() const { return fd_.get(); }

 private:
  Waker() = default;
  UniqueFd fd_;
};

}  // namespace altlas::wire
