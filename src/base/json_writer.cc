// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "base/result.h"
#include "base/utf8.h"

namespace altlas {
namespace {
// Most answers and requests fit, so that they are not copied while they grow.
constexpr std::size_t kFirstBytes = 256;

// Bytes that can be copied as they are: no control character, quote or backslash, and plain ASCII.
bool IsPlain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }
}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  std::string mended;
  if (!IsValidUtf8(text)) {
    mended = ReplaceInvalidUtf8(text);
    text = mended;
  }
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (IsPlain(c) || c >= 0x80) continue;
    out.append(text.substr(start, i - start));
    start = i + 1;
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
  out.append(text.substr(start));
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
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}
JsonWriter& JsonWriter::Unsigned(std::uint64_t value) {
  BeforeValue();
  fmt::format_to(std::back_inserter(out_), "{}", value);
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
