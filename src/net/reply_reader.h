// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_chunk.h"
#include "net/http_client.h"
#include "net/http_head.h"

namespace altlas::net {

// Reads one answer from bytes in pieces: head (interim ones are skipped), then the body by its length, its
// chunks or the connection's end. For the sources of net alone. Pure; not thread-safe, never blocks. Errors:
// kCorrupt for what is not HTTP, kUnavailable for an answer that broke off; after one it is not to be fed
// again.
class ReplyReader {
 public:
  // Called inside Feed, on_head once and before on_body; the views are valid inside the call.
  struct Events {
    std::function<void(const HttpReply&)> on_head;
    std::function<void(std::string_view)> on_body;
  };
  ReplyReader(bool head_only, std::size_t max_header_bytes) : head_only_(head_only) {
    limits_.header_bytes = max_header_bytes;
    limits_.target_bytes = max_header_bytes;
    limits_.header_count = 1000;
  }
  // Takes what belongs to the answer from the front of `input`.
  Status Feed(std::string_view& input, const Events& events);
  // The connection ended: an error where the answer is not complete.
  Status EndOfInput();
  // The answer is complete.
  bool done() const { return state_ == State::kDone; }
  // A byte of it has come.
  bool begun() const { return begun_; }
  // Once done: another call may follow on the connection.
  bool keep_alive() const { return head_.keep_alive && !until_close_; }

 private:
  enum class State { kHead, kLength, kChunked, kUntilClose, kDone };
  Status FeedHead(std::string_view& input, const Events& events);
  void ChooseFraming();

  bool head_only_;
  HeadLimits limits_;
  State state_ = State::kHead;
  HeadScanner scanner_;
  ResponseHead head_;
  std::string text_;
  ChunkDecoder chunks_;
  std::uint64_t left_ = 0;
  bool begun_ = false;
  bool until_close_ = false;
};

}  // namespace altlas::net
