// SPDX-License-Identifier: Apache-2.0
#include "net/http_chunk.h"

#include <algorithm>
#include <array>

#include "net/http_chars.h"
#include "net/http_head.h"

namespace altlas::net {
namespace {

constexpr int kMaxSizeDigits = 15;
constexpr std::size_t kMaxExtensionBytes = 4u << 10;
constexpr std::size_t kMaxTrailerBytes = 8u << 10;

// Visible, blank or beyond ASCII: what a field value and a quoted string may hold.
bool IsText(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == '\t' || (u >= 0x20 && u != 0x7f);
}

// Fields that would change what the request means, had they stood in its head.
bool ForbiddenInTrailer(std::string_view name) {
  constexpr std::array<std::string_view, 10> kForbidden = {
      "transfer-encoding", "content-length", "host",          "connection", "proxy-connection",
      "upgrade",           "expect",         "authorization", "trailer",    "te"};
  return std::any_of(kForbidden.begin(), kForbidden.end(),
                     [&](auto forbidden) { return EqualsIgnoreCase(name, forbidden); });
}

Error Malformed(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, "the chunked body is malformed: {}", what);
}

}  // namespace

Result<std::string_view> ChunkDecoder::Next(std::string_view& input, std::uint64_t limit) {
  while (!input.empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      const auto piece = input.substr(0, size);
      input.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) state_ = State::kDataCr;
      return piece;
    }
    const char c = input.front();
    input.remove_prefix(1);
    ALTLAS_TRY_VOID(TakeFraming(c, limit));
  }
  return std::string_view();
}

Status ChunkDecoder::TakeFraming(char c, std::uint64_t limit) {
  switch (state_) {
    case State::kSize: {
      const int value = HexValue(c);
      if (value >= 0) {
        if (++digits_ > kMaxSizeDigits) return Malformed("a chunk size of more than 15 digits");
        left_ = left_ * 16 + static_cast<unsigned>(value);
        return {};
      }
      if (digits_ == 0) return Malformed("a chunk without a hexadecimal size");
      if (c == '\r') {
        state_ = State::kSizeLf;
        return {};
      }
      if (c != ';') return Malformed("a character after the chunk size that is no digit, ';' or CR LF");
      state_ = State::kExtension;
      extension_ = Extension::kNameStart;
      return {};
    }
    case State::kExtension:
      return TakeExtension(c);
    case State::kSizeLf:
      if (c != '\n') return Malformed("a CR without LF after the chunk size");
      return EndSize(limit);
    case State::kDataCr:
      if (c != '\r') return Malformed("a chunk longer than its size");
      state_ = State::kDataLf;
      return {};
    case State::kDataLf:
      if (c != '\n') return Malformed("a CR without LF after a chunk");
      state_ = State::kSize;
      digits_ = 0;
      return {};
    case State::kTrailer:
      return TakeTrailer(c);
    case State::kData:
    case State::kDone:
      break;
  }
  return {};
}

Status ChunkDecoder::EndSize(std::uint64_t limit) {
  if (left_ == 0) {
    state_ = State::kTrailer;
    return {};
  }
  if (left_ > limit || total_ > limit - left_) {
    return Fail(ErrorCode::kTooLarge, "the body is longer than {} bytes, the limit; send less", limit);
  }
  total_ += left_;
  state_ = State::kData;
  return {};
}

Status ChunkDecoder::TakeExtension(char c) {
  if (++extension_bytes_ > kMaxExtensionBytes) return Malformed("more than 4096 bytes of chunk extensions");
  const bool may_end = extension_ == Extension::kName || extension_ == Extension::kValue ||
                       extension_ == Extension::kQuotedEnd;
  if (may_end && c == '\r') {
    state_ = State::kSizeLf;
    return {};
  }
  if (may_end && c == ';') {
    extension_ = Extension::kNameStart;
    return {};
  }
  switch (extension_) {
    case Extension::kNameStart:
    case Extension::kName:
      if (extension_ == Extension::kName && c == '=') {
        extension_ = Extension::kValueStart;
        return {};
      }
      extension_ = Extension::kName;
      break;
    case Extension::kValueStart:
      if (c == '"') {
        extension_ = Extension::kQuoted;
        return {};
      }
      extension_ = Extension::kValue;
      break;
    case Extension::kValue:
      break;
    case Extension::kQuoted:
      if (!IsText(c)) return Malformed("a control character in a chunk extension");
      if (c == '"') extension_ = Extension::kQuotedEnd;
      if (c == '\\') extension_ = Extension::kEscape;
      return {};
    case Extension::kEscape:
      if (!IsText(c)) return Malformed("a control character in a chunk extension");
      extension_ = Extension::kQuoted;
      return {};
    case Extension::kQuotedEnd:
      return Malformed("a chunk extension that goes on after its quoted value");
  }
  if (!IsTokenChar(c)) return Malformed("a chunk extension that is no name or value");
  return {};
}

Status ChunkDecoder::TakeTrailer(char c) {
  if (++trailer_bytes_ > kMaxTrailerBytes) return Malformed("more than 8192 bytes of trailers");
  switch (trailer_) {
    case Trailer::kStart:
      if (c == '\r') {
        trailer_ = Trailer::kLastLf;
        return {};
      }
      if (!IsTokenChar(c)) return Malformed("a trailer without a field name");
      trailer_ = Trailer::kName;
      trailer_name_ = c;
      return {};
    case Trailer::kName:
      if (c == ':') {
        if (ForbiddenInTrailer(trailer_name_)) return Malformed("a trailer that belongs into the head");
        trailer_ = Trailer::kValue;
      } else if (!IsTokenChar(c)) {
        return Malformed("a trailer whose field name holds a character it may not");
      } else {
        trailer_name_.push_back(c);
      }
      return {};
    case Trailer::kValue:
      if (c == '\r') {
        trailer_ = Trailer::kLf;
      } else if (!IsText(c)) {
        return Malformed("a control character in a trailer");
      }
      return {};
    case Trailer::kLf:
      if (c != '\n') return Malformed("a CR without LF in a trailer");
      trailer_ = Trailer::kStart;
      return {};
    case Trailer::kLastLf:
      if (c != '\n') return Malformed("a CR without LF at the end of the body");
      state_ = State::kDone;
      return {};
  }
  return {};
}

}  // namespace altlas::net
