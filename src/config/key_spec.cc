// SPDX-License-Identifier: Apache-2.0
#include "config/key_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <utility>

#include "config/scalar.h"

namespace altlas::config {
namespace {

// Range, Choices and Check of a list or map are about its items.
KeySpec& Scalar(KeySpec& key) {
  const bool holds_items = key.type == KeyType::kList || key.type == KeyType::kMap;
  return holds_items ? key.children.front() : key;
}

std::string Limit(const KeySpec& key, double limit) {
  if (key.type == KeyType::kBytes) return FormatBytes(static_cast<std::int64_t>(limit));
  return FormatNumber(limit);
}

void Visit(const KeySpec& section, const void* owner,
           const std::function<void(const KeySpec&, const void*)>& visit) {
  for (const auto& child : section.children) {
    if (child.type == KeyType::kSection) {
      // `member` takes a mutable owner because the reader stores through it; nothing is changed here.
      Visit(child, child.member(const_cast<void*>(owner)), visit);
    } else {
      visit(child, owner);
    }
  }
}

std::pair<std::string_view, std::string_view> SplitFirst(std::string_view path) {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return {path, {}};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

}  // namespace

KeySpec& KeySpec::Range(double from, double to) {
  auto& key = Scalar(*this);
  key.minimum = from;
  key.maximum = to;
  return *this;
}
KeySpec& KeySpec::Unit(std::string_view text) {
  unit = text;
  return *this;
}
KeySpec& KeySpec::Choices(std::vector<std::string> names) {
  auto& key = Scalar(*this);
  key.type = KeyType::kChoice;
  key.choices = std::move(names);
  return *this;
}
KeySpec& KeySpec::Check(std::string (*function)(std::string_view)) {
  Scalar(*this).check = function;
  return *this;
}
KeySpec& KeySpec::Items(std::size_t least, std::size_t most) {
  min_items = least;
  max_items = most;
  return *this;
}
KeySpec& KeySpec::AtRunTime() {
  run_time = true;
  return *this;
}
KeySpec& KeySpec::Required() {
  required = true;
  return *this;
}
KeySpec& KeySpec::Absent(std::string_view what) {
  absent = what;
  return *this;
}

const KeySpec* KeySpec::Find(std::string_view child) const {
  for (const auto& key : children) {
    if (key.name == child) return &key;
  }
  return nullptr;
}

bool KeySpec::IsNumber() const {
  return type == KeyType::kInt || type == KeyType::kFloat || type == KeyType::kSeconds ||
         type == KeyType::kBytes;
}

const KeySpec* FindKey(std::string_view path) {
  const KeySpec* key = &KeyTable();
  for (auto rest = path; key != nullptr && !rest.empty();) {
    if (key->type != KeyType::kSection) return nullptr;
    const auto [first, after] = SplitFirst(rest);
    key = key->Find(first);
    rest = after;
  }
  return key != nullptr && key->path == path ? key : nullptr;
}

void ForEachKey(const void* config, const std::function<void(const KeySpec&, const void*)>& visit) {
  Visit(KeyTable(), config, visit);
}

void* OwnerOf(void* config, std::string_view path) {
  const KeySpec* key = &KeyTable();
  void* owner = config;
  while (true) {
    const auto [first, rest] = SplitFirst(path);
    key = key->Find(first);
    if (key == nullptr || rest.empty()) return key == nullptr ? nullptr : owner;
    if (key->type != KeyType::kSection) return nullptr;
    owner = key->member(owner);
    path = rest;
  }
}

std::string RangeText(const KeySpec& key) {
  if (!key.IsNumber()) return {};
  return fmt::format("{} to {}", Limit(key, key.minimum), Limit(key, key.maximum));
}

std::string Allowed(const KeySpec& key) {
  const auto range = RangeText(key);
  switch (key.type) {
    case KeyType::kSection:
      return "a section of keys";
    case KeyType::kBool:
      return "true or false";
    case KeyType::kInt:
      return fmt::format("a whole number, {}", range);
    case KeyType::kFloat:
      return fmt::format("a number, {}", range);
    case KeyType::kText:
      return "a text";
    case KeyType::kPath:
      return "a path";
    case KeyType::kChoice:
      return fmt::format("one of {}", fmt::join(key.choices, ", "));
    case KeyType::kSeconds:
      return fmt::format("a number of seconds, {}, or a text such as 500ms, 30s, 10m, 2h, 7d", range);
    case KeyType::kBytes:
      return fmt::format("a number of bytes, {}, or a text such as 64KiB, 512MiB, 2GiB", range);
    case KeyType::kList:
      return "a list, each item " + Allowed(key.children.front());
    case KeyType::kMap:
      return "names, each with " + Allowed(key.children.front());
    case KeyType::kObjects:
      return "a list of items with keys of their own";
  }
  return {};
}

}  // namespace altlas::config
