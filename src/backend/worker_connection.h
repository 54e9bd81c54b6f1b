// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>

#include "base/result.h"
#include "net/stream.h"
#include "wire/messages.h"

namespace altlas::backend {

// The manager's end of one connection: bytes in, messages out. Owned by whoever it concerns at the moment
// (the hub until the Hello, then the device's backend); may be destroyed inside a callback. On the loop's
// thread.
class WorkerConnection {
 public:
  struct Callbacks {
    std::function<void(wire::Message)> on_message;
    // Its bytes break the format; nothing more is read. The owner closes it.
    std::function<void(const Error&)> on_broken;
    // The other side is gone, or CloseWhenSent is done. The last callback.
    std::function<void(const Error&)> on_closed;
  };

  WorkerConnection(std::unique_ptr<net::Stream> stream, Callbacks callbacks);
  ~WorkerConnection() { *alive_ = false; }
  WorkerConnection(const WorkerConnection&) = delete;
  WorkerConnection& operator=(const WorkerConnection&) = delete;

  void SetCallbacks(Callbacks callbacks);
  Status Write(std::string_view frames) { return stream_->Write(frames); }
  // What is queued still goes out, then on_closed; what comes in is ignored from now on.
  void CloseWhenSent();
  const net::PeerInfo& peer() const { return stream_->peer(); }

 private:
  void OnBytes(std::string_view bytes);
  std::unique_ptr<net::Stream> stream_;
  std::shared_ptr<Callbacks> callbacks_;  // shared with a callback that is running while it is replaced
  wire::FrameReader reader_;
  bool deaf_ = false;
  std::shared_ptr<bool> alive_;  // shared with OnBytes, which may outlive this by a few instructions
};

}  // namespace altlas::backend
