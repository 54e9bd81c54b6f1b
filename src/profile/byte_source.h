// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::profile {

// How much a compressed capture may grow: a file that asks for more is refused before it fills anything.
struct ExpansionLimits {
  std::uint64_t bytes = 1ULL << 40;       // of the expanded text in all
  std::uint64_t free_bytes = 256U << 20;  // up to here the ratio is not looked at
  double ratio = 250;                     // expanded to compressed; traces reach 10 to 40
};

// The bytes of a capture, read once from the start, expanded where they are gzip (RFC 1952, also several
// members one after the other; told by the two magic bytes). Holds 128 KiB. Not thread-safe; blocks on the
// disk.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills a part of `into`; 0 at the end. kCorrupt for a damaged gzip stream, kTooLarge past the limits.
  virtual Result<std::size_t> Read(std::span<char> into) = 0;
  // Bytes of the file read so far, and of the whole file.
  virtual std::uint64_t consumed() const = 0;
  virtual std::uint64_t total() const = 0;
  // True once the end was reached within a gzip stream: its writer was ended early.
  virtual bool cut_short() const = 0;
};

// kNotFound, kInvalidArgument for what is no regular file, kUnavailable where the system refuses.
Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::filesystem::path& path,
                                                   const ExpansionLimits& limits = {});
// The same over bytes that the caller keeps alive.
std::unique_ptr<ByteSource> ByteSourceOf(std::string_view bytes, const ExpansionLimits& limits = {});

// The first bytes of a capture whose file begins with `head`, expanded where that is gzip: what a format is
// told by. Fewer where there are no more.
std::string ExpandedHead(std::string_view head, std::size_t bytes);

}  // namespace altlas::profile
