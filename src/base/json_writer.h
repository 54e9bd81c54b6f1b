// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace altlas {

// Appends `text` as a JSON string with its quotes (RFC 8259); invalid UTF-8 becomes U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);

// Writes one JSON document into a string that it owns, commas by itself. Calls must nest rightly (Key before
// each value of an object); a wrong order aborts. NaN and infinities are written as null. Not thread-safe.
//   JsonWriter w; w.BeginObject().Key("id").String(id).Key("n").Int(3).EndObject(); send(w.Take());
class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(std::int64_t value);
  JsonWriter& Unsigned(std::uint64_t value);
  // The shortest form that reads back as the same double.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  // `json` is a complete JSON value already.
  JsonWriter& Raw(std::string_view json);
  const std::string& text() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void BeforeValue();
  std::string out_;
  std::string stack_;  // '{' or '[' for each open level
  bool need_comma_ = false;
  bool after_key_ = false;
};

}  // namespace altlas
