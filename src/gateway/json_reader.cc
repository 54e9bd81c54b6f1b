// SPDX-License-Identifier: Apache-2.0
#include "gateway/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>

namespace altlas::gateway {
namespace {

namespace dom = simdjson::dom;

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

// Sorting is cheaper than a set for the handful of keys that objects have.
Status RefuseDuplicates(dom::element element, const std::string& path) {
  if (element.type() == dom::element_type::ARRAY) {
    std::size_t index = 0;
    for (const auto child : dom::array(element))
      ALTLAS_TRY_VOID(RefuseDuplicates(child, fmt::format("{}[{}]", path, index++)));
    return {};
  }
  if (element.type() != dom::element_type::OBJECT) return {};
  std::vector<std::string_view> keys;
  for (const auto [key, child] : dom::object(element)) {
    keys.push_back(key);
    if (child.is_object() || child.is_array())
      ALTLAS_TRY_VOID(
          RefuseDuplicates(child, path.empty() ? std::string(key) : path + "." + std::string(key)));
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return {};
  const auto where = path.empty() ? std::string(*twice) : path + "." + std::string(*twice);
  return FailField(where, "the field \"{}\" stands twice in one object; send it once", where);
}

}  // namespace

struct JsonDocument::Impl {
  dom::parser parser;
  dom::element root;
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
  if (impl_ && impl_->parser.capacity() <= kKeptBytes) kept_parser = std::move(impl_);
}

Result<JsonDocument> JsonDocument::Parse(std::string_view text, JsonLimits limits,
                                         std::size_t readable_after) {
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, "the body is empty; a JSON object is needed");
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
      return Fail(ErrorCode::kInvalidArgument,
                  "the JSON body holds a number that is malformed or does not fit 64 bits");
    default:
      return Fail(ErrorCode::kInvalidArgument, "the body is not valid JSON: {}",
                  simdjson::error_message(error));
  }
  ALTLAS_TRY_VOID(RefuseDuplicates(impl->root, ""));
  return JsonDocument(std::move(impl));
}

// Children share the root's error slot: what is found wrong first is what is told.
struct ObjectReader::State {
  struct Shared {
    std::optional<Error> error;
    std::vector<std::string> unknown;
  };
  dom::object object;
  std::string path;
  std::shared_ptr<Shared> shared;
  std::vector<std::string_view> known;
};

ObjectReader::ObjectReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ObjectReader::ObjectReader(ObjectReader&&) noexcept = default;

ObjectReader::~ObjectReader() {
  if (!state_) return;
  for (const auto [key, value] : state_->object) {
    if (std::find(state_->known.begin(), state_->known.end(), key) == state_->known.end())
      state_->shared->unknown.push_back(PathOf(key));
  }
}

Result<ObjectReader> ObjectReader::Root(const JsonDocument& document) {
  const auto root = document.impl_->root;
  if (!root.is_object())
    return Fail(ErrorCode::kInvalidArgument, "the body is {}; a JSON object is needed",
                TypeName(root.type()));
  auto state = std::make_unique<State>();
  state->object = dom::object(root);
  state->shared = std::make_shared<State::Shared>();
  return ObjectReader(std::move(state));
}

std::string ObjectReader::PathOf(std::string_view key) const {
  return state_->path.empty() ? std::string(key) : state_->path + "." + std::string(key);
}

void ObjectReader::Complain(std::string_view key, std::string message, ErrorCode code) {
  if (!state_->shared->error) state_->shared->error = Error{code, std::move(message), PathOf(key)};
}

bool ObjectReader::Has(std::string_view key) {
  const auto found = state_->object.at_key(key);
  return found.error() == simdjson::SUCCESS && !found.value_unsafe().is_null();
}

namespace {
std::optional<dom::element> Ask(dom::object object, std::vector<std::string_view>& known,
                                std::string_view key) {
  known.push_back(key);
  dom::element element;
  if (object.at_key(key).get(element) != simdjson::SUCCESS || element.is_null()) return std::nullopt;
  return element;
}
}  // namespace

std::optional<std::string_view> ObjectReader::String(std::string_view key) {
  const auto element = Ask(state_->object, state_->known, key);
  if (!element) return std::nullopt;
  if (!element->is_string()) {
    Complain(key, fmt::format("{} is {}; a string is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  return std::string_view(*element);
}

std::optional<bool> ObjectReader::Bool(std::string_view key) {
  const auto element = Ask(state_->object, state_->known, key);
  if (!element) return std::nullopt;
  if (!element->is_bool()) {
    Complain(key, fmt::format("{} is {}; true or false is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  return bool(*element);
}

std::optional<std::int64_t> ObjectReader::Int(std::string_view key, std::int64_t low, std::int64_t high) {
  const auto element = Ask(state_->object, state_->known, key);
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
  const auto element = Ask(state_->object, state_->known, key);
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
  const auto element = Ask(state_->object, state_->known, key);
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
  const auto element = Ask(state_->object, state_->known, key);
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
  const auto element = Ask(state_->object, state_->known, key);
  if (!element) return std::nullopt;
  if (!element->is_object()) {
    Complain(key, fmt::format("{} is {}; an object is needed", PathOf(key), TypeName(element->type())));
    return std::nullopt;
  }
  auto state = std::make_unique<State>();
  state->object = dom::object(*element);
  state->path = PathOf(key);
  state->shared = state_->shared;
  return ObjectReader(std::move(state));
}

std::optional<std::vector<ObjectReader>> ObjectReader::Objects(std::string_view key, std::size_t most_items) {
  const auto element = Ask(state_->object, state_->known, key);
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
      if (!state_->shared->error)
        state_->shared->error = FailField(path, "{} is {}; an object is needed", path, TypeName(item.type()));
      return std::nullopt;
    }
    auto state = std::make_unique<State>();
    state->object = dom::object(item);
    state->path = path;
    state->shared = state_->shared;
    readers.push_back(ObjectReader(std::move(state)));
  }
  return readers;
}

Result<std::vector<std::string>> ObjectReader::Finish() const {
  if (state_->shared->error) return *state_->shared->error;
  auto unknown = state_->shared->unknown;
  for (const auto [key, value] : state_->object) {
    if (std::find(state_->known.begin(), state_->known.end(), key) == state_->known.end())
      unknown.push_back(PathOf(key));
  }
  return unknown;
}

}  // namespace altlas::gateway
