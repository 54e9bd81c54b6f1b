// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "base/utf8.h"
#include "config/scalar.h"

namespace altlas::config {
namespace {

Place PlaceOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

Node NodeAt(const YAML::Mark& mark, Node::Kind kind) {
  Node node;
  node.kind = kind;
  node.place = PlaceOf(mark);
  return node;
}

// Thrown through yaml-cpp to end the reading; caught in ParseYaml.
struct Stop {
  Place place;
  std::string message;
};

// Put behind the text as a comment: yaml-cpp lets a quoted text run on to the end of the file without a word,
// and then this is in it. No text holds it by chance, for control characters are refused.
constexpr std::string_view kEndMark = "\x01 end of the text \x01";

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view file_name, std::vector<Problem>& problems)
      : file_name_(file_name), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      throw Stop{PlaceOf(mark), "found a second YAML document; a configuration is one document"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Leaf(NodeAt(mark, Node::Kind::kNull), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Stop{PlaceOf(mark), "found an alias (*name) inside the value that it names; write the value out"};
    Count(found->second, PlaceOf(mark));
    Node copy = found->second;
    copy.place = PlaceOf(mark);
    if (ExpectsKey()) throw Stop{PlaceOf(mark), "found an alias (*name) as a key; write the key out"};
    Add(std::move(copy));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseTag(mark, tag);
    if (value.find(kEndMark) != std::string::npos)
      throw Stop{PlaceOf(mark), "found a quote that is never closed"};
    auto node = NodeAt(mark, Node::Kind::kScalar);
    node.text = value;
    node.plain = tag != "!";
    Leaf(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Node::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Node::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

  Node TakeRoot() { return std::move(root_); }

  // Of the node that is being read.
  std::string Path() const {
    std::string path;
    for (const auto& frame : open_) {
      if (frame.node.kind == Node::Kind::kList) {
        path += fmt::format("[{}]", frame.node.items.size());
      } else if (frame.has_key) {
        path += (path.empty() ? "" : ".") + Shown(frame.key, true);
      }
    }
    return path;
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::string key;          // of a map: the last key
    bool has_key = false;     // of a map: the next node is a value
    bool skip_value = false;  // of a key that stood there before
  };

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::kMap && !open_.back().has_key;
  }

  void Report(Place place, std::string message) {
    problems_.push_back({std::string(file_name_), place.line, place.column, Path(), std::move(message)});
  }

  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    Report(PlaceOf(mark), fmt::format("found the tag {}; tags have no place in a configuration, take it away",
                                      Shown(tag, true)));
  }

  void Count(const Node& node, Place place) {
    if (++nodes_ > kMaxNodes)
      throw Stop{place, fmt::format("found more than {} values with aliases expanded, which is the limit",
                                    kMaxNodes)};
    text_bytes_ += node.text.size();
    for (const auto& entry : node.entries) {
      text_bytes_ += entry.key.size();
      Count(entry.value, place);
    }
    for (const auto& item : node.items) Count(item, place);
    if (text_bytes_ > kMaxTextBytes)
      throw Stop{place,
                 fmt::format("found more than {} bytes of text with aliases expanded, which is the limit",
                             kMaxTextBytes)};
  }

  void Leaf(Node node, YAML::anchor_t anchor) {
    Count(node, node.place);
    if (ExpectsKey()) return TakeKey(node);
    Remember(anchor, node);
    Add(std::move(node));
  }

  void TakeKey(const Node& node) {
    if (node.kind == Node::Kind::kNull) throw Stop{node.place, "found an empty key; a key is a text"};
    auto& frame = open_.back();
    frame.has_key = true;
    frame.key = node.text;
    if (node.plain && node.text == "<<") {
      Report(node.place, "found the merge key <<; merging is not supported, write the keys out");
      frame.skip_value = true;
      return;
    }
    const auto& entries = frame.node.entries;
    const auto twin =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == node.text; });
    if (twin != entries.end()) {
      Report(node.place, fmt::format("stands here a second time (first on line {}); take one of them away",
                                     twin->place.line));
      frame.skip_value = true;
      return;
    }
    frame.node.entries.push_back({node.text, node.plain, node.place, {}});
  }

  void Open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    RefuseTag(mark, tag);
    if (ExpectsKey()) throw Stop{PlaceOf(mark), "found a list or a map as a key; a key is a text"};
    if (open_.size() >= kMaxDepth)
      throw Stop{PlaceOf(mark),
                 fmt::format("found more than {} levels of nesting, which is the limit", kMaxDepth)};
    Frame frame;
    frame.node = NodeAt(mark, kind);
    frame.anchor = anchor;
    Count(frame.node, frame.node.place);
    open_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    Remember(frame.anchor, frame.node);
    Add(std::move(frame.node));
  }

  // The copy counts too: nested anchors would otherwise hold more than the limits say.
  void Remember(YAML::anchor_t anchor, const Node& node) {
    if (anchor == 0) return;
    Count(node, node.place);
    anchors_[anchor] = node;
  }

  void Add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& frame = open_.back();
    if (frame.node.kind == Node::Kind::kList) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    frame.has_key = false;
    if (std::exchange(frame.skip_value, false)) return;
    auto& entry = frame.node.entries.back();
    if (node.kind == Node::Kind::kNull) node.place = entry.place;
    entry.value = std::move(node);
  }

  std::string_view file_name_;
  std::vector<Problem>& problems_;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
  int documents_ = 0;
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
};

Place PlaceAt(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? offset : offset - newline - 1;
  return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1, static_cast<int>(column) + 1};
}

// What can be told about the bytes before any of them is parsed.
std::optional<Stop> CheckBytes(std::string_view text) {
  if (text.size() > kMaxFileBytes)
    return Stop{{}, fmt::format("the file has {} bytes, allowed are {}", text.size(), kMaxFileBytes)};
  const auto invalid = FirstInvalidUtf8(text);
  if (invalid < text.size())
    return Stop{PlaceAt(text, invalid), "found a byte that is not UTF-8; save the file as UTF-8"};
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
  });
  if (control == text.end()) return std::nullopt;
  const auto offset = static_cast<std::size_t>(control - text.begin());
  return Stop{PlaceAt(text, offset), fmt::format("found a control character (byte 0x{:02x}); take it away",
                                                 static_cast<unsigned char>(*control))};
}

std::string Line(std::string_view text, int line) {
  std::istringstream in{std::string(text)};
  std::string found;
  for (int i = 0; i < line; ++i) std::getline(in, found);
  return found;
}

std::string SyntaxMessage(std::string_view text, const YAML::Exception& error) {
  std::string message = "not YAML: " + error.msg;
  const auto line = Line(text, error.mark.line + 1);
  const auto first = line.find_first_not_of(' ');
  if (first != std::string::npos && line[first] == '\t')
    message += " (YAML is indented with spaces, this line with a tab)";
  return message;
}

Stop Run(std::string_view text, TreeBuilder& builder) {
  try {
    std::istringstream in(fmt::format("{}\n#{}\n", text, kEndMark));
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
    return {};
  } catch (const Stop& stop) {
    return stop;
  } catch (const YAML::Exception& error) {
    return {error.mark.is_null() ? Place{} : PlaceOf(error.mark), SyntaxMessage(text, error)};
  } catch (const std::exception& error) {
    return {{}, fmt::format("not YAML: {}", error.what())};
  }
}

}  // namespace

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "a value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map of keys";
  }
  return {};
}

YamlDocument ParseYaml(std::string_view file_name, std::string_view text) {
  YamlDocument document;
  const auto report = [&](const Stop& stop, std::string path) {
    document.problems.push_back(
        {std::string(file_name), stop.place.line, stop.place.column, std::move(path), stop.message});
  };
  if (const auto wrong = CheckBytes(text)) {
    report(*wrong, {});
    return document;
  }
  TreeBuilder builder(file_name, document.problems);
  const auto stop = Run(text, builder);
  if (stop.message.empty()) {
    document.root = builder.TakeRoot();
  } else {
    report(stop, builder.Path());
  }
  return document;
}

}  // namespace altlas::config
