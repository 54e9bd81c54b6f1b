// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "net/io_loop.h"
#include "net/tls.h"

namespace altlas::net {

// Who is at the other end. uid and pid are the kernel's word, for Unix sockets only.
struct PeerInfo {
  std::string name;  // "127.0.0.1:51234" or "unix"
  std::optional<std::uint32_t> uid;
  std::optional<std::int32_t> pid;
};

struct StreamCallbacks {
  // Bytes in the order sent, in pieces of any size; the view is valid inside the call only.
  std::function<void(std::string_view bytes)> on_bytes = {};
  // The connection ended by itself: kUnavailable (closed or reset by the peer, TLS failure) or kCanceled
  // (CloseWhenSent is done). The last callback; not called after Close or destruction.
  std::function<void(const Error& reason)> on_close = {};
  // The write queue, once not empty, has been handed to the kernel. May be empty.
  std::function<void()> on_drained = {};
};

struct StreamOptions {
  // Write refuses past this many bytes not yet taken by the kernel: a peer that does not read costs no more
  // memory.
  std::size_t max_queued_bytes = 64u << 20;
  std::size_t read_buffer_bytes = 64u << 10;
  // For connectors: name resolution, connection and TLS handshake together.
  Duration connect_timeout = std::chrono::seconds(10);
  std::shared_ptr<TlsContext> tls = {};  // empty: plain
};

// A connected stream of bytes: Unix socket or TCP, with or without TLS. The owner holds it by unique_ptr;
// destroying it closes the connection (also from inside one of its callbacks). Used on the loop's thread
// only, never blocks. Callbacks never run inside a call of a method.
class Stream {
 public:
  class Impl;
  explicit Stream(std::shared_ptr<Impl> impl);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Begins to read; until then the peer's bytes wait in the kernel. A later call replaces the callbacks.
  void Start(StreamCallbacks callbacks);
  // Queues a copy and sends at the end of the loop's turn, so that small writes of one turn share one system
  // call. kOverloaded (nothing taken) past max_queued_bytes, kUnavailable once closed.
  Status Write(std::string_view bytes);
  std::size_t queued_bytes() const;
  // Sends what is queued, then closes and reports kCanceled.
  void CloseWhenSent();
  // Closes now; what is queued is lost.
  void Close();
  bool closed() const;
  const PeerInfo& peer() const;

 private:
  std::shared_ptr<Impl> impl_;  // shared with the operations in flight
};

struct ListenOptions {
  unsigned unix_mode = 0600;  // of the socket file
  bool reuse_port = false;    // several loops listen on one TCP port, the kernel deals connections out
  int backlog = 1024;
  StreamOptions stream = {};  // of each accepted stream; its tls makes it a TLS listener
};

// Accepts streams on one address until destroyed. A TLS stream is handed over before its handshake, which
// then happens under the first reads. Runs on the loop's thread.
class StreamListener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Stream>)>;
  // kConflict where another process listens there, kDenied, kInvalidArgument (name cannot be resolved, path
  // too long), kUnavailable. A Unix socket file left behind by a dead process is replaced.
  static Result<std::unique_ptr<StreamListener>> Create(IoLoop& loop, const Address& address,
                                                        ListenOptions options, OnAccept on_accept);
  ~StreamListener();
  StreamListener(const StreamListener&) = delete;
  StreamListener& operator=(const StreamListener&) = delete;
  // With the port that the system chose.
  const Address& address() const;

 private:
  struct Impl;
  explicit StreamListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A connection attempt. Destroying it gives the attempt up, and its function is not called.
class PendingConnect {
 public:
  struct Impl;
  explicit PendingConnect(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~PendingConnect();
  PendingConnect(const PendingConnect&) = delete;
  PendingConnect& operator=(const PendingConnect&) = delete;

 private:
  std::shared_ptr<Impl> impl_;  // shared with the operations in flight
};

// Connects; `done` is called once, later, on the loop: a stream ready for use (TLS handshake and certificate
// check done) or kUnavailable, kTimeout, kInvalidArgument, kDenied (certificate not trusted).
using OnConnect = std::function<void(Result<std::unique_ptr<Stream>>)>;
[[nodiscard]] std::unique_ptr<PendingConnect> ConnectStream(IoLoop& loop, const Address& address,
                                                            StreamOptions options, OnConnect done);

}  // namespace altlas::net
