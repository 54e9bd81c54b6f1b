// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/byte_source.h"

namespace altlas::profile {

enum class JsonToken : std::uint8_t {
  kEnd,  // after the one value of the document
  kBeginObject,
  kEndObject,
  kBeginArray,
  kEndArray,
  kKey,
  kString,
  kNumber,
  kTrue,
  kFalse,
  kNull,
  kError
};

// A JSON document of any size, one token after the other, in bounded memory: 256 KiB of input, one string of
// at most `kStringBytes` (the rest of a longer one is passed over), `kDepth` levels. As lenient as writers of
// traces need it: a comma before a closing bracket, NaN and Infinity as numbers (text() is then what stands
// there), control characters and unknown escapes in strings, a byte order mark. Anything else that is not
// JSON ends it with kError. Not thread-safe.
class JsonStream {
 public:
  static constexpr std::size_t kStringBytes = 64 << 10;
  static constexpr std::size_t kNumberBytes = 64;
  static constexpr std::size_t kDepth = 200;

  // The source must outlive it.
  explicit JsonStream(ByteSource& source);

  JsonToken Next();
  // Of a key or a string (decoded, UTF-8) or a number (as written). Until the next call.
  std::string_view text() const { return text_; }
  std::size_t depth() const { return depth_; }
  // Passes over the rest of a value whose first token was `first`; false on an error.
  bool Skip(JsonToken first);
  // The same, appending the value to `out` as compact JSON; what would make it longer than `limit` is left
  // out.
  bool SkipInto(JsonToken first, std::string& out, std::size_t limit);

  // After kError. `ended_early`: there was no fault but the end of the file, as when the writer was killed.
  const Error& error() const { return error_; }
  bool ended_early() const { return ended_early_; }

 private:
  enum class Expect : std::uint8_t { kValue, kFirstValue, kFirstKey, kKey, kComma, kNothing };

  // The next byte, or -1 at the end or on an error of the source (error_ is set then).
  int Peek();
  int Take();
  int PeekPastSpace();
  JsonToken Fault(const char* what);
  JsonToken Early();
  JsonToken TakeValue(int first);
  JsonToken Open(char bracket);
  JsonToken Close(char bracket);
  JsonToken TakeString(JsonToken kind);
  bool TakeEscape();
  int TakeHex4();
  JsonToken TakeWord();
  void AfterValue();
  void Append(std::string_view piece);

  ByteSource& source_;
  std::array<char, 256 << 10> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t before_buffer_ = 0;  // bytes given before buffer_[0]
  std::array<char, kDepth> stack_{};
  std::size_t depth_ = 0;
  Expect expect_ = Expect::kValue;
  bool at_end_ = false, ended_early_ = false;
  std::string text_;
  Error error_{};
};

}  // namespace altlas::profile
