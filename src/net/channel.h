// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/loop_native.h"
#include "net/tls_session.h"

namespace altlas::net {

// A connected socket with or without TLS, for the sources of net alone: the base of Stream::Impl and
// HttpConnection. Sending is tried at once and waits for the socket only where the kernel's buffer is full;
// one read is outstanding at most. Events (the pure virtuals) come from the loop, never inside a method. Held
// by shared_ptr: operations in flight keep it alive.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool open() const { return open_; }
  bool secure() const { return tls_ != nullptr; }
  // Bytes not yet taken by the kernel.
  std::size_t unsent() const { return out_.size() + encrypted_.size() - sent_; }
  // Grows with every byte the kernel takes: how a sweep tells a stalled peer from a slow one.
  std::uint64_t sent_total() const { return sent_total_; }
  // Closes at once, without an event.
  void CloseNow();

 protected:
  Channel(IoLoop& loop, UniqueFd fd, std::unique_ptr<TlsSession> tls);
  // Called once, after make_shared: gives the descriptor to the loop.
  Status Register();

  // Where the next bytes go; left alone until OnRead, OnReadEnd or OnBroken. Empty: not now, nothing is read
  // until the next StartRead.
  virtual std::span<char> ReadSpace() = 0;
  virtual void OnRead(std::size_t bytes) = 0;
  // The peer sends no more (it may still read).
  virtual void OnReadEnd() = 0;
  // The connection is lost. Closed already; the last event.
  virtual void OnBroken(const Error& error) = 0;
  // What had to wait for the socket is sent.
  virtual void OnSent() = 0;
  // The TLS handshake is done. Once, before the first bytes are read.
  virtual void OnTlsReady() {}

  // One OnRead (or end) will follow. With TLS it may come from inside this call, unless a read is being
  // handled.
  void StartRead();
  // After OnReadEnd, for those who go on: a peer that has left altogether is told by OnBroken as soon as its
  // system says so, which for TCP is after the next bytes are sent to it.
  void WatchForLoss();
  // What the next Flush sends; append only.
  std::string& out() { return out_; }
  void Flush();
  // FIN after what is sent; with TLS a goodbye first. Requires unsent() == 0.
  void ShutdownWrite();
  // Begins the TLS handshake by sending the greeting; it goes on under StartRead.
  Status AdvanceTls();
  IoLoop& loop() { return loop_; }

 private:
  void ReadSome(std::span<char> space);
  // ReadSpace; an empty one takes the wish to read back.
  std::span<char> SpaceToRead();
  void OnReadable(std::size_t bytes);
  void PumpTls();
  void EndRead();
  void SendBytes(std::string& bytes);
  void WaitWritable();
  void Break(Error error);

  IoLoop& loop_;
  UniqueFd fd_;
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  std::vector<char> encrypted_in_;
  std::string out_;        // plain bytes to send
  std::string encrypted_;  // with TLS: encrypted bytes to send
  std::size_t sent_ = 0;   // of out_, or of encrypted_ with TLS
  std::uint64_t sent_total_ = 0;
  bool open_ = true;
  bool broken_ = false;  // OnBroken is on its way
  bool reading_ = false;
  bool want_read_ = false;
  bool pumping_ = false;
  bool read_ended_ = false;
  bool waiting_writable_ = false;
  bool tls_announced_ = false;
};

}  // namespace altlas::net
