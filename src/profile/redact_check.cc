// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "profile/analysis.h"
#include "profile/open_capture.h"
#include "profile/redact_formats.h"

namespace altlas::profile {
namespace {

using Figures = nlohmann::json;

// The figures of a summary without their names, lists in an order that no name has a part in.
void StripNames(Figures& value) {
  if (value.is_string()) {
    value = nullptr;
    return;
  }
  if (!value.is_structured()) return;  // a number iterates over itself
  for (auto& inner : value) StripNames(inner);
  if (value.is_array()) {
    std::sort(value.begin(), value.end(),
              [](const Figures& a, const Figures& b) { return a.dump() < b.dump(); });
  }
}

bool SameNumber(const Figures& a, const Figures& b) {
  if (a == b) return true;
  if (!a.is_number() || !b.is_number()) return false;
  constexpr double kRounding = 1e-9;  // sums in another order
  const double x = a.get<double>();
  const double y = b.get<double>();
  return std::abs(x - y) <= kRounding * std::max(std::abs(x), std::abs(y));
}

// What differs first, as "copies.timing.count (16 instead of 17)"; empty where nothing does.
std::string FirstDifference(const Figures& before, const Figures& after, const std::string& path) {
  if (before.is_object() && after.is_object()) {
    for (const auto& [key, value] : before.items()) {
      const auto inner = path.empty() ? key : path + "." + key;
      if (!after.contains(key)) return inner + " (gone)";
      if (auto found = FirstDifference(value, after[key], inner); !found.empty()) return found;
    }
    return after.size() == before.size() ? "" : path + " (more than before)";
  }
  if (before.is_array() && after.is_array()) {
    if (before.size() != after.size())
      return fmt::format("{} ({} instead of {})", path, after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (auto found = FirstDifference(before[i], after[i], path); !found.empty()) return found;
    }
    return {};
  }
  if (SameNumber(before, after)) return {};
  return fmt::format("{} ({} instead of {})", path, after.dump(), before.dump());
}

Result<Figures> FiguresOf(const std::filesystem::path& path, const Progress& progress) {
  Analysis analysis;
  analysis.Begin();
  ALTLAS_TRY(auto info, ReadCapture(path, analysis, progress));
  analysis.End(std::move(info));
  auto figures = Figures::parse(FormatSummary(analysis.Summarize()), nullptr, false);
  if (figures.is_discarded()) return Fail(ErrorCode::kInternal, "the summary is no JSON");
  for (const auto* texts : {"environment", "warnings"}) figures.erase(texts);
  // What the program printed may look like faulty records of a table, and goes.
  for (auto& source : figures["sources"]) source.erase("bad_records");
  StripNames(figures);
  return figures;
}

}  // namespace

Status CheckFigures(const std::filesystem::path& in, const std::filesystem::path& copy,
                    const Progress& progress) {
  const auto before = FiguresOf(in, progress);
  if (!before.has_value()) {
    if (before.error().code == ErrorCode::kCanceled) return tl::unexpected(before.error());
    return {};
  }
  ALTLAS_TRY(const auto after, FiguresOf(copy, progress));
  const auto difference = FirstDifference(*before, after, "");
  if (difference.empty()) return {};
  return Fail(
      ErrorCode::kConflict,
      "taking its secrets out would change the figure {}: one of them stands in a name that counts; no "
      "copy was made",
      difference);
}

}  // namespace altlas::profile
