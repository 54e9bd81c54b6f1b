// SPDX-License-Identifier: Apache-2.0
#include "profile/summary.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/json_writer.h"
#include "profile/summary_fields.h"

namespace altlas::profile {
namespace {

// Writes each field that is there: an empty list, map or optional is left out.
class SummaryWriter {
 public:
  explicit SummaryWriter(JsonWriter& json) : json_(json) {}

  template <typename T>
  void operator()(const char* name, T& field) {
    if (IsAbsent(field)) return;
    json_.Key(name);
    Value(field);
  }

 private:
  template <typename T>
  static bool IsAbsent(const T&) {
    return false;
  }
  template <typename T>
  static bool IsAbsent(const std::optional<T>& field) {
    return !field.has_value();
  }
  template <typename T>
  static bool IsAbsent(const std::vector<T>& field) {
    return field.empty();
  }
  template <typename K, typename T>
  static bool IsAbsent(const std::map<K, T>& field) {
    return field.empty();
  }

  void Value(std::string& field) { json_.String(field); }
  void Value(bool field) { json_.Bool(field); }
  void Value(double field) { json_.Double(field); }
  template <typename T>
  void Value(std::optional<T>& field) {
    Value(*field);
  }
  template <typename T>
  void Value(std::map<std::string, T>& field) {
    json_.BeginObject();
    for (auto& [key, value] : field) {
      json_.Key(key);
      Value(value);
    }
    json_.EndObject();
  }
  template <typename T>
  void List(T& field) {
    json_.BeginArray();
    for (auto& item : field) Value(item);
    json_.EndArray();
  }
  template <typename T>
  void Value(std::vector<T>& field) {
    List(field);
  }
  template <typename T, std::size_t N>
  void Value(std::array<T, N>& field) {
    List(field);
  }
  template <typename T>
  void Value(T& field) {
    if constexpr (std::is_integral_v<T>) {
      if constexpr (std::is_signed_v<T>) {
        json_.Int(field);
      } else {
        json_.Unsigned(field);
      }
    } else {
      json_.BeginObject();
      VisitFields(*this, field);
      json_.EndObject();
    }
  }

  JsonWriter& json_;
};

void Set(Summary& summary, HeadFigure figure) {
  const auto found = std::find_if(summary.head.begin(), summary.head.end(),
                                  [&](const HeadFigure& other) { return other.name == figure.name; });
  if (found != summary.head.end()) {
    *found = std::move(figure);
  } else {
    summary.head.push_back(std::move(figure));
  }
}

std::string_view KindName(ProvenanceKind kind) {
  if (kind == ProvenanceKind::kMeasured) return "measured";
  return kind == ProvenanceKind::kDerived ? "derived" : "absent";
}

void WriteHead(JsonWriter& json, const Summary& summary) {
  json.Key("schema").String(kSummarySchema).Key("schema_version").Int(kSummaryVersion);
  for (const auto& figure : summary.head)
    if (figure.value.has_value() && figure.kind != ProvenanceKind::kAbsent)
      json.Key(figure.name).Double(*figure.value);
  if (summary.head.empty()) return;
  json.Key("provenance").BeginObject();
  for (const auto& figure : summary.head)
    json.Key(figure.name)
        .BeginObject()
        .Key("kind")
        .String(KindName(figure.kind))
        .Key("text")
        .String(figure.text)
        .EndObject();
  json.EndObject();
}

}  // namespace

const HeadFigure* FindFigure(const Summary& summary, std::string_view name) {
  const auto found = std::find_if(summary.head.begin(), summary.head.end(),
                                  [&](const HeadFigure& figure) { return figure.name == name; });
  return found == summary.head.end() ? nullptr : &*found;
}

std::optional<double> FindValue(const Summary& summary, std::string_view name) {
  const auto* figure = FindFigure(summary, name);
  return figure == nullptr ? std::nullopt : figure->value;
}

void SetMeasured(Summary& summary, std::string name, double value, std::string what) {
  Set(summary, {std::move(name), value, ProvenanceKind::kMeasured, std::move(what)});
}

void SetDerived(Summary& summary, std::string name, double value, std::string formula) {
  Set(summary, {std::move(name), value, ProvenanceKind::kDerived, std::move(formula)});
}

void SetAbsent(Summary& summary, std::string name, std::string reason) {
  Set(summary, {std::move(name), std::nullopt, ProvenanceKind::kAbsent, std::move(reason)});
}

std::string FormatSummary(const Summary& summary) {
  JsonWriter json;
  json.BeginObject();
  WriteHead(json, summary);
  SummaryWriter writer(json);
  // The fields are listed once, for writing and for reading, by reference: nothing is changed here.
  VisitFields(writer, const_cast<Summary&>(summary));  // NOLINT
  json.EndObject();
  return json.Take() + "\n";
}

}  // namespace altlas::profile
