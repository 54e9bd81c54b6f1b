// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/result.h"
#include "base/utf8.h"

namespace altlas {
namespace {
// Most answers and requests fit, so that they are not copied while they grow.
constexpr std::size_t kFirstBytes = 256;

// Bytes that can be copied as they are: no control character, quote or backslash, and plain ASCII.
bool IsPlain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// How many plain bytes `text` begins with, counted in eights as far as that goes; the rest one by one.
std::size_t PlainPrefix(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  const auto zero_bytes = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const auto special = (word & kHighs) | zero_bytes(word ^ (kOnes * '"')) |
                         zero_bytes(word ^ (kOnes * '\\')) | zero_bytes(word ^ (kOnes * 0x7f)) |
                         ((word - kOnes * 0x20) & ~word & kHighs);
    if (special != 0) break;
  }
  while (at < text.size() && IsPlain(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

void AppendEscaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
  }
}

template <typename Number>
void AppendNumber(std::string& out, Number value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}
}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  const auto plain = PlainPrefix(text);
  out.append(text.substr(0, plain));
  text.remove_prefix(plain);
  std::string mended;
  if (!text.empty() && !IsValidUtf8(text)) {
    mended = ReplaceInvalidUtf8(text);
    text = mended;
  }
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    if (c >= 0x80) {
      out += text.front();
    } else {
      AppendEscaped(out, c);
    }
    text.remove_prefix(1);
    const auto next = PlainPrefix(text);
    out.append(text.substr(0, next));
    text.remove_prefix(next);
  }
  out += '"';
}

void JsonWriter::BeforeValue() {
  ALTLAS_CHECK(stack_.empty() || stack_.back() == '[' || after_key_, "a value in an object needs a key");
  if (need_comma_ && !after_key_) out_ += ',';
  after_key_ = false;
  need_comma_ = true;
}

JsonWriter& JsonWriter::BeginObject() {
  BeforeValue();
  if (out_.empty()) out_.reserve(kFirstBytes);
  out_ += '{';
  stack_ += '{';
  need_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::EndObject() {
  ALTLAS_CHECK(!stack_.empty() && stack_.back() == '{' && !after_key_);
  stack_.pop_back();
  out_ += '}';
  need_comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::BeginArray() {
  BeforeValue();
  out_ += '[';
  stack_ += '[';
  need_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::EndArray() {
  ALTLAS_CHECK(!stack_.empty() && stack_.back() == '[');
  stack_.pop_back();
  out_ += ']';
  need_comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::Key(std::string_view key) {
  ALTLAS_CHECK(!stack_.empty() && stack_.back() == '{' && !after_key_);
  if (need_comma_) out_ += ',';
  AppendJsonString(out_, key);
  out_ += ':';
  after_key_ = true;
  need_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendJsonString(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Int(std::int64_t value) {
  BeforeValue();
  AppendNumber(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Unsigned(std::uint64_t value) {
  BeforeValue();
  AppendNumber(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return Null();
  BeforeValue();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}
JsonWriter& JsonWriter::Bool(bool value) {
  BeforeValue();
  out_ += value ? "true" : "false";
  return *this;
}
JsonWriter& JsonWriter::Null() {
  BeforeValue();
  out_ += "null";
  return *this;
}
JsonWriter& JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  out_ += json;
  return *this;
}

}  // namespace altlas
