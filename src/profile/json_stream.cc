// SPDX-License-Identifier: Apache-2.0
#include "profile/json_stream.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/utf8.h"

namespace altlas::profile {
namespace {

bool IsJsonSpace(int c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool IsWordByte(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
         c == '.' || c == '_';
}

}  // namespace

JsonStream::JsonStream(ByteSource& source) : source_(source) {
  if (Peek() != 0xEF) return;
  Take();
  if (Peek() == 0xBB) Take();
  if (Peek() == 0xBF) Take();
}

int JsonStream::Peek() {
  if (begin_ == end_) {
    if (at_end_) return -1;
    before_buffer_ += end_;
    begin_ = end_ = 0;
    const auto got = source_.Read(buffer_);
    if (!got.has_value()) error_ = got.error();
    if (!got.has_value() || *got == 0) {
      at_end_ = true;
      return -1;
    }
    end_ = *got;
  }
  return static_cast<unsigned char>(buffer_[begin_]);
}

int JsonStream::Take() {
  const int c = Peek();
  if (c >= 0) ++begin_;
  return c;
}

int JsonStream::PeekPastSpace() {
  int c = Peek();
  while (IsJsonSpace(c)) {
    ++begin_;
    c = Peek();
  }
  return c;
}

JsonToken JsonStream::Fault(const char* what) {
  // An error of the source came first and is the reason.
  if (error_.message.empty())
    error_ = Fail(ErrorCode::kCorrupt, "no JSON at byte {}: {}", before_buffer_ + begin_, what);
  return JsonToken::kError;
}

JsonToken JsonStream::Early() {
  ended_early_ = error_.message.empty();
  return Fault("the file ends within a value");
}

JsonToken JsonStream::Next() {
  if (!error_.message.empty()) return JsonToken::kError;
  int c = PeekPastSpace();
  if (expect_ == Expect::kNothing)
    return c < 0 ? (error_.message.empty() ? JsonToken::kEnd : JsonToken::kError)
                 : Fault("bytes follow the end of the document");
  if (expect_ == Expect::kComma) {
    if (c == '}' || c == ']') return Close(static_cast<char>(c));
    if (c != ',') return c < 0 ? Early() : Fault("a comma or a closing bracket is missing");
    ++begin_;
    c = PeekPastSpace();
    if (c == '}' || c == ']') return Close(static_cast<char>(c));
    expect_ = stack_[depth_ - 1] == '{' ? Expect::kKey : Expect::kValue;
  }
  if (c < 0) return Early();
  if (expect_ == Expect::kFirstKey && c == '}') return Close('}');
  if (expect_ == Expect::kFirstValue && c == ']') return Close(']');
  if (expect_ == Expect::kKey || expect_ == Expect::kFirstKey) {
    if (c != '"') return Fault("a key in quotes is missing");
    if (TakeString(JsonToken::kKey) == JsonToken::kError) return JsonToken::kError;
    c = PeekPastSpace();
    if (c != ':') return c < 0 ? Early() : Fault("a colon is missing after a key");
    ++begin_;
    expect_ = Expect::kValue;
    return JsonToken::kKey;
  }
  return TakeValue(c);
}

JsonToken JsonStream::TakeValue(int first) {
  switch (first) {
    case '{':
    case '[':
      return Open(static_cast<char>(first));
    case '"': {
      const auto token = TakeString(JsonToken::kString);
      AfterValue();
      return token;
    }
    default:
      return TakeWord();
  }
}

JsonToken JsonStream::Open(char bracket) {
  if (depth_ == kDepth) return Fault("brackets are nested deeper than 200 levels");
  ++begin_;
  stack_[depth_++] = bracket;
  expect_ = bracket == '{' ? Expect::kFirstKey : Expect::kFirstValue;
  return bracket == '{' ? JsonToken::kBeginObject : JsonToken::kBeginArray;
}

JsonToken JsonStream::Close(char bracket) {
  if (depth_ == 0 || stack_[depth_ - 1] != (bracket == '}' ? '{' : '['))
    return Fault("a closing bracket does not match");
  ++begin_;
  --depth_;
  AfterValue();
  return bracket == '}' ? JsonToken::kEndObject : JsonToken::kEndArray;
}

void JsonStream::AfterValue() { expect_ = depth_ == 0 ? Expect::kNothing : Expect::kComma; }

void JsonStream::Append(std::string_view piece) {
  text_ += piece.substr(0, kStringBytes - std::min(kStringBytes, text_.size()));
}

JsonToken JsonStream::TakeString(JsonToken kind) {
  ++begin_;
  text_.clear();
  while (Peek() >= 0) {
    const char* from = buffer_.data() + begin_;
    const char* to = buffer_.data() + end_;
    const char* stop = std::find_if(from, to, [](char c) { return c == '"' || c == '\\'; });
    Append({from, static_cast<std::size_t>(stop - from)});
    begin_ += static_cast<std::size_t>(stop - from);
    if (stop == to) continue;
    ++begin_;
    if (*stop == '"') return kind;
    if (!TakeEscape()) break;
  }
  return Early();
}

bool JsonStream::TakeEscape() {
  const int c = Take();
  if (c < 0) return false;
  switch (c) {
    case 'n':
      Append("\n");
      return true;
    case 't':
      Append("\t");
      return true;
    case 'r':
      Append("\r");
      return true;
    case 'b':
      Append("\b");
      return true;
    case 'f':
      Append("\f");
      return true;
    case 'u':
      break;
    default: {
      const char plain = static_cast<char>(c);
      Append({&plain, 1});
      return true;
    }
  }
  int point = TakeHex4();
  if (point == -2) return false;
  if (point >= 0xD800 && point < 0xDC00 && Peek() == '\\') {
    ++begin_;
    // Anything but the other half stands for itself.
    if (Peek() != 'u') return Append("\xEF\xBF\xBD"), TakeEscape();
    ++begin_;
    const int low = TakeHex4();
    if (low == -2) return false;
    point = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00) : -1;
  }
  if (point < 0 || (point >= 0xD800 && point < 0xE000)) point = 0xFFFD;
  std::string bytes;
  AppendCodePoint(bytes, static_cast<char32_t>(point));
  Append(bytes);
  return true;
}

// -1: no four hexadecimal digits (what is none is left to be read), -2: the end.
int JsonStream::TakeHex4() {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int c = Peek();
    if (c < 0) return -2;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    ++begin_;
    value = value * 16 + digit;
  }
  return value;
}

JsonToken JsonStream::TakeWord() {
  text_.clear();
  for (int c = Peek(); IsWordByte(c); c = Peek()) {
    if (text_.size() == kNumberBytes) return Fault("a number has more than 64 characters");
    text_ += static_cast<char>(c);
    ++begin_;
  }
  // A word at the very end of the file within a bracket may be half of one.
  if (Peek() < 0 && depth_ > 0) return Early();
  if (!error_.message.empty()) return JsonToken::kError;
  AfterValue();
  if (text_ == "true") return JsonToken::kTrue;
  if (text_ == "false") return JsonToken::kFalse;
  if (text_ == "null") return JsonToken::kNull;
  const auto bare = std::string_view(text_).substr(!text_.empty() && text_[0] == '-' ? 1 : 0);
  if (!bare.empty() && bare[0] >= '0' && bare[0] <= '9') return JsonToken::kNumber;
  for (const std::string_view odd : {"NaN", "nan", "Infinity", "inf", "Inf"}) {
    if (bare == odd) return JsonToken::kNumber;
  }
  return Fault("neither a value nor a bracket stands here");
}

bool JsonStream::Skip(JsonToken first) {
  if (first != JsonToken::kBeginObject && first != JsonToken::kBeginArray) return first != JsonToken::kError;
  const auto outside = depth_ - 1;
  while (depth_ > outside) {
    if (Next() == JsonToken::kError) return false;
  }
  return true;
}

bool JsonStream::SkipInto(JsonToken first, std::string& out, std::size_t limit) {
  const auto outside =
      first == JsonToken::kBeginObject || first == JsonToken::kBeginArray ? depth_ - 1 : depth_;
  const auto start = out.size();
  bool full = false, comma = false;
  const auto add = [&](std::string_view piece) {
    full = full || out.size() - start + piece.size() > limit;
    if (!full) out += piece;
  };
  for (auto token = first;; token = Next()) {
    if (token == JsonToken::kError) return false;
    const bool closing = token == JsonToken::kEndObject || token == JsonToken::kEndArray;
    if (comma && !closing) add(",");
    comma = token != JsonToken::kBeginObject && token != JsonToken::kBeginArray && token != JsonToken::kKey;
    if (token == JsonToken::kBeginObject) add("{");
    if (token == JsonToken::kEndObject) add("}");
    if (token == JsonToken::kBeginArray) add("[");
    if (token == JsonToken::kEndArray) add("]");
    if (token == JsonToken::kNumber || token == JsonToken::kTrue || token == JsonToken::kFalse ||
        token == JsonToken::kNull) {
      add(text_);
    }
    if (token == JsonToken::kString || token == JsonToken::kKey) {
      std::string quoted;
      if (!full) AppendJsonString(quoted, text_);
      if (token == JsonToken::kKey) quoted += ':';
      add(quoted);
    }
    if (depth_ == outside) return true;
  }
}

}  // namespace altlas::profile
