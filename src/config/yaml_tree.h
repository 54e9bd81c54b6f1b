// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

// A YAML text as a tree of our own with the place of every node. The one seam around yaml-cpp: it is driven
// by its events, so that nothing is expanded, and no exception leaves, before the limits below are held.
namespace altlas::config {

inline constexpr std::size_t kMaxFileBytes = 256 << 10;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodes = 20'000;       // with every alias expanded
inline constexpr std::size_t kMaxTextBytes = 4 << 20;  // of all scalars, with every alias expanded

struct Place {
  int line = 0;  // 1-based
  int column = 0;
};

struct Entry;
struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  Place place;
  std::string text;   // of a scalar
  bool plain = true;  // a scalar without quotes
  std::vector<Node> items;
  std::vector<Entry> entries;
};
struct Entry {
  std::string key;
  bool plain = true;
  Place place;
  Node value;
};

// "a list", "a map of keys", "nothing", "a value"
std::string_view KindName(Node::Kind kind);

struct YamlDocument {
  std::optional<Node> root;  // absent where the text cannot be used at all; a null node for an empty text
  std::vector<Problem> problems;
};

// Reads one document. Twice the same key in one map is a problem (the first one stays in the tree), as are
// tags, merge keys, keys that are not text, a second document, and what passes a limit.
YamlDocument ParseYaml(std::string_view file_name, std::string_view text);

}  // namespace altlas::config
