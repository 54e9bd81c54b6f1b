// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace altlas::gateway {

// Strict reading of request bodies: RFC 8259 JSON in valid UTF-8, no duplicate keys at any depth, nesting
// capped, numbers within 64 bits, nothing coerced (a number in quotes is a string), null where a field is
// optional means absent.
//
// Use: JsonDocument::Parse, then an ObjectReader over its root asks for each field by name and type; the
// first thing found wrong is kept with the field's path, and Finish() gives it, or the unknown fields. Views
// live as long as the document.

struct JsonLimits {
  int nesting = 32;              // levels of lists and objects
  std::size_t values = 1 << 16;  // of all kinds, over all levels; an empty list or object counts twice
};

// One parsed body. Movable; it owns the parsed form and borrows nothing but `text` (until Parse returns).
// Used and destroyed on the thread that parsed it, which keeps its parser's buffers, if small, for the next.
// Parsing takes a time that grows with the length alone (16 MiB on one core of a Xeon: 9 ms of plain text, 50
// of keys, 100 of nothing but escapes); what is too much is found before memory is spent on it.
class JsonDocument {
 public:
  // `readable_after`: how many bytes behind `text` may be read (simdjson reads ahead); with fewer than 64 a
  // copy is made. kInvalidArgument says what is wrong (and where, for a key that stands twice and a bad
  // number), kTooLarge that there are more values than the limit.
  static Result<JsonDocument> Parse(std::string_view text, JsonLimits limits, std::size_t readable_after = 0);
  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  ~JsonDocument();

  struct Impl;

 private:
  friend class ObjectReader;
  explicit JsonDocument(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads one object of a document, which must outlive it and whose thread it shares. Nothing blocks. All
// readers of a document share what was found wrong: the first thing counts, and nothing is thrown or returned
// until Finish() of the root's reader, so a caller reads everything and asks once. A child's reader adds its
// unknown fields when it is destroyed, so children end before Finish() is called.
class ObjectReader {
 public:
  // The document's root, which has to be an object.
  static Result<ObjectReader> Root(const JsonDocument& document);
  ObjectReader(ObjectReader&&) noexcept;
  ~ObjectReader();

  // Each returns nullopt where the field is absent, null or wrong; wrong ones are remembered.
  std::optional<std::string_view> String(std::string_view key);
  std::optional<bool> Bool(std::string_view key);
  std::optional<std::int64_t> Int(std::string_view key, std::int64_t low, std::int64_t high);
  std::optional<std::uint64_t> Unsigned(std::string_view key);
  std::optional<double> Number(std::string_view key, double low, double high);
  // A string, or a list of strings.
  std::optional<std::vector<std::string_view>> StringOrList(std::string_view key, std::size_t most_items);
  std::optional<ObjectReader> Object(std::string_view key);
  // The objects of a list. More than `most_items` is kTooLarge.
  std::optional<std::vector<ObjectReader>> Objects(std::string_view key, std::size_t most_items);
  bool Has(std::string_view key);

  // False once something was found wrong anywhere in the document: reading on can only confirm it.
  bool ok() const;
  // Remembers an error about a field that was read well and is not acceptable.
  void Complain(std::string_view key, std::string message, ErrorCode code = ErrorCode::kInvalidArgument);
  // "gpu_options.strategy" for the key "strategy" of that object.
  std::string PathOf(std::string_view key) const;

  // The first thing found wrong here or in a child; else the paths of the fields that nobody asked for, 64 at
  // most, each key cut to 64 bytes.
  Result<std::vector<std::string>> Finish() const;

 private:
  friend struct JsonDocument::Impl;
  struct State;
  explicit ObjectReader(std::unique_ptr<State> state);
  // `element` is a simdjson::dom::element that is an object.
  static ObjectReader Begin(JsonDocument::Impl& document, const void* element, std::string path);
  std::unique_ptr<State> state_;
};

}  // namespace altlas::gateway
