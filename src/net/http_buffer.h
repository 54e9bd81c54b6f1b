// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/executor.h"
#include "net/http.h"
#include "net/http_server.h"

namespace altlas::net {

// What the sessions of one server share. Owned by the server; exchanges keep it alive, since handlers may
// hold writers longer.
struct HttpShared {
  HttpServerOptions options;
  HttpHandler handler;
  Executor post;
  HttpServerStats stats;
  std::string date_line;  // "Date: …\r\n", renewed by the server's sweep
  bool draining = false;
  bool dead = false;  // the server is gone: nobody is called back any more
};

// The bytes of one connection that have come and are not handled yet. Grows by doubling, keeps kBodyPadding
// readable bytes behind.
class HttpBuffer {
 public:
  explicit HttpBuffer(HttpShared& shared) : shared_(shared) {}
  ~HttpBuffer();
  HttpBuffer(const HttpBuffer&) = delete;
  HttpBuffer& operator=(const HttpBuffer&) = delete;

  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  char* data() { return data_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  // Free space behind view(), of `wanted` bytes if that is cheap; moves the bytes held. Empty where the
  // server's limit on buffered bytes forbids to grow.
  std::span<char> Space(std::size_t wanted);
  // So many bytes were written to the front of the last Space, whatever was consumed or cut meanwhile.
  void Added(std::size_t bytes);
  void Consume(std::size_t bytes) { begin_ += bytes; }
  // Gives the kBodyPadding bytes behind `position` a value where nothing has come yet: parsers may read them.
  // Left as they are while a Space is out.
  void PadAfter(std::size_t position);
  // Drops `size` bytes that begin `from` bytes into view().
  void Cut(std::size_t from, std::size_t size);

 private:
  void Reallocate(std::size_t capacity);
  HttpShared& shared_;
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::optional<std::size_t> offered_;  // where the Space that is out begins
};

}  // namespace altlas::net
