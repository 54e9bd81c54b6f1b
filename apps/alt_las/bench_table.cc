// SPDX-License-Identifier: Apache-2.0
#include "bench_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tables.h"

namespace altlas::app {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string WithPrefix(double value, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  for (; std::abs(value) >= 1000 && prefix + 1 < std::size(kPrefixes); ++prefix) value /= 1000;
  return fmt::format("{:.1f} {}{}", value, kPrefixes[prefix], unit);
}

// Three figures that mean something, whatever the size.
std::string Rounded(double value) {
  const double size = std::abs(value);
  if (size >= 100 || size == 0) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 1) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3g}", value);
}

double MiddleOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// The median distance to the median.
std::string SpreadOf(const profile::SummaryMetric& metric) {
  if (metric.samples.size() < 2) return "";
  const double middle = MiddleOf(metric.samples);
  auto distances = metric.samples;
  for (auto& one : distances) one = std::abs(one - middle);
  return fmt::format("± {}, n = {}", FormatMetric(MiddleOf(distances), metric.unit), metric.samples.size());
}

const profile::SummaryMetric* FindMetric(const profile::Summary& summary, const std::string& name) {
  for (const auto& metric : summary.metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::string Cell(const profile::SummaryMetric* metric) {
  if (metric == nullptr) return "-";
  const auto spread = metric->unit == "ms" ? SpreadOf(*metric) : "";
  return FormatMetric(metric->value, metric->unit) + (spread.empty() ? "" : " " + spread);
}

// Phases as rows, the two states of the page cache as columns. Takes its metrics out of `rest`.
std::string PhaseTable(const profile::Summary& summary, std::vector<profile::SummaryMetric>& rest) {
  Rows rows = {{"PHASE", "COLD", "RATE", "WARM", "RATE"}};
  for (const char* phase : {"read", "map", "convert", "upload", "tokenizer", "load"}) {
    std::vector<std::string> row = {phase};
    for (const char* state : {"cold_", "warm_"}) {
      for (const char* part : {"", "_rate"}) {
        const auto name = std::string(state) + phase + part;
        row.push_back(Cell(FindMetric(summary, name)));
        std::erase_if(rest, [&](const auto& metric) { return metric.name == name; });
      }
    }
    if (std::any_of(row.begin() + 1, row.end(), [](const auto& cell) { return cell != "-"; }))
      rows.push_back(row);
  }
  return FormatTable(std::move(rows));
}

std::string TitleOf(const profile::Summary& summary) {
  if (!summary.scenario) return "";
  std::string title = summary.scenario->name + ":";
  for (const auto& [name, value] : summary.scenario->parameters)
    title += fmt::format(" {}={}", name, Printable(value));
  return title + "\n";
}

}  // namespace

std::string FormatMetric(double value, const std::string& unit) {
  if (unit == "B" && value >= 0) return FormatBytes(static_cast<std::uint64_t>(value));
  if (unit == "B/s" || unit == "flop/s") return WithPrefix(value, unit.c_str());
  if (unit == "1/s") return Rounded(value) + " /s";
  if (unit == "1") return value == std::floor(value) ? fmt::format("{:.0f}", value) : Rounded(value);
  return Rounded(value) + (unit.empty() ? "" : " " + unit);
}

std::string FormatBench(const profile::Summary& summary) {
  auto text = TitleOf(summary);
  auto metrics = summary.metrics;
  const bool is_series = summary.scenario && summary.scenario->name == "memory";
  if (summary.scenario && summary.scenario->name == "load") text += PhaseTable(summary, metrics) + "\n";
  Rows rows = {{"METRIC", "VALUE", "SPREAD"}};
  for (const auto& metric : metrics) {
    rows.push_back({metric.name,
                    FormatMetric(metric.value, metric.unit) + (metric.is_estimate ? " (estimate)" : ""),
                    is_series ? "" : SpreadOf(metric)});
  }
  text += FormatTable(std::move(rows));
  for (const auto& [name, value] : summary.environment) {
    if (name.starts_with("limit_")) text += fmt::format("{}: {}\n", name, Printable(value));
  }
  for (const auto& warning : summary.warnings)
    text += fmt::format("{}: {}\n", warning.severity, Printable(warning.text));
  for (const auto& finding : summary.findings) {
    text +=
        fmt::format("{}{}\n", finding.severity == "warning" ? "WARNING: " : "", Printable(finding.sentence));
    if (!finding.mend.empty()) text += fmt::format("  {}\n", Printable(finding.mend));
  }
  return text;
}

}  // namespace altlas::app
