// SPDX-License-Identifier: Apache-2.0
#include "gateway/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cmath>
#include <cstring>

#include "gateway/bad_number.h"

namespace altlas::gateway {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kShownBytes = 64;    // of a key of the client's in a path
constexpr std::size_t kUnknownPaths = 64;  // that are gathered
constexpr std::size_t kKeptStates = 8;     // of readers, for the next document
constexpr std::size_t kKeptFields = 64;    // that a kept one has room for

std::string_view TypeName(dom::element_type type) {
  switch (type) {
    case dom::element_type::ARRAY:
      return "a list";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      return "an integer";
    case dom::element_type::DOUBLE:
      return "a number";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "a boolean";
    case dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

// A place in a path, before what is known of the rest: "list" + "[0].k" and "[0]" + "k".
std::string JoinPath(std::string before, const std::string& rest) {
  return before + (rest.starts_with('[') ? "" : ".") + rest;
}

// Where a key stands twice in one object. The path is put together on the way back, so that a document
// without duplicates costs none. Sorting is cheaper than a set for the handful of keys that objects have.
std::optional<std::string> FindDuplicate(dom::element element) {
  if (element.is_array()) {
    std::size_t index = 0;
    for (const auto child : dom::array(element)) {
      if (child.is_object() || child.is_array()) {
        if (const auto rest = FindDuplicate(child)) return JoinPath(fmt::format("[{}]", index), *rest);
      }
      ++index;
    }
    return std::nullopt;
  }
  if (!element.is_object()) return std::nullopt;
  // On the stack for the handful of keys that objects have.
  boost::container::small_vector<std::string_view, 32> keys;
  for (const auto [key, child] : dom::object(element)) {
    keys.push_back(key);
    if (child.is_object() || child.is_array()) {
      if (const auto rest = FindDuplicate(child))
        return JoinPath(std::string(key.substr(0, kShownBytes)), *rest);
    }
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return std::nullopt;
  return std::string(twice->substr(0, kShownBytes));
}

// The byte behind the string that begins at `at` (behind its quote). Eight bytes at a time where nothing is
// to be seen.
std::size_t SkipString(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const auto holds = [](std::uint64_t word, std::uint64_t byte) {
    const std::uint64_t difference = word ^ (kOnes * byte);
    return ((difference - kOnes) & ~difference & (kOnes * 0x80)) != 0;
  };
  while (at < text.size()) {
    std::uint64_t word = 0;
    if (at + 8 <= text.size()) {
      std::memcpy(&word, text.data() + at, 8);
      if (!holds(word, '"') && !holds(word, '\\')) {
        at += 8;
        continue;
      }
    }
    const std::size_t end = std::min(at + 8, text.size());
    while (at < end) {
      const char c = text[at++];
      if (c == '"') return at;
      if (c == '\\') ++at;
    }
  }
  return text.size();
}

// Whether `text` can hold more than `limit` values: each stands behind a comma or first in a list or object.
// Strings count too, two for a value (its key and itself), for texts that are no JSON.
bool HoldsMoreValues(std::string_view text, std::size_t limit) {
  if (text.size() / 2 < limit) return false;
  std::size_t values = 1, strings = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    values += c == ',' || c == '[' || c == '{' ? 1 : 0;
    if (c == '"') {
      ++strings;
      at = SkipString(text, at);
    }
    if (values > limit || strings > 2 * limit) return true;
  }
  return false;
}

}  // namespace

// One object of the document: its fields, and which of them somebody asked for.
struct ObjectReader::State {
  struct Field {
    std::string_view key;
    dom::element value;
    bool asked = false;
  };
  JsonDocument::Impl* document = nullptr;
  std::string path;
  std::vector<Field> fields;

  void Begin(JsonDocument::Impl& owner, dom::object object, std::string where) {
    document = &owner;
    path = std::move(where);
    fields.clear();
    for (const auto [key, value] : object) fields.push_back({key, value});
  }
  Field* Find(std::string_view key) {
    for (auto& field : fields) {
      if (field.key == key) return &field;
    }
    return nullptr;
  }
  // What stands there, null being nothing; marks it as known.
  const dom::element* Ask(std::string_view key) {
    Field* field = Find(key);
    if (field == nullptr) return nullptr;
    field->asked = true;
    return field->value.is_null() ? nullptr : &field->value;
  }
  void GatherUnknown(std::vector<std::string>& unknown) const {
    for (const auto& field : fields) {
      if (unknown.size() >= kUnknownPaths) return;
      if (field.asked) continue;
      std::string key(field.key.substr(0, kShownBytes));
      unknown.push_back(path.empty() ? std::move(key) : JoinPath(path, key));
    }
  }
};

// With what its readers share. It is used again for the next document, so that one costs no allocation.
struct JsonDocument::Impl {
  dom::parser parser;
  dom::element root;
  std::optional<Error> error;  // what was found wrong first
  std::vector<std::string> unknown;
  std::vector<std::unique_ptr<ObjectReader::State>> free_states;

  std::unique_ptr<ObjectReader::State> NewState() {
    if (free_states.empty()) return std::make_unique<ObjectReader::State>();
    auto state = std::move(free_states.back());
    free_states.pop_back();
    return state;
  }
};

JsonDocument::JsonDocument(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

namespace {
// Parsers keep their buffers from one request to the next, as long as those are small.
constexpr std::size_t kKeptBytes = 1 << 16;
constexpr std::size_t kLeastCapacity = 1 << 12;
thread_local std::unique_ptr<JsonDocument::Impl> kept_parser;
}  // namespace

JsonDocument::~JsonDocument() {
  if (!impl_ || impl_->parser.capacity() > kKeptBytes) return;
  impl_->error.reset();
  impl_->unknown.clear();
  kept_parser = std::move(impl_);
}

Result<JsonDocument> JsonDocument::Parse(std::string_view text, JsonLimits limits,
                                         std::size_t readable_after) {
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, "the body is empty; a JSON object is needed");
  if (HoldsMoreValues(text, limits.values))
    return Fail(ErrorCode::kTooLarge,
                "the JSON body holds more than {} values; send fewer, in several requests", limits.values);
  auto impl = kept_parser ? std::move(kept_parser) : std::make_unique<Impl>();
  const auto depth = static_cast<std::size_t>(limits.nesting) + 1;
  if (impl->parser.capacity() < text.size() || impl->parser.max_depth() != depth) {
    const auto allocated = impl->parser.allocate(std::max(text.size(), kLeastCapacity), depth);
    if (allocated != simdjson::SUCCESS)
      return Fail(ErrorCode::kTooLarge, "a JSON body of {} bytes cannot be read", text.size());
  }
  const bool copy = readable_after < simdjson::SIMDJSON_PADDING;
  const auto error = impl->parser.parse(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), copy)
                         .get(impl->root);
  switch (error) {
    case simdjson::SUCCESS:
      break;
    case simdjson::DEPTH_ERROR:
      return Fail(ErrorCode::kInvalidArgument,
                  "the JSON body nests deeper than {} levels (server.limits.json_nesting)", limits.nesting);
    case simdjson::UTF8_ERROR:
      return Fail(ErrorCode::kInvalidArgument, "the body is not valid UTF-8");
    case simdjson::NUMBER_ERROR:
      if (auto named = FindBadNumber(text, depth)) return std::move(*named);
      return Fail(ErrorCode::kInvalidArgument,
                  "the JSON body holds a number that is malformed or does not fit 64 bits");
    default:
      if (auto named = FindBadNumber(text, depth)) return std::move(*named);
      return Fail(ErrorCode::kInvalidArgument, "the body is not valid JSON: {}",
                  simdjson::error_message(error));
  }
  if (const auto where = FindDuplicate(impl->root))
    return FailField(*where, "the field \"{}\" stands twice in one object; send it once", *where);
  return JsonDocument(std::move(impl));
}

ObjectReader::ObjectReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ObjectReader::ObjectReader(ObjectReader&&) noexcept = default;

ObjectReader::~ObjectReader() {
  if (!state_) return;
  auto& document = *state_->document;
  state_->GatherUnknown(document.unknown);
  if (document.free_states.size() < kKeptStates && state_->fields.capacity() <= kKeptFields)
    document.free_states.push_back(std::move(state_));
}

ObjectReader ObjectReader::Begin(JsonDocument::Impl& document, const void* element, std::string path) {
  auto state = document.NewState();
  state->Begin(document, dom::object(*static_cast<const dom::element*>(element)), std::move(path));
  return ObjectReader(std::move(state));
}

Result<ObjectReader> ObjectReader::Root(const JsonDocument& document) {
  auto& impl = *document.impl_;
  if (!impl.root.is_object())
    return Fail(ErrorCode::kInvalidArgument, "the body is {}; a JSON object is needed",
                TypeName(impl.root.type()));
  return Begin(impl, &impl.root, "");
}

std::string ObjectReader::PathOf(std::string_view key) const {
  return state_->path.empty() ? std::string(key) : state_->path + "." + std::string(key);
}

void ObjectReader::Complain(std::string_view key, std::string message, ErrorCode code) {
  auto& error = state_->document->error;
  if (!error) error = Error{code, std::move(message), PathOf(key)};
}

bool ObjectReader::ok() const { return !state_->document->error; }

bool ObjectReader::Has(std::string_view key) {
  const auto* field = state_->Find(key);
  return field != nullptr && !field->value.is_null();
}

std::optional<std::string_view> ObjectReader::String(std::string_view key) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  if (!element->is_string()) {
    Complain(key, fmt::format("{} is {}; a string is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  return std::string_view(*element);
}

std::optional<bool> ObjectReader::Bool(std::string_view key) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  if (!element->is_bool()) {
    Complain(key, fmt::format("{} is {}; true or false is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  return bool(*element);
}

std::optional<std::int64_t> ObjectReader::Int(std::string_view key, std::int64_t low, std::int64_t high) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  std::int64_t value = 0;
  if (element->is_int64()) {
    value = std::int64_t(*element);
  } else if (element->is_uint64()) {
    value = INT64_MAX;  // above every limit
  } else {
    Complain(key, fmt::format("{} is {}; an integer from {} to {} is needed", PathOf(key),
                              TypeName(element->type()), low, high));
    return std::nullopt;
  }
  if (value < low || value > high) {
    Complain(key, fmt::format("{} is {}; an integer from {} to {} is needed", PathOf(key),
                              element->is_uint64() && !element->is_int64()
                                  ? fmt::format("{}", std::uint64_t(*element))
                                  : fmt::format("{}", value),
                              low, high));
    return std::nullopt;
  }
  return value;
}

std::optional<std::uint64_t> ObjectReader::Unsigned(std::string_view key) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  if (!element->is_uint64()) {
    Complain(key, fmt::format("{} is {}; an integer from 0 to 18446744073709551615 is needed", PathOf(key),
                              element->is_int64() ? fmt::format("{}", std::int64_t(*element))
                                                  : std::string(TypeName(element->type()))));
    return std::nullopt;
  }
  return std::uint64_t(*element);
}

std::optional<double> ObjectReader::Number(std::string_view key, double low, double high) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  double value = 0;
  if (!element->is_number() || element->get_double().get(value) != simdjson::SUCCESS) {
    Complain(key, fmt::format("{} is {}; a number from {} to {} is needed", PathOf(key),
                              TypeName(element->type()), low, high));
    return std::nullopt;
  }
  if (!(value >= low && value <= high)) {
    Complain(key, fmt::format("{} is {}; a number from {} to {} is needed", PathOf(key), value, low, high));
    return std::nullopt;
  }
  return value;
}

std::optional<std::vector<std::string_view>> ObjectReader::StringOrList(std::string_view key,
                                                                        std::size_t most_items) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  std::vector<std::string_view> items;
  if (element->is_string()) {
    items.emplace_back(std::string_view(*element));
    return items;
  }
  if (!element->is_array()) {
    Complain(key, fmt::format("{} is {}; a string or a list of strings is needed", PathOf(key),
                              TypeName(element->type())));
    return std::nullopt;
  }
  for (const auto item : dom::array(*element)) {
    if (!item.is_string()) {
      Complain(key, fmt::format("{}[{}] is {}; a string is needed", PathOf(key), items.size(),
                                TypeName(item.type())));
      return std::nullopt;
    }
    if (items.size() == most_items) {
      Complain(key, fmt::format("{} holds more than {} items", PathOf(key), most_items));
      return std::nullopt;
    }
    items.emplace_back(std::string_view(item));
  }
  return items;
}

std::optional<ObjectReader> ObjectReader::Object(std::string_view key) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  if (!element->is_object()) {
    Complain(key, fmt::format("{} is {}; an object is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  return Begin(*state_->document, element, PathOf(key));
}

std::optional<std::vector<ObjectReader>> ObjectReader::Objects(std::string_view key, std::size_t most_items) {
  const auto* element = state_->Ask(key);
  if (!element) return std::nullopt;
  if (!element->is_array()) {
    Complain(key,
             fmt::format("{} is {}; a list of objects is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  const auto array = dom::array(*element);
  if (array.size() > most_items ||
      static_cast<std::size_t>(std::distance(array.begin(), array.end())) > most_items) {
    Complain(
        key,
        fmt::format("{} holds more than {} items; send them in several requests", PathOf(key), most_items),
        ErrorCode::kTooLarge);
    return std::nullopt;
  }
  std::vector<ObjectReader> readers;
  for (const auto item : array) {
    const auto path = fmt::format("{}[{}]", PathOf(key), readers.size());
    if (!item.is_object()) {
      auto& error = state_->document->error;
      if (!error) error = FailField(path, "{} is {}; an object is needed", path, TypeName(item.type()));
      return std::nullopt;
    }
    readers.push_back(Begin(*state_->document, &item, path));
  }
  return readers;
}

Result<std::vector<std::string>> ObjectReader::Finish() const {
  if (state_->document->error) return *state_->document->error;
  auto unknown = state_->document->unknown;
  state_->GatherUnknown(unknown);
  return unknown;
}

}  // namespace altlas::gateway
