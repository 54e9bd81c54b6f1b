// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/tls.h"

typedef struct ssl_st SSL;

namespace altlas::net {

// TLS of one connection without its socket: encrypted bytes go in by Feed and come out by TakeOutput, plain
// ones by Read and Write. Not thread-safe, never blocks. After an error the session is dead, its output (an
// alert) should still be sent.
class TlsSession {
 public:
  // `host` is the name checked by a client whose context names none.
  static Result<std::unique_ptr<TlsSession>> Create(std::shared_ptr<TlsContext> context,
                                                    const std::string& host);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  Status Feed(std::string_view encrypted);
  // Takes the handshake as far as the bytes fed allow.
  Status Advance();
  bool handshake_done() const;
  // Decrypted bytes; 0: feed more, or the peer said goodbye (see ended).
  Result<std::size_t> Read(std::span<char> into);
  // Requires handshake_done().
  Status Write(std::string_view plain);
  // Says goodbye.
  void Shutdown();
  bool ended() const { return ended_; }
  // Appends what is to be sent.
  void TakeOutput(std::string& out);

 private:
  TlsSession() = default;
  Error LastError(std::string_view doing) const;
  std::shared_ptr<TlsContext> context_;  // shared with the listener and its other connections
  SSL* ssl_ = nullptr;
  bool ended_ = false;
};

}  // namespace altlas::net
