// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas {

static_assert(std::endian::native == std::endian::little,
              "the byte formats are little-endian and written by memcpy");

using ByteView = std::span<const std::byte>;

inline ByteView AsBytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Appends little-endian values to a string that it owns. Not thread-safe, never fails.
class ByteWriter {
 public:
  template <typename T>
    requires std::integral<T> || std::floating_point<T>
  void Put(T value) {
    const auto* raw = reinterpret_cast<const char*>(&value);
    out_.append(raw, sizeof(T));
  }
  void PutRaw(std::string_view text) { out_.append(text); }
  // u32 length, then the bytes.
  void PutString(std::string_view text) {
    Put<std::uint32_t>(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }
  std::string& out() { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads little-endian values from bytes it borrows. Every length is checked against what remains before
// anything is allocated; the first failure latches, later reads return zero values, and `status()` tells.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  template <typename T>
    requires std::integral<T> || std::floating_point<T>
  T Get() {
    T value{};
    if (!Need(sizeof(T))) return value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  // A view into the input: valid as long as the input is.
  std::string_view GetString(std::uint32_t limit = UINT32_MAX) {
    const auto size = Get<std::uint32_t>();
    if (failed_) return {};
    if (size > limit) {
      failed_ = true;
      return {};
    }
    return GetRaw(size);
  }
  std::string_view GetRaw(std::size_t size) {
    if (!Need(size)) return {};
    auto view = AsText(bytes_.subspan(position_, size));
    position_ += size;
    return view;
  }
  std::size_t remaining() const { return bytes_.size() - position_; }
  std::size_t position() const { return position_; }
  bool ok() const { return !failed_; }
  // kCorrupt where a read ran past the end or a length passed its limit, or bytes are left over.
  Status Finish() const {
    if (failed_) return Fail(ErrorCode::kCorrupt, "the message ends early or holds a length past its limit");
    if (remaining() != 0) return Fail(ErrorCode::kCorrupt, "the message has {} bytes too many", remaining());
    return {};
  }

 private:
  bool Need(std::size_t size) {
    if (failed_ || remaining() < size) {
      failed_ = true;
      return false;
    }
    return true;
  }
  ByteView bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace altlas
