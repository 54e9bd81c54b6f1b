// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "profile/capture.h"

// The bytes of the collector's file, version 1. Specification: docs/formats/collector.md.
//   file   = header record* ; little-endian, every record begins at a multiple of 8
//   header = 128 bytes, see CollectorHeader
//   record = length:u32 check:u32 kind:u8 body padding ; length = 1 + size of body, 0: no further record
//            check = low 32 bits of XXH3-64 over kind and body
namespace altlas::profile {

inline constexpr std::string_view kCollectorMagic = "ALTLCOL\n";
inline constexpr std::uint16_t kCollectorMajor = 1;
inline constexpr std::uint16_t kCollectorMinor = 0;
inline constexpr std::uint32_t kCollectorRecordBytes = 64 << 10;  // the longest record, `length` says
inline constexpr std::size_t kCollectorTextBytes = 8 << 10;       // the longest text, cut by the writer
inline constexpr std::uint32_t kCollectorNames = 1 << 16;         // how many names a file may hold

// Offsets are fixed; what is not named is zero.
struct CollectorHeader {
  char magic[8];
  std::uint16_t major, minor;
  std::uint32_t header_bytes;   // 128: where the first record begins
  std::int64_t start_unix_ns;   // CLOCK_REALTIME at Ns 0
  std::int64_t start_clock_ns;  // CLOCK_MONOTONIC at Ns 0
  std::uint32_t process;
  std::uint32_t closed;        // 1 once the writer has ended the file
  std::uint64_t used_bytes;    // of the closed file, header and padding included
  std::uint64_t dropped;       // records that found no room
  unsigned char reserved[72];  // 0
};
static_assert(sizeof(CollectorHeader) == 128);

enum class CollectorRecord : std::uint8_t {
  kName = 1,         // id:u32 text: what later records name by id; 0 is the empty text
  kFact = 2,         // key:u32 text: "tool", "sampling", or an entry of the capture's environment
  kNote = 3,         // severity:u8 text
  kPresence = 4,     // bits:u32, see PresenceBits
  kDevice = 5,       // see EncodeDevice
  kOperator = 16,    // start:i64 end:i64 thread:u64 external_id:u64 name:u32 shapes:u32 depth:u32
  kRange = 17,       // start:i64 end:i64 thread:u64 name:u32 domain:u32 is_mark:u8
  kCounter = 18,     // at:i64 value:f64 name:u32 device:i32
  kAllocation = 19,  // at:i64 bytes:u64 address:u64 allocated:u64 reserved:u64 device:i32 kind:u8 is_free:u8
  kKernel = 20,  // start:i64 end:i64 correlation:u64 static:u64 dynamic:u64 name:u32 device:i32 context:u32
                 // stream:u32 process:u32 grid:3xu32 block:3xu32 registers:u32 is_graph:u8
  kCopy = 21,    // start:i64 end:i64 bytes:u64 correlation:u64 device:i32 stream:u32 process:u32 kind:u8
                 // source:u8 target:u8
  kMemset = 22,  // start:i64 end:i64 bytes:u64 correlation:u64 device:i32 stream:u32 process:u32
  kApi = 23,     // start:i64 end:i64 thread:u64 correlation:u64 name:u32 result:i32
  kSync = 24,    // start:i64 end:i64 correlation:u64 device:i32 stream:u32 kind:u8
};

// One bit a kind of records, in the order of Presence.
std::uint32_t PresenceBits(const Presence& presence);
Presence PresenceOf(std::uint32_t bits);

// A body being built, without allocation: fixed fields only.
class CollectorBody {
 public:
  explicit CollectorBody(CollectorRecord kind) { Put(static_cast<std::uint8_t>(kind)); }
  template <typename T>
  CollectorBody& Put(T value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof(T));
    size_ += sizeof(T);
    return *this;
  }
  // Kind and body.
  std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 160> bytes_;
  std::size_t size_ = 0;
};

std::uint32_t CollectorCheck(std::string_view kind_and_body, std::string_view text = {});

}  // namespace altlas::profile
