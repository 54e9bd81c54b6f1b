// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include "net/address.h"

namespace altlas::testing_process {

// A connection (TCP or Unix) without a protocol, for bytes that no HTTP client sends. Blocking; every wait
// ends after two minutes, which only a broken server takes.
class RawSocket {
 public:
  explicit RawSocket(const net::Address& address);
  ~RawSocket();
  RawSocket(RawSocket&& other) noexcept;
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  // False where the server has closed the connection meanwhile.
  bool Send(std::string_view bytes) const;
  void EndOutput() const;
  // True where bytes, or the server's end, are there within `milliseconds`.
  bool Readable(int milliseconds) const;
  // One answer with a Content-Length, head and body; what came so far where the connection ends before.
  std::string ReadAnswer();
  // Everything until the server closes; `closed()` is false where it does not.
  std::string ReadToEnd();
  bool closed() const { return closed_; }

 private:
  bool ReadMore();
  int fd_ = -1;
  bool closed_ = false;
  std::string buffer_;
};

// 0 where `answer` does not begin with a status line.
int StatusOf(std::string_view answer);

}  // namespace altlas::testing_process
