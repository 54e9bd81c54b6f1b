// SPDX-License-Identifier: Apache-2.0
#include "net/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

namespace altlas::net {
namespace {

constexpr std::size_t kEncryptedReadBytes = 17u << 10;  // one TLS record
constexpr std::size_t kKeptCapacity = 64u << 10;        // a larger send buffer is given back once it is empty
constexpr std::size_t kCompactBytes = 256u << 10;

}  // namespace

Channel::Channel(IoLoop& loop, UniqueFd fd, std::unique_ptr<TlsSession> tls)
    : loop_(loop), fd_(std::move(fd)), socket_(loop.native().context.get_executor()), tls_(std::move(tls)) {}

Status Channel::Register() {
  int family = 0;
  socklen_t size = sizeof(family);
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  boost::system::error_code error;
  socket_.assign(asio::generic::stream_protocol(family, 0), fd_.get(), error);
  if (error) return Fail(ErrorCode::kUnavailable, "cannot watch a connection: {}", error.message());
  fd_.Release();
  if (tls_ != nullptr) encrypted_in_.resize(kEncryptedReadBytes);
  return {};
}

void Channel::CloseNow() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Channel::StartRead() {
  if (!open_ || read_ended_) return;
  want_read_ = true;
  if (reading_ || pumping_) return;
  if (tls_ != nullptr) {
    PumpTls();
  } else if (const auto space = SpaceToRead(); !space.empty()) {
    ReadSome(space);
  }
}

std::span<char> Channel::SpaceToRead() {
  const auto space = ReadSpace();
  if (space.empty()) want_read_ = false;
  return space;
}

void Channel::ReadSome(std::span<char> space) {
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(space.data(), space.size()),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
        self->reading_ = false;
        if (!self->open_) return;
        if (!error) {
          self->OnReadable(bytes);
        } else if (error == asio::error::eof) {
          self->EndRead();
        } else {
          self->Break(Fail(ErrorCode::kUnavailable, "the connection broke: {}", error.message()));
        }
      });
}

void Channel::OnReadable(std::size_t bytes) {
  if (tls_ == nullptr) {
    want_read_ = false;
    OnRead(bytes);
    return;
  }
  const auto fed = tls_->Feed({encrypted_in_.data(), bytes});
  if (!fed) return Break(fed.error());
  if (!tls_announced_) {
    const auto advanced = tls_->Advance();
    Flush();  // the next messages, or the alert
    if (!advanced) return Break(advanced.error());
    if (tls_->handshake_done()) {
      tls_announced_ = true;
      OnTlsReady();
      if (!open_) return;
    }
  }
  PumpTls();
}

void Channel::PumpTls() {
  pumping_ = true;
  while (open_ && want_read_) {
    const auto space = SpaceToRead();
    if (space.empty()) break;
    auto got = tls_->Read(space);
    if (!got) {
      Flush();  // the alert
      pumping_ = false;
      return Break(std::move(got).error());
    }
    if (*got == 0) break;
    want_read_ = false;
    OnRead(*got);
  }
  pumping_ = false;
  if (!open_) return;
  Flush();  // handshake messages
  if (tls_->ended()) return EndRead();
  if (open_ && want_read_ && !reading_) ReadSome(encrypted_in_);
}

void Channel::EndRead() {
  if (read_ended_) return;
  read_ended_ = true;
  want_read_ = false;
  OnReadEnd();
}

void Channel::WatchForLoss() {
  socket_.async_wait(Socket::wait_error, [self = shared_from_this()](const boost::system::error_code& error) {
    if (error || !self->open_) return;
    pollfd state{self->socket_.native_handle(), 0, 0};
    // Urgent bytes, which nobody reads, end the wait as well.
    if (::poll(&state, 1, 0) <= 0 || (state.revents & (POLLERR | POLLHUP)) == 0) return;
    self->Break(Fail(ErrorCode::kUnavailable, "the connection was closed by its other end"));
  });
}

Status Channel::AdvanceTls() {
  const auto advanced = tls_->Advance();
  Flush();
  return advanced;
}

void Channel::Flush() {
  if (!open_ || broken_ || waiting_writable_) return;
  if (tls_ == nullptr) return SendBytes(out_);
  if (!out_.empty() && tls_->handshake_done()) {
    const auto written = tls_->Write(out_);
    if (!written) return Break(written.error());
    out_.clear();
    if (out_.capacity() > kKeptCapacity) std::string().swap(out_);
  }
  tls_->TakeOutput(encrypted_);
  SendBytes(encrypted_);
}

void Channel::SendBytes(std::string& bytes) {
  while (sent_ < bytes.size()) {
    const ssize_t taken = ::send(socket_.native_handle(), bytes.data() + sent_, bytes.size() - sent_,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken >= 0) {
      sent_ += static_cast<std::size_t>(taken);
      sent_total_ += static_cast<std::uint64_t>(taken);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return Break(Fail(ErrorCode::kUnavailable, "the connection broke: {}", std::strerror(errno)));
    }
    if (sent_ >= kCompactBytes) {
      bytes.erase(0, sent_);
      sent_ = 0;
    }
    return WaitWritable();
  }
  bytes.clear();
  sent_ = 0;
  if (bytes.capacity() > kKeptCapacity) std::string().swap(bytes);
}

void Channel::WaitWritable() {
  waiting_writable_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    if (error || !self->open_) return;
    self->Flush();
    if (self->open_ && !self->broken_ && self->unsent() == 0) self->OnSent();
  });
}

void Channel::ShutdownWrite() {
  if (!open_) return;
  if (tls_ != nullptr) {
    tls_->Shutdown();
    Flush();
  }
  boost::system::error_code ignored;
  if (open_ && !broken_) socket_.shutdown(Socket::shutdown_send, ignored);
}

// Posted, since a failing send is noticed inside the owner's own calls.
void Channel::Break(Error error) {
  if (!open_ || broken_) return;
  broken_ = true;
  asio::post(loop_.native().context, [self = shared_from_this(), error = std::move(error)] {
    if (!self->open_) return;
    self->CloseNow();
    self->OnBroken(error);
  });
}

}  // namespace altlas::net
