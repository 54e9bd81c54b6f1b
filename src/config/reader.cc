// SPDX-License-Identifier: Apache-2.0
#include "config/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/nearest.h"
#include "config/scalar.h"

namespace altlas::config {
namespace {

std::vector<std::string> Names(const KeySpec& section) {
  std::vector<std::string> names;
  for (const auto& child : section.children) names.push_back(child.name);
  return names;
}

// The paths of all keys that hold a value, but for those of items.
void CollectPaths(const KeySpec& section, std::vector<std::string>& paths) {
  for (const auto& child : section.children) {
    if (child.type != KeyType::kSection) paths.push_back(child.path);
    if (child.type == KeyType::kSection) CollectPaths(child, paths);
  }
}

// The path of the one key or section that is called `name`, wherever it is; "" where there are none or
// several.
std::string FindByName(std::string_view name) {
  std::vector<std::string> found;
  const std::function<void(const KeySpec&)> visit = [&](const KeySpec& section) {
    for (const auto& child : section.children) {
      if (child.name == name) found.push_back(child.path);
      if (child.type == KeyType::kSection) visit(child);
    }
  };
  visit(KeyTable());
  return found.size() == 1 ? found.front() : "";
}

std::string Found(const Node& node) {
  if (node.kind != Node::Kind::kScalar) return std::string(KindName(node.kind));
  return Shown(node.text, node.plain);
}

std::string Child(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// A key of the file inside a message: long or strange ones are cut and escaped.
std::string ShownPath(const std::string& path, const Entry& entry) {
  return Child(path, Shown(entry.key, true));
}

}  // namespace

std::string SourceNames::Of(OriginKind kind) const {
  switch (kind) {
    case OriginKind::kPersisted:
      return persisted;
    case OriginKind::kCommandLine:
      return "command line";
    case OriginKind::kRuntime:
      return "run time";
    default:
      return file;
  }
}

std::string DidYouMean(std::string_view given) {
  const auto path = Lower(given);
  std::vector<std::string> paths;
  CollectPaths(KeyTable(), paths);
  const auto last_of = [](std::string_view p) { return std::string(p.substr(p.rfind('.') + 1)); };
  auto nearest = FindByName(last_of(path));
  if (nearest.empty()) nearest = Nearest(path, paths);
  if (nearest.empty()) {
    std::vector<std::string> names;
    std::transform(paths.begin(), paths.end(), std::back_inserter(names), last_of);
    nearest = FindByName(Nearest(last_of(path), names));
  }
  return nearest.empty() ? "" : fmt::format("did you mean {}?", nearest);
}

void Reader::Report(Place place, std::string path, std::string message) {
  errors_.push_back({source_name_, place.line, place.column, std::move(path), std::move(message)});
}

void Reader::ReadTree(const Node& root, std::string_view source_name, OriginKind kind) {
  source_name_ = source_name;
  kind_ = kind;
  ReadSection(KeyTable(), root, &loaded_.config);
}

void Reader::ReadKey(const KeySpec& key, const Node& node, void* owner, std::string_view source_name,
                     OriginKind kind) {
  source_name_ = source_name;
  kind_ = kind;
  ReadLeaf(key, Entry{key.name, true, node.place, node}, owner);
}

void Reader::ReadSection(const KeySpec& section, const Node& node, void* owner) {
  if (node.kind == Node::Kind::kNull) return;
  if (node.kind != Node::Kind::kMap) {
    const auto allowed = section.path.empty() ? "the sections " : "the keys ";
    Report(node.place, section.path,
           fmt::format("found {}, allowed are {}{}", Found(node), allowed, fmt::join(Names(section), ", ")));
    return;
  }
  for (const auto& entry : node.entries) {
    const auto* key = section.Find(entry.key);
    if (key == nullptr) {
      ReportUnknown(section, entry, section.path);
    } else if (key->type == KeyType::kSection) {
      ReadSection(*key, entry.value, key->member(owner));
    } else {
      ReadLeaf(*key, entry, owner);
    }
  }
}

void Reader::ReportUnknown(const KeySpec& section, const Entry& entry, const std::string& path) {
  const auto names = Names(section);
  const auto name = Lower(entry.key);
  const auto nearest = Nearest(name, names);
  const auto* whole = FindKey(name);
  const auto elsewhere = FindByName(name);
  std::string hint;
  if (whole != nullptr && entry.key.find('.') != std::string::npos) {
    hint = fmt::format("{} is written as nested keys, one a line", whole->path);
  } else if (!nearest.empty()) {
    hint = fmt::format("did you mean {}?", nearest);
  } else if (!elsewhere.empty()) {
    hint = fmt::format("did you mean {}?", elsewhere);
  } else if (names.empty()) {
    hint = "this section has no keys";
  } else {
    hint = fmt::format("allowed are {}", fmt::join(names, ", "));
  }
  Report(entry.place, ShownPath(path, entry), fmt::format("unknown key; {}", hint));
}

void Reader::ReadLeaf(const KeySpec& key, const Entry& entry, void* owner) {
  if (kind_ == OriginKind::kPersisted && !key.run_time) {
    Report(entry.place, key.path, "cannot be changed at run time; set it in the configuration file instead");
    facts_.failed.insert(key.path);
    return;
  }
  const auto value = ReadValue(key, entry.value, key.path);
  if (!value.has_value()) {
    facts_.failed.insert(key.path);
    return;
  }
  key.store(owner, *value);
  loaded_.origins[key.path] = {kind_, entry.value.place.line, entry.value.place.column};
}

std::optional<Value> Reader::ReadValue(const KeySpec& key, const Node& node, const std::string& path) {
  switch (key.type) {
    case KeyType::kList:
      return ReadList(key, node, path);
    case KeyType::kMap:
      return ReadMap(key, node, path);
    case KeyType::kObjects:
      return ReadObjects(key, node, path);
    default:
      break;
  }
  if (node.kind == Node::Kind::kNull && key.optional) return Value{};
  if (node.kind == Node::Kind::kNull) {
    Report(node.place, path,
           fmt::format("has no value, allowed is {}{}", Allowed(key),
                       key.required ? "" : "; take the key away to get the default"));
    return std::nullopt;
  }
  if (node.kind != Node::Kind::kScalar) {
    Report(node.place, path, fmt::format("found {}, allowed is {}", Found(node), Allowed(key)));
    return std::nullopt;
  }
  auto read = ParseScalar(key, node.text, node.plain);
  if (read.ok()) return std::move(read.value);
  Report(node.place, path, std::move(read.problem));
  return std::nullopt;
}

bool Reader::HasRightSize(const KeySpec& key, std::size_t size, Place place, const std::string& path,
                          std::string_view what) {
  if (size >= key.min_items && size <= key.max_items) return true;
  Report(place, path,
         fmt::format("found {} {}, allowed are {} to {}", size, what, key.min_items, key.max_items));
  return false;
}

std::optional<Value> Reader::ReadList(const KeySpec& key, const Node& node, const std::string& path) {
  if (node.kind == Node::Kind::kNull && key.optional) return Value{};
  if (node.kind != Node::Kind::kList && node.kind != Node::Kind::kNull) {
    Report(node.place, path, fmt::format("found {}, allowed is {}", Found(node), Allowed(key)));
    return std::nullopt;
  }
  bool right = HasRightSize(key, node.items.size(), node.place, path, "items");
  Value::List list;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const auto item_path = fmt::format("{}[{}]", path, i);
    auto item = ReadValue(key.children.front(), node.items[i], item_path);
    right = right && item.has_value();
    if (!item.has_value()) continue;
    if (std::find(list.begin(), list.end(), *item) != list.end()) {
      Report(node.items[i].place, item_path,
             fmt::format("{} stands in the list a second time", Found(node.items[i])));
      right = false;
    }
    list.push_back(std::move(*item));
  }
  if (!right) return std::nullopt;
  return Value{std::move(list)};
}

std::optional<Value> Reader::ReadMap(const KeySpec& key, const Node& node, const std::string& path) {
  if (node.kind != Node::Kind::kMap && node.kind != Node::Kind::kNull) {
    Report(node.place, path, fmt::format("found {}, allowed is {}", Found(node), Allowed(key)));
    return std::nullopt;
  }
  bool right = HasRightSize(key, node.entries.size(), node.place, path, "names");
  Value::Map map;
  KeySpec name_key;
  name_key.type = KeyType::kText;
  for (const auto& entry : node.entries) {
    const auto name = ParseScalar(name_key, entry.key, entry.plain);
    if (!name.ok()) Report(entry.place, path, "as a name " + name.problem);
    auto value = ReadValue(key.children.front(), entry.value, ShownPath(path, entry));
    right = right && name.ok() && value.has_value();
    if (right) map.push_back({entry.key, std::move(*value)});
  }
  if (!right) return std::nullopt;
  std::sort(map.begin(), map.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return Value{std::move(map)};
}

std::optional<Value> Reader::ReadObjects(const KeySpec& key, const Node& node, const std::string& path) {
  if (node.kind != Node::Kind::kList && node.kind != Node::Kind::kNull) {
    Report(node.place, path,
           fmt::format("found {}, allowed is a list of items (each begins with a dash), with the keys {}",
                       Found(node), fmt::join(Names(key), ", ")));
    return std::nullopt;
  }
  bool right = HasRightSize(key, node.items.size(), node.place, path, "items");
  // The whole list takes the place of one that was read before.
  std::erase_if(facts_.item_texts, [&](const auto& text) { return text.first.starts_with(path + "["); });
  Value::List list;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    auto item = ReadObject(key, node.items[i], fmt::format("{}[{}]", path, i));
    right = right && item.has_value();
    if (right) list.push_back(std::move(*item));
  }
  if (!right) return std::nullopt;
  return Value{std::move(list)};
}

std::optional<Value> Reader::ReadObject(const KeySpec& key, const Node& node, const std::string& path) {
  if (node.kind != Node::Kind::kMap) {
    Report(node.place, path,
           fmt::format("found {}, allowed are the keys {}", Found(node), fmt::join(Names(key), ", ")));
    return std::nullopt;
  }
  auto map = key.item_defaults().AsMap();
  bool right = true;
  std::set<std::string_view> given;
  for (const auto& entry : node.entries) {
    const auto* child = key.Find(entry.key);
    if (child == nullptr) {
      ReportUnknown(key, entry, path);
      right = false;
      continue;
    }
    given.insert(child->name);
    facts_.item_places[Child(path, child->name)] = entry.value.place;
    auto value = ReadValue(*child, entry.value, Child(path, child->name));
    right = right && value.has_value();
    if (value.has_value() && std::holds_alternative<std::string>(value->data))
      facts_.item_texts[Child(path, child->name)] = value->AsText();
    if (value.has_value())
      map[static_cast<std::size_t>(child - key.children.data())].value = std::move(*value);
  }
  for (const auto& child : key.children) {
    if (!child.required || given.contains(child.name)) continue;
    Report(node.place, Child(path, child.name), fmt::format("is missing; allowed is {}", Allowed(child)));
    right = false;
  }
  if (!right) return std::nullopt;
  return Value{std::move(map)};
}

}  // namespace altlas::config
