// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "config/value.h"

namespace altlas::config {

enum class KeyType {
  kSection,
  kBool,
  kInt,
  kFloat,
  kText,
  kPath,
  kChoice,
  kSeconds,
  kBytes,
  kList,
  kMap,
  kObjects
};

// One key of the table. A section's children are its keys; a kObjects list's children are the keys of each
// item; a kList's or kMap's only child is the unnamed specification of its items. Built in key_table.cc,
// constant from then on.
struct KeySpec {
  std::string name;
  std::string path;  // "gpu.memory_threshold", "models[].name"
  KeyType type = KeyType::kSection;
  std::string sentence;  // what it does, for the reference and the schema
  std::string unit;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;
  bool run_time = false;      // takes effect without a restart
  bool optional = false;      // may be null: not set
  std::string absent;         // what happens where it is not set
  bool required = false;      // an item without it is an error
  std::size_t min_items = 0;  // of a list or map; the shortest text
  std::size_t max_items = 1024;
  // What is wrong with a text, as the end of "found x, ...", or nothing.
  std::string (*check)(std::string_view text) = nullptr;
  std::vector<KeySpec> children;
  std::function<void*(void* owner)> member;  // a section's struct inside its owner's
  std::function<void(void* owner, const Value& value)> store;
  std::function<Value(const void* owner)> load;
  std::function<Value()> item_defaults;  // kObjects: an item that gives nothing

  KeySpec& Range(double from, double to);
  KeySpec& Unit(std::string_view name);
  KeySpec& Choices(std::vector<std::string> names);
  KeySpec& Check(std::string (*function)(std::string_view));
  KeySpec& Items(std::size_t least, std::size_t most);
  KeySpec& AtRunTime();
  KeySpec& Required();
  KeySpec& Absent(std::string_view what);

  const KeySpec* Find(std::string_view child) const;
  bool IsNumber() const;
};

// The root section: every key there is. A constant.
const KeySpec& KeyTable();

// The key or section of a dotted path ("gpu.multi_gpu.strategies"); null where there is none.
const KeySpec* FindKey(std::string_view path);

// Calls `visit` for each key that holds a value (not for sections), in the order of the table, with the
// struct that owns it.
void ForEachKey(const void* config, const std::function<void(const KeySpec& key, const void* owner)>& visit);

// The struct inside `config` that owns the key of a path; null where there is none.
void* OwnerOf(void* config, std::string_view path);

// What the key allows, in words: "a whole number from 1 to 1024".
std::string Allowed(const KeySpec& key);
// Its range alone ("1 to 1024"), empty where it has none.
std::string RangeText(const KeySpec& key);

}  // namespace altlas::config
