// SPDX-License-Identifier: Apache-2.0
#include "profile/report.h"

#include <algorithm>
#include <set>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "profile/report_page.h"
#include "profile/timeline_code.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kLongestFullName = 1'000;
// Below these, what is left of a report is its summary: no file makes that larger than the page may be.
constexpr std::size_t kFewestBars = 500;
constexpr std::size_t kFewestRows = 10;

std::string_view CutFullName(std::string_view name) {
  if (name.size() <= kLongestFullName) return name;
  name = name.substr(0, kLongestFullName);
  return name.substr(0, name.size() - IncompleteUtf8Tail(name));
}

void CutString(std::string& text) { text.resize(CutFullName(text).size()); }

// Keeps the first rows of a list; says how many there were where it dropped some.
template <typename Row>
void CutTable(std::vector<Row>& rows, std::size_t most, std::string_view name, JsonWriter& left_out) {
  if (rows.size() > most) {
    left_out.Key(name).Unsigned(rows.size() - most);
    rows.resize(most);
  }
  for (auto& row : rows) {
    if constexpr (requires { row.full_name; }) CutString(row.full_name);
    if constexpr (requires { row.name; }) CutString(row.name);
  }
}

// Evenly chosen ones of the repeats, in their order, the least and the largest among them.
std::vector<double> SomeSamples(const std::vector<double>& samples, std::size_t most) {
  const auto [least, largest] = std::minmax_element(samples.begin(), samples.end());
  std::set<std::ptrdiff_t> kept = {least - samples.begin(), largest - samples.begin()};
  for (std::size_t at = 0; at + 2 < most; ++at)
    kept.insert(static_cast<std::ptrdiff_t>(at * samples.size() / most));
  std::vector<double> some;
  for (const auto at : kept) some.push_back(samples[static_cast<std::size_t>(at)]);
  return some;
}

// A measurement of a million iterations has as many repeats; the page shows how many, and their range.
void CutSamples(std::vector<SummaryMetric>& metrics, JsonWriter& left_out) {
  constexpr std::size_t kMostSamples = 100;
  for (auto& metric : metrics) {
    const auto all = metric.samples.size();
    if (all <= kMostSamples) continue;
    metric.samples = SomeSamples(metric.samples, kMostSamples);
    left_out.Key("samples:" + metric.name).Unsigned(all - metric.samples.size());
  }
}

// The summary's tables as far as the page shows them, as JSON, and beside them what was left out.
void PutSummary(JsonWriter& json, std::string_view key, Summary summary, std::size_t rows) {
  JsonWriter left_out;
  left_out.BeginObject();
  CutTable(summary.kernels, rows, "kernels", left_out);
  CutTable(summary.operators, rows, "operators", left_out);
  CutTable(summary.copies, rows, "copies", left_out);
  CutTable(summary.api, rows, "api", left_out);
  CutTable(summary.phases, rows, "phases", left_out);
  CutTable(summary.streams, rows, "streams", left_out);
  CutTable(summary.counters, rows, "counters", left_out);
  CutTable(summary.kernel_details, rows, "kernel_details", left_out);
  CutTable(summary.metrics, rows, "metrics", left_out);
  CutSamples(summary.metrics, left_out);
  CutTable(summary.allocations, rows, "allocations", left_out);
  CutTable(summary.warnings, rows, "warnings", left_out);
  CutTable(summary.devices, rows, "devices", left_out);
  CutTable(summary.findings, rows, "findings", left_out);
  for (auto& phase : summary.phases)
    for (auto& kernel : phase.kernels) CutString(kernel.full_name);
  left_out.EndObject();
  json.Key(key).Raw(FormatSummary(summary));
  json.Key(std::string(key) + "_left_out").Raw(left_out.Take());
}

void PutCaptures(JsonWriter& json, const ReportInput& input) {
  json.Key("captures").BeginArray();
  for (const auto& capture : input.captures) {
    const auto& info = capture.info;
    json.BeginObject().Key("label").String(capture.label);
    json.Key("format").String(CaptureFormatName(info.format)).Key("path").String(info.path);
    json.Key("devices").BeginArray();
    for (const auto& device : info.devices)
      json.BeginObject().Key("index").Int(device.index).Key("name").String(device.name).EndObject();
    json.EndArray().EndObject();
  }
  json.EndArray();
}

void PutTimeline(JsonWriter& json, const Timeline& timeline, std::string& binary) {
  json.Key("timeline").BeginObject().Key("origin").Int(timeline.origin).Key("span").Int(timeline.span);
  json.Key("events").Unsigned(timeline.events).Key("names").BeginArray();
  for (const auto& name : timeline.names) json.String(name);
  json.EndArray().Key("notes").BeginArray();
  for (const auto& note : timeline.notes) json.String(note);
  json.EndArray().Key("lanes").BeginArray();
  for (const auto& lane : timeline.lanes) {
    json.BeginObject().Key("kind").String(LaneKindName(lane.kind)).Key("capture").Unsigned(lane.capture);
    json.Key("device").Int(lane.device).Key("title").String(lane.title);
    json.Key("events").Unsigned(lane.events).Key("busy").Int(lane.busy).Key("rows").BeginArray();
    for (const auto& row : lane.rows) {
      json.BeginArray();
      for (const auto& level : row) {
        json.BeginArray()
            .Int(level.merged_below)
            .Unsigned(level.bars.size())
            .Unsigned(binary.size())
            .EndArray();
        AppendLevel(binary, level, timeline.origin);
      }
      json.EndArray();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
}

void PutSeries(JsonWriter& json, const std::vector<Series>& all, Ns origin) {
  static constexpr std::string_view kKinds[] = {"allocated", "reserved", "counter"};
  json.Key("series").BeginArray();
  for (const auto& series : all) {
    json.BeginObject().Key("kind").String(kKinds[static_cast<std::size_t>(series.kind)]);
    json.Key("capture").Unsigned(series.capture).Key("device").Int(series.device);
    json.Key("name").String(series.name).Key("largest").Double(series.largest);
    json.Key("largest_at").Int(series.largest_at - origin).Key("note").String(series.note);
    json.Key("at").BeginArray();
    for (const auto& point : series.points) json.Int(point.at - origin);
    json.EndArray().Key("value").BeginArray();
    for (const auto& point : series.points) json.Double(point.value);
    json.EndArray().EndObject();
  }
  json.EndArray();
}

std::string Pack(const ReportInput& input, const Timeline& timeline, std::size_t rows) {
  JsonWriter json;
  std::string binary;
  json.BeginObject().Key("title").String(input.title).Key("created").String(input.created);
  json.Key("program").String(input.program);
  PutCaptures(json, input);
  PutSummary(json, "summary", input.summary, rows);
  if (input.baseline) {
    json.Key("baseline_name").String(input.baseline_name);
    PutSummary(json, "baseline", *input.baseline, rows);
  }
  PutTimeline(json, timeline, binary);
  PutSeries(json, input.series, timeline.lanes.empty() ? 0 : timeline.origin);
  json.Key("notes").BeginArray();
  for (const auto& note : input.notes) json.String(note);
  json.EndArray().EndObject();
  return PackData(json.text(), binary);
}

}  // namespace

std::string MakeReport(const ReportInput& input, TimelineBuilder& timeline, const ReportLimits& limits) {
  auto bars = limits.bars;
  auto rows = limits.table_rows;
  while (true) {
    auto page = ComposePage(input.title, Pack(input, timeline.Build(bars), rows));
    if (page.size() <= limits.page_bytes || (bars <= kFewestBars && rows <= kFewestRows)) return page;
    bars = std::max(kFewestBars, bars / 2);
    rows = std::max(kFewestRows, rows / 2);
  }
}

}  // namespace altlas::profile
