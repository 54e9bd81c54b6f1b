// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace altlas::wire {

// The frame: what carries every message between two processes of ALT_LAS. All numbers are little-endian.
//
// clang-format off
//   frame  := magic version flags type length payload_sum header_sum payload
//   magic        4 bytes  'A' 'L' 'T' 'W'
//   version      u8       1; the first five bytes mean the same in every version
//   flags        u8       0; no flag is defined yet, so any other value is refused
//   type         u16      which message the payload holds (messages.h)
//   length       u64      bytes of payload; capped by the reader before anything is allocated
//   payload_sum  u64      XXH3-64 of the payload, seed 0
//   header_sum   u64      XXH3-64 of the 24 bytes before it, seed 0: a damaged length is refused before it is believed
//   payload      length bytes
// clang-format on
//
// docs/formats/wire.md is the specification. The sums find damage, not malice: who may speak is decided by
// the socket's peer and a token, or by TLS.
inline constexpr std::size_t kFrameHeaderBytes = 32;
inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::uint64_t kDefaultMaxPayloadBytes = std::uint64_t{64} << 20;

// One frame as it arrived. `payload` is a view: valid until the next call on the reader it came from.
struct FrameView {
  std::uint16_t type = 0;
  std::string_view payload;
};

// Appends one frame to `out`. Never fails.
void AppendFrame(std::string& out, std::uint16_t type, std::string_view payload);

// Cuts a stream of bytes, however split, into frames. Not thread-safe, never blocks.
//
//   reader.Feed(bytes);
//   while (auto frame = reader.Next()) Use(*frame);
//   if (!reader.status()) Close(reader.status().error());
//
// Memory: what was fed and not yet returned, so a peer must send what it wants held; a length past the cap is
// refused when the header is complete. The first error latches: frames before it are still returned, nothing
// after it. Errors: kCorrupt (magic, flags, a sum), kUnsupported (version), kTooLarge (length).
class FrameReader {
 public:
  explicit FrameReader(std::uint64_t max_payload_bytes = kDefaultMaxPayloadBytes)
      : max_payload_bytes_(max_payload_bytes) {}

  void Feed(ByteView bytes);
  // The next complete frame; empty where more bytes are needed or the stream is broken.
  std::optional<FrameView> Next();
  const Status& status() const { return status_; }

 private:
  Status CheckHeader(std::string_view header);
  void Break(Error error);

  std::uint64_t max_payload_bytes_;
  std::string buffer_;
  std::size_t consumed_ = 0;  // bytes of buffer_ that were returned already
  bool header_good_ = false;  // the header at consumed_ has been checked
  Status status_;
};

}  // namespace altlas::wire
