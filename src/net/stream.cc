// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include "net/acceptor.h"
#include "net/stream_impl.h"

namespace altlas::net {
namespace {

constexpr std::size_t kFlushAtOnceBytes = 64u << 10;

}  // namespace

Result<std::shared_ptr<Stream::Impl>> Stream::Impl::Create(IoLoop& loop, UniqueFd fd, PeerInfo peer,
                                                           const StreamOptions& options,
                                                           const std::string& host) {
  std::unique_ptr<TlsSession> tls;
  if (options.tls != nullptr) {
    ALTLAS_TRY(tls, TlsSession::Create(options.tls, host));
  }
  std::shared_ptr<Impl> impl(new Impl(loop, std::move(fd), std::move(tls), std::move(peer), options));
  ALTLAS_TRY_VOID(impl->Register());
  return impl;
}

// Posted: with TLS, bytes decrypted already are delivered by StartRead itself.
void Stream::Impl::Start(StreamCallbacks callbacks) {
  callbacks_ = std::make_shared<StreamCallbacks>(std::move(callbacks));
  loop().Post([self = std::static_pointer_cast<Impl>(shared_from_this())] { self->Deliver(); });
}

Status Stream::Impl::Write(std::string_view bytes) {
  if (!open() || close_when_sent_)
    return Fail(ErrorCode::kUnavailable, "the connection to {} is closed", peer_.name);
  if (bytes.size() > options_.max_queued_bytes - std::min(unsent(), options_.max_queued_bytes)) {
    return Fail(ErrorCode::kOverloaded, "{} does not read: {} bytes wait to be sent to it, the limit is {}",
                peer_.name, unsent(), options_.max_queued_bytes);
  }
  out().append(bytes);
  if (unsent() >= kFlushAtOnceBytes) {
    Flush();
    if (unsent() == 0) FlushSoon();
  } else {
    FlushSoon();
  }
  had_queue_ = true;
  return {};
}

void Stream::Impl::FlushSoon() {
  if (flush_posted_) return;
  flush_posted_ = true;
  loop().Post([self = std::static_pointer_cast<Impl>(shared_from_this())] { self->FlushTurn(); });
}

void Stream::Impl::FlushTurn() {
  flush_posted_ = false;
  if (!open()) return;
  Flush();
  if (open() && unsent() == 0) OnSent();
}

void Stream::Impl::OnSent() {
  if (close_when_sent_) {
    ShutdownWrite();
    return Finish(Fail(ErrorCode::kCanceled, "closed after everything was sent"));
  }
  if (!had_queue_) return;
  had_queue_ = false;
  if (const auto callbacks = callbacks_; callbacks != nullptr && callbacks->on_drained)
    callbacks->on_drained();
}

void Stream::Impl::CloseWhenSent() {
  if (!open() || close_when_sent_) return;
  close_when_sent_ = true;
  FlushSoon();
}

void Stream::Impl::Close() {
  CloseNow();
  callbacks_.reset();
  on_handshake_ = nullptr;
}

std::span<char> Stream::Impl::ReadSpace() {
  if (buffer_.empty()) buffer_.resize(std::max<std::size_t>(options_.read_buffer_bytes, 1));
  return buffer_;
}

void Stream::Impl::OnRead(std::size_t bytes) {
  held_ = bytes;
  Deliver();
}

void Stream::Impl::Deliver() {
  if (!open() || callbacks_ == nullptr) return;
  if (held_ > 0) {
    const std::string_view bytes(buffer_.data(), std::exchange(held_, 0));
    const auto keep = shared_from_this();
    if (const auto callbacks = callbacks_; callbacks->on_bytes) callbacks->on_bytes(bytes);
    if (!open()) return;
  }
  if (ended_) return Finish(Fail(ErrorCode::kUnavailable, "{} closed the connection", peer_.name));
  StartRead();
}

void Stream::Impl::OnReadEnd() {
  ended_ = true;
  if (on_handshake_)
    return OnBroken(
        Fail(ErrorCode::kUnavailable, "{} closed the connection during the TLS handshake", peer_.name));
  Deliver();
}

void Stream::Impl::Finish(const Error& reason) {
  CloseNow();
  const auto callbacks = std::move(callbacks_);
  if (callbacks != nullptr && callbacks->on_close) callbacks->on_close(reason);
}

void Stream::Impl::OnBroken(const Error& error) {
  const auto done = std::exchange(on_handshake_, nullptr);
  if (!done) return Finish(error);
  CloseNow();
  done(error);
}

void Stream::Impl::Handshake(std::function<void(Status)> done) {
  on_handshake_ = std::move(done);
  const auto advanced = AdvanceTls();  // sends the greeting
  if (!advanced) return OnBroken(advanced.error());
  StartRead();
}

void Stream::Impl::OnTlsReady() {
  if (const auto done = std::exchange(on_handshake_, nullptr)) done({});
}

Stream::Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() { impl_->Close(); }
void Stream::Start(StreamCallbacks callbacks) { impl_->Start(std::move(callbacks)); }
Status Stream::Write(std::string_view bytes) { return impl_->Write(bytes); }
std::size_t Stream::queued_bytes() const { return impl_->unsent(); }
void Stream::CloseWhenSent() { impl_->CloseWhenSent(); }
void Stream::Close() { impl_->Close(); }
bool Stream::closed() const { return !impl_->open(); }
const PeerInfo& Stream::peer() const { return impl_->peer(); }

struct StreamListener::Impl {
  std::shared_ptr<Acceptor> acceptor;  // shared with its wait
  ~Impl() { acceptor->Close(); }
};

StreamListener::StreamListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamListener::~StreamListener() = default;

Result<std::unique_ptr<StreamListener>> StreamListener::Create(IoLoop& loop, const Address& address,
                                                               ListenOptions options, OnAccept on_accept) {
  auto accept = [&loop, stream = options.stream, on_accept = std::move(on_accept)](UniqueFd fd,
                                                                                   PeerInfo peer) {
    auto impl = Stream::Impl::Create(loop, std::move(fd), std::move(peer), stream, "");
    if (impl) on_accept(std::make_unique<Stream>(std::move(*impl)));
  };
  ALTLAS_TRY(auto acceptor, Acceptor::Create(loop, address, options, std::move(accept)));
  auto impl = std::make_unique<Impl>();
  impl->acceptor = std::move(acceptor);
  return std::unique_ptr<StreamListener>(new StreamListener(std::move(impl)));
}

const Address& StreamListener::address() const { return impl_->acceptor->address(); }

}  // namespace altlas::net
