// SPDX-License-Identifier: Apache-2.0
// Frames and messages from hostile bytes. The first byte chooses: a raw stream in pieces, or a payload of a
// chosen type inside a good frame (so that the checksums do not keep everything out). What decodes must
// encode to the same bytes again.
#include <algorithm>
#include <cstdlib>

#include "wire/messages.h"

using namespace altlas;
using namespace altlas::wire;

namespace {

constexpr std::uint64_t kLimit = 1 << 16;

void CheckMessage(const FrameView& frame) {
  const auto message = DecodeMessage(frame);
  if (!message) return;
  std::string expected;
  AppendFrame(expected, frame.type, frame.payload);
  const auto encoded = EncodeMessage(*message);
  ALTLAS_CHECK(encoded.has_value() && *encoded == expected);
}

void ReadStream(std::string_view bytes, std::size_t piece) {
  FrameReader reader(kLimit);
  while (!bytes.empty()) {
    const auto size = std::min(piece, bytes.size());
    reader.Feed(AsBytes(bytes.substr(0, size)));
    bytes.remove_prefix(size);
    while (const auto frame = reader.Next()) {
      ALTLAS_CHECK(frame->payload.size() <= kLimit);
      CheckMessage(*frame);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.size() < 3) return 0;
  const auto choice = static_cast<unsigned char>(bytes[0]);
  if (choice < 128) {
    ReadStream(bytes.substr(1), 1 + choice);
  } else {
    std::uint16_t type = 0;
    std::copy_n(bytes.data() + 1, sizeof(type), reinterpret_cast<char*>(&type));
    CheckMessage({type, bytes.substr(3)});
  }
  return 0;
}
