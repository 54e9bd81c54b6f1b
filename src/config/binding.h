// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/enum_names.h"
#include "config/key_spec.h"

// Ties a member of a struct to a row of the table: Codec<T> turns it into a Value and back and says its type.
// From() is only called with a Value that the reader made for the same row.
namespace altlas::config {

template <typename T>
struct Codec;

template <>
struct Codec<bool> {
  static void Describe(KeySpec& key) { key.type = KeyType::kBool; }
  static Value To(bool v) { return {v}; }
  static bool From(const Value& v) { return v.AsBool(); }
};

template <std::integral T>
struct Codec<T> {
  static void Describe(KeySpec& key) { key.type = KeyType::kInt; }
  static Value To(T v) { return {static_cast<std::int64_t>(v)}; }
  static T From(const Value& v) { return static_cast<T>(v.AsInt()); }
};

template <>
struct Codec<double> {
  static void Describe(KeySpec& key) { key.type = KeyType::kFloat; }
  static Value To(double v) { return {v}; }
  static double From(const Value& v) { return v.AsDouble(); }
};

template <>
struct Codec<std::string> {
  static void Describe(KeySpec& key) { key.type = KeyType::kText; }
  static Value To(const std::string& v) { return {v}; }
  static std::string From(const Value& v) { return v.AsText(); }
};

template <>
struct Codec<std::filesystem::path> {
  static void Describe(KeySpec& key) { key.type = KeyType::kPath; }
  static Value To(const std::filesystem::path& v) { return {v.string()}; }
  static std::filesystem::path From(const Value& v) { return v.AsText(); }
};

template <>
struct Codec<milliseconds> {
  static void Describe(KeySpec& key) {
    key.type = KeyType::kSeconds;
    key.unit = "seconds";
  }
  static Value To(milliseconds v) { return {static_cast<double>(v.count()) / 1000.0}; }
  static milliseconds From(const Value& v) {
    return milliseconds(static_cast<std::int64_t>(v.AsDouble() * 1000.0 + 0.5));
  }
};

template <>
struct Codec<Bytes> {
  static void Describe(KeySpec& key) {
    key.type = KeyType::kBytes;
    key.unit = "bytes";
  }
  static Value To(Bytes v) { return {static_cast<std::int64_t>(v.count)}; }
  static Bytes From(const Value& v) { return {static_cast<std::uint64_t>(v.AsInt())}; }
};

template <typename E>
  requires std::is_enum_v<E>
struct Codec<E> {
  static void Describe(KeySpec& key) {
    key.type = KeyType::kChoice;
    for (const auto& [value, name] : EnumNames<E>::kAll) key.choices.emplace_back(name);
  }
  static Value To(E v) { return {std::string(EnumName(v))}; }
  static E From(const Value& v) { return ParseEnum<E>(v.AsText()).value_or(E{}); }
};

template <typename T>
struct Codec<std::optional<T>> {
  static void Describe(KeySpec& key) {
    Codec<T>::Describe(key);
    key.optional = true;
  }
  static Value To(const std::optional<T>& v) { return v.has_value() ? Codec<T>::To(*v) : Value{}; }
  static std::optional<T> From(const Value& v) {
    if (v.IsNull()) return std::nullopt;
    return Codec<T>::From(v);
  }
};

template <typename T>
struct Codec<std::vector<T>> {
  static void Describe(KeySpec& key) {
    key.type = KeyType::kList;
    Codec<T>::Describe(key.children.emplace_back());
  }
  static Value To(const std::vector<T>& v) {
    Value::List list;
    for (const auto& item : v) list.push_back(Codec<T>::To(item));
    return {std::move(list)};
  }
  static std::vector<T> From(const Value& v) {
    std::vector<T> list;
    for (const auto& item : v.AsList()) list.push_back(Codec<T>::From(item));
    return list;
  }
};

template <typename T>
struct Codec<std::map<std::string, T>> {
  static void Describe(KeySpec& key) {
    key.type = KeyType::kMap;
    Codec<T>::Describe(key.children.emplace_back());
  }
  static Value To(const std::map<std::string, T>& v) {
    Value::Map map;
    for (const auto& [name, item] : v) map.push_back({name, Codec<T>::To(item)});
    if constexpr (std::integral<T>) {  // levels read best in their order
      std::stable_sort(map.begin(), map.end(),
                       [](const auto& a, const auto& b) { return a.value.AsInt() < b.value.AsInt(); });
    }
    return {std::move(map)};
  }
  static std::map<std::string, T> From(const Value& v) {
    std::map<std::string, T> map;
    for (const auto& [name, item] : v.AsMap()) map.emplace(name, Codec<T>::From(item));
    return map;
  }
};

// A row that holds one value.
template <typename Owner, typename T>
KeySpec Key(std::string_view name, T Owner::*member, std::string_view sentence) {
  KeySpec key;
  key.name = name;
  key.sentence = sentence;
  Codec<T>::Describe(key);
  key.store = [member](void* owner, const Value& v) {
    static_cast<Owner*>(owner)->*member = Codec<T>::From(v);
  };
  key.load = [member](const void* owner) { return Codec<T>::To(static_cast<const Owner*>(owner)->*member); };
  return key;
}

// Rows under one name, in a struct of their own.
template <typename Owner, typename T>
KeySpec Section(std::string_view name, T Owner::*member, std::string_view sentence,
                std::vector<KeySpec> children) {
  KeySpec key;
  key.name = name;
  key.sentence = sentence;
  key.children = std::move(children);
  key.member = [member](void* owner) -> void* { return &(static_cast<Owner*>(owner)->*member); };
  return key;
}

template <typename T>
Value ItemToMap(const std::vector<KeySpec>& keys, const T& item) {
  Value::Map map;
  for (const auto& key : keys) map.push_back({key.name, key.load(&item)});
  return {std::move(map)};
}

// A list of items, each with the rows of `children`.
template <typename Owner, typename T>
KeySpec Objects(std::string_view name, std::vector<T> Owner::*member, std::string_view sentence,
                std::vector<KeySpec> children) {
  KeySpec key;
  key.name = name;
  key.type = KeyType::kObjects;
  key.sentence = sentence;
  key.children = children;
  key.store = [member, children](void* owner, const Value& v) {
    auto& list = static_cast<Owner*>(owner)->*member;
    list.clear();
    for (const auto& given : v.AsList()) {
      T& item = list.emplace_back();
      std::size_t i = 0;
      for (const auto& [name, value] : given.AsMap()) children[i++].store(&item, value);
    }
  };
  key.load = [member, children](const void* owner) {
    Value::List list;
    for (const auto& item : static_cast<const Owner*>(owner)->*member)
      list.push_back(ItemToMap(children, item));
    return Value{std::move(list)};
  };
  key.item_defaults = [children] { return ItemToMap(children, T{}); };
  return key;
}

}  // namespace altlas::config
