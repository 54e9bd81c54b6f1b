// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "net/channel.h"
#include "net/stream.h"

namespace altlas::net {

// The state of a Stream, kept alive by its operations in flight. For the sources of net alone.
class Stream::Impl final : public Channel {
 public:
  static Result<std::shared_ptr<Impl>> Create(IoLoop& loop, UniqueFd fd, PeerInfo peer,
                                              const StreamOptions& options, const std::string& host);

  void Start(StreamCallbacks callbacks);
  Status Write(std::string_view bytes);
  void CloseWhenSent();
  void Close();
  const PeerInfo& peer() const { return peer_; }
  // For the connector: takes the handshake to its end, then calls `done` once. Destruction or Close gives it
  // up.
  void Handshake(std::function<void(Status)> done);

 private:
  Impl(IoLoop& loop, UniqueFd fd, std::unique_ptr<TlsSession> tls, PeerInfo peer,
       const StreamOptions& options)
      : Channel(loop, std::move(fd), std::move(tls)), peer_(std::move(peer)), options_(options) {}
  std::span<char> ReadSpace() override;
  void OnRead(std::size_t bytes) override;
  void OnReadEnd() override;
  void OnBroken(const Error& error) override;
  void OnSent() override;
  void Deliver();
  void FlushSoon();
  void FlushTurn();
  void Finish(const Error& reason);
  void OnTlsReady() override;

  PeerInfo peer_;
  StreamOptions options_;
  std::shared_ptr<StreamCallbacks>
      callbacks_;  // null until Start; shared with the callback that runs: its owner may close us inside
  std::function<void(Status)> on_handshake_;
  std::vector<char> buffer_;
  std::size_t held_ = 0;  // bytes in buffer_ that are not delivered yet
  bool ended_ = false;    // the peer's end was seen, perhaps before Start
  bool flush_posted_ = false;
  bool close_when_sent_ = false;
  bool had_queue_ = false;
};

}  // namespace altlas::net
