// SPDX-License-Identifier: Apache-2.0
#include "net/reply_reader.h"

#include <algorithm>
#include <utility>

namespace altlas::net {

Status ReplyReader::FeedHead(std::string_view& input, const Events& events) {
  const std::size_t before = text_.size();
  // A piece at a time, so that a body behind the head is not scanned as one.
  const auto piece = input.substr(0, limits_.header_bytes + 1 - std::min(before, limits_.header_bytes));
  text_.append(piece);
  const auto size = scanner_.Scan(text_, limits_);
  if (!size) return Fail(ErrorCode::kCorrupt, "the answer is not HTTP: {}", size.error().message);
  if (*size == 0) {
    input.remove_prefix(piece.size());
    return {};
  }
  input.remove_prefix(*size - before);
  text_.resize(*size);
  ALTLAS_TRY_VOID(ParseResponseHead(text_, limits_, head_));
  if (head_.status >= 200) {
    HttpReply reply;
    reply.status = head_.status;
    for (const auto& field : head_.fields) reply.headers.emplace_back(field.name, field.value);
    ChooseFraming();
    events.on_head(reply);
  }
  text_.clear();
  scanner_.Reset();
  return {};
}

void ReplyReader::ChooseFraming() {
  if (head_only_ || head_.status == 204 || head_.status == 304) {
    state_ = State::kDone;
  } else if (head_.chunked) {
    state_ = State::kChunked;
  } else if (head_.content_length) {
    left_ = *head_.content_length;
    state_ = left_ > 0 ? State::kLength : State::kDone;
  } else {
    until_close_ = true;
    state_ = State::kUntilClose;
  }
}

Status ReplyReader::Feed(std::string_view& input, const Events& events) {
  begun_ = begun_ || !input.empty();
  while (!input.empty() && state_ != State::kDone) {
    switch (state_) {
      case State::kHead:
        ALTLAS_TRY_VOID(FeedHead(input, events));
        break;
      case State::kLength: {
        const auto piece =
            input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
        input.remove_prefix(piece.size());
        left_ -= piece.size();
        if (left_ == 0) state_ = State::kDone;
        events.on_body(piece);
        break;
      }
      case State::kChunked: {
        const auto piece = chunks_.Next(input, UINT64_MAX);
        if (!piece) return Fail(ErrorCode::kCorrupt, "the answer is not HTTP: {}", piece.error().message);
        if (chunks_.done()) state_ = State::kDone;
        if (!piece->empty()) events.on_body(*piece);
        break;
      }
      case State::kUntilClose:
        events.on_body(std::exchange(input, {}));
        break;
      case State::kDone:
        break;
    }
  }
  return {};
}

Status ReplyReader::EndOfInput() {
  if (state_ == State::kUntilClose) state_ = State::kDone;
  if (state_ == State::kDone) return {};
  return Fail(ErrorCode::kUnavailable, "the server closed the connection {}",
              begun_ ? "in the middle of its answer" : "without an answer");
}

}  // namespace altlas::net
