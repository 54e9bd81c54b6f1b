// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"
#include "profile/summary_diff.h"

namespace altlas::profile {
namespace {

void WriteFigure(JsonWriter& json, const DiffFigure& figure) {
  json.BeginObject().Key("before").Double(figure.before).Key("after").Double(figure.after);
  json.Key("delta").Double(figure.delta());
  if (figure.before != 0) json.Key("percent").Double(100 * figure.delta() / figure.before);
  if (figure.noise) json.Key("noise").Double(*figure.noise).Key("beyond_noise").Bool(*figure.IsBeyondNoise());
  json.EndObject();
}

void WriteRows(JsonWriter& json, const char* key, const std::vector<DiffRow>& rows) {
  if (rows.empty()) return;
  json.Key(key).BeginArray();
  for (const auto& row : rows) {
    json.BeginObject().Key("name").String(row.name).Key("full_name").String(row.full_name);
    json.Key("state").String(row.state).Key("count");
    WriteFigure(json, row.count);
    json.Key("total_ns");
    WriteFigure(json, row.total_ns);
    json.Key("by_count_ns").Double(row.by_count_ns).Key("by_time_ns").Double(row.by_time_ns);
    if (row.host_ns) {
      json.Key("host_ns");
      WriteFigure(json, *row.host_ns);
    }
    json.EndObject();
  }
  json.EndArray();
}

void WriteMetrics(JsonWriter& json, const char* key, const std::vector<DiffMetric>& metrics) {
  if (metrics.empty()) return;
  json.Key(key).BeginArray();
  for (const auto& metric : metrics) {
    json.BeginObject().Key("name").String(metric.name);
    if (!metric.unit.empty()) json.Key("unit").String(metric.unit);
    if (!metric.better.empty()) json.Key("better").String(metric.better);
    json.Key("value");
    WriteFigure(json, metric.value);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string FormatDiff(const SummaryDiff& diff) {
  JsonWriter json;
  json.BeginObject().Key("schema").String("altlas.profile_diff").Key("schema_version").Int(1);
  json.Key("runs_before").Unsigned(diff.runs_before).Key("runs_after").Unsigned(diff.runs_after);
  if (!diff.whole.empty()) {
    json.Key("whole").String(diff.whole).Key("whole_ns");
    WriteFigure(json, diff.whole_ns);
    json.Key("terms").BeginArray();
    for (const auto& term : diff.terms) {
      json.BeginObject().Key("name").String(term.name).Key("delta_ns").Double(term.delta_ns);
      if (term.noise_ns) json.Key("noise_ns").Double(*term.noise_ns);
      json.EndObject();
    }
    json.EndArray();
  }
  WriteRows(json, "kernels", diff.kernels);
  WriteRows(json, "operators", diff.operators);
  WriteRows(json, "phases", diff.phases);
  WriteMetrics(json, "head", diff.head);
  WriteMetrics(json, "metrics", diff.metrics);
  json.Key("warnings").BeginArray();
  for (const auto& warning : diff.warnings) json.String(warning);
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace altlas::profile
