// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/output_file.h"
#include "profile/summary.h"
#include "profile/summary_fields.h"

namespace altlas::profile {
namespace {

using SummaryJson = nlohmann::json;

constexpr std::size_t kLargestSummary = std::size_t{256} << 20U;
constexpr std::size_t kDeepestSummary = 16;
constexpr std::size_t kMostSummaryValues = 8'000'000;

// Refuses, before anything is allocated for it, a text that would become a tree too deep or too large.
Status CheckSize(std::string_view text) {
  std::size_t depth = 0;
  std::size_t values = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == '"') in_string = true;
    if (c == ',' || c == '[' || c == '{') ++values;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kDeepestSummary)
      return Fail(ErrorCode::kCorrupt, "a summary nests at most {} levels, and this text more",
                  kDeepestSummary);
    if (values > kMostSummaryValues)
      return Fail(ErrorCode::kTooLarge, "a summary has at most {} values, and this text more",
                  kMostSummaryValues);
  }
  return {};
}

// Reads each field that is there; the first wrong one is kept as the error and the rest is left alone.
class SummaryReader {
 public:
  SummaryReader(const SummaryJson& object, std::string path, std::optional<Error>& error)
      : object_(object), path_(std::move(path)), error_(error) {}

  template <typename T>
  void operator()(const char* name, T& field) {
    if (error_.has_value()) return;
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return;
    Value(*found, path_.empty() ? std::string(name) : path_ + "." + name, field);
  }

 private:
  void Wrong(const SummaryJson& value, const std::string& path, std::string_view wanted) {
    if (!error_.has_value())
      error_ = Fail(ErrorCode::kCorrupt, "{} must be {}, and is {}", path, wanted, value.type_name());
  }

  void Value(const SummaryJson& value, const std::string& path, std::string& field) {
    if (!value.is_string()) return Wrong(value, path, "a string");
    field = value.get<std::string>();
  }
  void Value(const SummaryJson& value, const std::string& path, bool& field) {
    if (!value.is_boolean()) return Wrong(value, path, "true or false");
    field = value.get<bool>();
  }
  void Value(const SummaryJson& value, const std::string& path, double& field) {
    if (!value.is_number()) return Wrong(value, path, "a number");
    field = value.get<double>();
  }
  template <typename T>
  void Value(const SummaryJson& value, const std::string& path, std::optional<T>& field) {
    Value(value, path, field.emplace());
  }
  template <typename T>
  void Value(const SummaryJson& value, const std::string& path, std::map<std::string, T>& field) {
    if (!value.is_object()) return Wrong(value, path, "an object");
    for (const auto& [key, item] : value.items()) Value(item, path + "." + key, field[key]);
  }
  template <typename T>
  void Value(const SummaryJson& value, const std::string& path, std::vector<T>& field) {
    if (!value.is_array()) return Wrong(value, path, "an array");
    for (const auto& item : value) {
      if (error_.has_value()) return;
      const auto at = path + "[" + std::to_string(field.size()) + "]";
      Value(item, at, field.emplace_back());
    }
  }
  template <typename T, std::size_t N>
  void Value(const SummaryJson& value, const std::string& path, std::array<T, N>& field) {
    if (!value.is_array() || value.size() != N) return Wrong(value, path, fmt::format("{} numbers", N));
    for (std::size_t i = 0; i < N; ++i) Value(value[i], path, field[i]);
  }
  template <typename T>
  void Value(const SummaryJson& value, const std::string& path, T& field) {
    if constexpr (std::is_integral_v<T>) {
      if (!ReadWhole(value, field)) Wrong(value, path, "a whole number in range");
    } else {
      if (!value.is_object()) return Wrong(value, path, "an object");
      SummaryReader inner(value, path, error_);
      VisitFields(inner, field);
    }
  }

  template <typename T>
  static bool ReadWhole(const SummaryJson& value, T& field) {
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      field = static_cast<T>(number);
      return std::in_range<T>(number);
    }
    if (value.is_number_integer()) {
      const auto number = value.get<std::int64_t>();
      field = static_cast<T>(number);
      return std::in_range<T>(number);
    }
    return false;
  }

  const SummaryJson& object_;
  std::string path_;
  std::optional<Error>& error_;
};

Status CheckSchema(const SummaryJson& json) {
  if (!json.is_object() || !json.contains("schema") || json["schema"] != kSummarySchema)
    return Fail(ErrorCode::kUnsupported, "not a profile summary: \"schema\" is not \"{}\"", kSummarySchema);
  const auto version = json.find("schema_version");
  if (version == json.end() || !version->is_number_integer())
    return Fail(ErrorCode::kCorrupt, "schema_version must be a whole number");
  if (*version > kSummaryVersion || *version < 1)
    return Fail(ErrorCode::kUnsupported,
                "the summary has schema_version {}, and this program reads 1 to {}: use the newer alt_las",
                version->dump(), kSummaryVersion);
  return {};
}

Status ReadHead(const SummaryJson& json, Summary& summary) {
  const auto provenance = json.find("provenance");
  if (provenance == json.end()) return {};
  if (!provenance->is_object()) return Fail(ErrorCode::kCorrupt, "provenance must be an object");
  for (const auto& [name, entry] : provenance->items()) {
    if (!entry.is_object() || !entry.contains("kind") || !entry["kind"].is_string())
      return Fail(ErrorCode::kCorrupt, "provenance.{} must be an object with a kind", name);
    HeadFigure figure{name, std::nullopt, ProvenanceKind::kAbsent, ""};
    if (entry.contains("text") && entry["text"].is_string()) figure.text = entry["text"].get<std::string>();
    const auto kind = entry["kind"].get<std::string>();
    if (kind != "absent") {
      const auto value = json.find(name);
      // A figure that came out as no number was written as null.
      if (value != json.end() && value->is_null()) continue;
      if (value == json.end() || !value->is_number())
        return Fail(ErrorCode::kCorrupt, "{} must be a number: its provenance says {}", name, kind);
      figure.value = value->get<double>();
      figure.kind = kind == "measured" ? ProvenanceKind::kMeasured : ProvenanceKind::kDerived;
    }
    summary.head.push_back(std::move(figure));
  }
  return {};
}

}  // namespace

Result<Summary> ParseSummary(std::string_view text) {
  ALTLAS_TRY_VOID(CheckSize(text));
  const auto json = SummaryJson::parse(text, nullptr, false);
  if (json.is_discarded()) return Fail(ErrorCode::kCorrupt, "not a profile summary: no JSON, or cut short");
  ALTLAS_TRY_VOID(CheckSchema(json));
  Summary summary;
  ALTLAS_TRY_VOID(ReadHead(json, summary));
  std::optional<Error> error;
  SummaryReader reader(json, "", error);
  VisitFields(reader, summary);
  if (error.has_value()) return *std::move(error);
  return summary;
}

Result<Summary> ReadSummary(const std::string& path) {
  ALTLAS_TRY(const auto text, ReadFile(path, kLargestSummary));
  return ParseSummary(text).Context(path);
}

Status WriteSummary(const std::string& path, const Summary& summary) {
  return WriteOutputFile(path, FormatSummary(summary));
}

}  // namespace altlas::profile
