// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_spec.h"
#include "config/load.h"
#include "config/yaml_tree.h"

namespace altlas::config {

// The names of what was read, for problems found later than the reading.
struct SourceNames {
  std::string file;
  std::string persisted;
  std::string Of(OriginKind kind) const;
};

// What the checks across keys need to know of the reading.
struct ReadFacts {
  std::set<std::string, std::less<>>
      failed;  // keys given with a value that is not allowed; they still have the one before
  std::map<std::string, Place> item_places;       // of the keys of items: "models[1].name"
  std::map<std::string, std::string> item_texts;  // the allowed ones among their texts
};

// Reads trees over a configuration, one after the other, and collects what is wrong. Borrows all it is given.
class Reader {
 public:
  Reader(LoadedConfig& loaded, std::vector<Problem>& errors) : loaded_(loaded), errors_(errors) {}

  // Every key of `root` into the configuration, with `kind` as its origin. kPersisted takes run-time keys
  // only.
  void ReadTree(const Node& root, std::string_view source_name, OriginKind kind);

  // One key of the table. Requires one that holds a value.
  void ReadKey(const KeySpec& key, const Node& node, void* owner, std::string_view source_name,
               OriginKind kind);

  const ReadFacts& facts() const { return facts_; }

 private:
  void ReadSection(const KeySpec& section, const Node& node, void* owner);
  void ReadLeaf(const KeySpec& key, const Entry& entry, void* owner);
  std::optional<Value> ReadValue(const KeySpec& key, const Node& node, const std::string& path);
  std::optional<Value> ReadList(const KeySpec& key, const Node& node, const std::string& path);
  std::optional<Value> ReadMap(const KeySpec& key, const Node& node, const std::string& path);
  std::optional<Value> ReadObjects(const KeySpec& key, const Node& node, const std::string& path);
  std::optional<Value> ReadObject(const KeySpec& key, const Node& node, const std::string& path);
  bool HasRightSize(const KeySpec& key, std::size_t size, Place place, const std::string& path,
                    std::string_view what);
  void Report(Place place, std::string path, std::string message);
  void ReportUnknown(const KeySpec& section, const Entry& entry, const std::string& path);

  LoadedConfig& loaded_;
  std::vector<Problem>& errors_;
  ReadFacts facts_;
  std::string source_name_;
  OriginKind kind_ = OriginKind::kFile;
};

// "did you mean gpu.enabled?" for a path that is no key, or "".
std::string DidYouMean(std::string_view path);

// What no single key can tell: values that contradict each other. Keys that failed are left out of account.
void CheckAcross(LoadedConfig& loaded, const ReadFacts& facts, const SourceNames& names,
                 std::vector<Problem>& errors);

}  // namespace altlas::config
