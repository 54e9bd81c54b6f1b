// SPDX-License-Identifier: Apache-2.0
#include "net/http_buffer.h"

#include <algorithm>
#include <cstring>

namespace altlas::net {
namespace {

constexpr std::size_t kFirstCapacity = 4u << 10;
constexpr std::size_t kKeptBufferBytes = 64u << 10;  // a larger buffer is given back between requests

}  // namespace

HttpBuffer::~HttpBuffer() { shared_.stats.buffered_bytes -= capacity_; }

void HttpBuffer::Reallocate(std::size_t capacity) {
  std::unique_ptr<char[]> fresh(new char[capacity + Request::kBodyPadding]);
  if (size() > 0) std::memcpy(fresh.get(), data(), size());
  end_ -= begin_;
  begin_ = 0;
  data_ = std::move(fresh);
  shared_.stats.buffered_bytes += capacity - capacity_;
  capacity_ = capacity;
}

std::span<char> HttpBuffer::Space(std::size_t wanted) {
  if (size() == 0) {
    begin_ = end_ = 0;
    if (capacity_ > kKeptBufferBytes || capacity_ == 0) Reallocate(kFirstCapacity);
  }
  if (capacity_ - end_ < std::min<std::size_t>(wanted, 1024) && begin_ > 0) {
    std::memmove(data_.get(), data(), size());
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ < std::min<std::size_t>(wanted, 1024)) {
    // Never more than doubled at a time: memory follows the bytes that came, not those that were announced.
    const std::size_t grown =
        std::min(std::max(capacity_ * 2, kFirstCapacity), end_ + std::max<std::size_t>(wanted, 1024));
    if (shared_.stats.buffered_bytes + (grown - capacity_) > shared_.options.limits.buffered_bytes) return {};
    Reallocate(grown);
  }
  offered_ = end_;
  return {data_.get() + end_, capacity_ - end_};
}

void HttpBuffer::Added(std::size_t bytes) {
  // Cut may have moved the end while the read was under way.
  if (bytes > 0 && *offered_ != end_) std::memmove(data_.get() + end_, data_.get() + *offered_, bytes);
  offered_.reset();
  end_ += bytes;
}

void HttpBuffer::PadAfter(std::size_t position) {
  // While a read is under way its bytes may stand there already.
  if (offered_) return;
  const std::size_t past = position + Request::kBodyPadding;
  if (past > size()) std::memset(data() + size(), 0, past - size());
}

void HttpBuffer::Cut(std::size_t from, std::size_t size) {
  char* at = data() + from;
  std::memmove(at, at + size, static_cast<std::size_t>(data_.get() + end_ - (at + size)));
  end_ -= size;
}

}  // namespace altlas::net
