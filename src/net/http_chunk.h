// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::net {

// Takes the chunked coding off a body that arrives in pieces. Strict as http_head.h: sizes of 1 to 15
// hexadecimal digits without sign or blank, CRLF line ends, extensions by their grammar and of at most 4 KiB
// together, trailers by the grammar of fields and of at most 8 KiB; both are dropped. Pure.
//   body      = *( size [ext] CRLF octets CRLF ) 1*"0" [ext] CRLF *( field CRLF ) CRLF
//   ext       = *( ";" token [ "=" ( token | quoted-string ) ] )
class ChunkDecoder {
 public:
  // Takes the next part of `input` (removing it from the front) and returns a piece of the body, a view into
  // it; call again while `input` is not empty and done() is false. An empty piece means that only framing was
  // read. kInvalidArgument for what is no chunk, kTooLarge where the body would pass `limit` bytes (noticed
  // at the chunk's size, before its bytes).
  Result<std::string_view> Next(std::string_view& input, std::uint64_t limit);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailer, kDone };
  Status TakeFraming(char c, std::uint64_t limit);
  Status TakeExtension(char c);
  Status TakeTrailer(char c);
  Status EndSize(std::uint64_t limit);

  enum class Extension { kNameStart, kName, kValueStart, kValue, kQuoted, kEscape, kQuotedEnd };
  State state_ = State::kSize;
  Extension extension_ = Extension::kNameStart;
  int digits_ = 0;
  std::uint64_t left_ = 0;   // of the chunk
  std::uint64_t total_ = 0;  // of the body
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string trailer_name_;
  enum class Trailer { kStart, kName, kValue, kLf, kLastLf } trailer_ = Trailer::kStart;
};

}  // namespace altlas::net
