// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace altlas::wire {

namespace {

constexpr std::string_view kMagic = "ALTW";
constexpr std::size_t kSummedHeaderBytes = 24;

template <typename T>
T Load(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <typename T>
void Store(char* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

std::uint64_t Sum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace

void AppendFrame(std::string& out, std::uint16_t type, std::string_view payload) {
  char header[kFrameHeaderBytes];
  std::memcpy(header, kMagic.data(), kMagic.size());
  Store<std::uint8_t>(header + 4, kFrameVersion);
  Store<std::uint8_t>(header + 5, 0);
  Store<std::uint16_t>(header + 6, type);
  Store<std::uint64_t>(header + 8, payload.size());
  Store<std::uint64_t>(header + 16, Sum(payload));
  Store<std::uint64_t>(header + 24, Sum({header, kSummedHeaderBytes}));
  out.reserve(out.size() + kFrameHeaderBytes + payload.size());
  out.append(header, kFrameHeaderBytes).append(payload);
}

void FrameReader::Feed(ByteView bytes) {
  if (!status_) return;
  if (consumed_ > 0) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  buffer_.append(AsText(bytes));
}

std::optional<FrameView> FrameReader::Next() {
  if (!status_) return std::nullopt;
  const auto rest = std::string_view(buffer_).substr(consumed_);
  if (!header_good_) {
    // A wrong magic or version is told by the first bytes: do not wait for a whole header that may never
    // come.
    if (auto good = CheckHeader(rest.substr(0, kFrameHeaderBytes)); !good) {
      Break(std::move(good).error());
      return std::nullopt;
    }
    if (rest.size() < kFrameHeaderBytes) return std::nullopt;
    header_good_ = true;
  }
  const auto length = Load<std::uint64_t>(rest, 8);
  if (rest.size() - kFrameHeaderBytes < length) return std::nullopt;
  const auto payload = rest.substr(kFrameHeaderBytes, length);
  if (Sum(payload) != Load<std::uint64_t>(rest, 16)) {
    Break(Fail(ErrorCode::kCorrupt, "a frame of type {} and {} bytes does not match its checksum",
               Load<std::uint16_t>(rest, 6), length));
    return std::nullopt;
  }
  consumed_ += kFrameHeaderBytes + length;
  header_good_ = false;
  return FrameView{Load<std::uint16_t>(rest, 6), payload};
}

Status FrameReader::CheckHeader(std::string_view header) {
  const auto magic = header.substr(0, kMagic.size());
  if (magic != kMagic.substr(0, magic.size())) {
    return Fail(ErrorCode::kCorrupt, "the peer does not speak this protocol: a frame starts with \"ALTW\"");
  }
  if (header.size() > 4 && Load<std::uint8_t>(header, 4) != kFrameVersion) {
    return Fail(ErrorCode::kUnsupported,
                "the peer sends frames of version {}, this program reads version {}: use one version",
                Load<std::uint8_t>(header, 4), kFrameVersion);
  }
  if (header.size() < kFrameHeaderBytes) return {};
  if (Load<std::uint64_t>(header, 24) != Sum(header.substr(0, kSummedHeaderBytes))) {
    return Fail(ErrorCode::kCorrupt, "the header of a frame does not match its checksum");
  }
  if (header[5] != 0) {
    return Fail(ErrorCode::kCorrupt, "a frame has flags 0x{:02x}; none is defined in version {}",
                Load<std::uint8_t>(header, 5), kFrameVersion);
  }
  if (const auto length = Load<std::uint64_t>(header, 8); length > max_payload_bytes_) {
    return Fail(ErrorCode::kTooLarge, "a frame of type {} says {} bytes; the limit on this link is {}",
                Load<std::uint16_t>(header, 6), length, max_payload_bytes_);
  }
  return {};
}

void FrameReader::Break(Error error) {
  status_ = std::move(error);
  buffer_.clear();
  buffer_.shrink_to_fit();
  consumed_ = 0;
}

}  // namespace altlas::wire
