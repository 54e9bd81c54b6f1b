// SPDX-License-Identifier: Apache-2.0
#include "periodic/report.h"

#include <algorithm>
#include <limits>

#include "base/json_writer.h"

namespace altlas::periodic {
namespace {

std::int64_t Whole(std::uint64_t count) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::int64_t>::max()));
}

std::optional<store::ProfileMeasure> MeasureOf(const wire::ProfileReport::Phase& phase) {
  if (phase.count < kLeastSteps || phase.size_from == 0) return std::nullopt;
  store::ProfileMeasure measure;
  if (phase.name == "decode") {
    measure.seconds = phase.median_seconds;
  } else if (phase.name == "prefill") {
    measure.seconds = phase.median_seconds_per_token;
  } else {
    return std::nullopt;
  }
  if (!(measure.seconds > 0)) return std::nullopt;
  measure.name = phase.size_to > phase.size_from
                     ? fmt::format("{}/{}-{}", phase.name, phase.size_from, phase.size_to)
                     : fmt::format("{}/{}", phase.name, phase.size_from);
  measure.count = Whole(phase.count);
  return measure;
}

std::string DetailOf(const wire::ProfileReport& report, const wire::ProfileReport::Model& model) {
  JsonWriter out;
  out.BeginObject().Key("phases").BeginArray();
  for (const auto& phase : model.phases) {
    out.BeginObject().Key("phase").String(phase.name);
    out.Key("size_from").Unsigned(phase.size_from).Key("size_to").Unsigned(phase.size_to);
    out.Key("count").Unsigned(phase.count).Key("tokens").Unsigned(phase.tokens);
    out.Key("sum_seconds").Double(phase.sum_seconds).Key("median_seconds").Double(phase.median_seconds);
    out.Key("p95_seconds").Double(phase.p95_seconds).EndObject();
  }
  out.EndArray().Key("operator_sampling").Double(report.operator_sampling).Key("operators").BeginArray();
  for (const auto& one : report.operators) {
    out.BeginObject().Key("operator").String(one.name).Key("count").Unsigned(one.count);
    out.Key("sum_seconds").Double(one.sum_seconds).EndObject();
  }
  return out.EndArray().EndObject().Take();
}

}  // namespace

std::vector<store::ProfileRow> ReadReport(const wire::ProfileReport& report, std::string_view device,
                                          WallMillis at) {
  std::vector<store::ProfileRow> rows;
  for (const auto& model : report.models) {
    if (model.phases.empty()) continue;
    auto& row = rows.emplace_back();
    row.at_ms = at;
    row.device = device;
    row.model = model.name;
    row.seconds = report.seconds;
    row.processor_seconds = report.processor_seconds;
    row.requests = Whole(model.requests);
    row.prompt_tokens = Whole(model.prompt_tokens);
    row.generated_tokens = Whole(model.generated_tokens);
    row.memory_peak_bytes = Whole(report.memory_peak_bytes);
    for (const auto& phase : model.phases) {
      auto measure = MeasureOf(phase);
      const auto same = [&](const auto& known) { return measure && known.name == measure->name; };
      if (measure && std::none_of(row.measures.begin(), row.measures.end(), same))
        row.measures.push_back(std::move(*measure));
    }
    row.detail = DetailOf(report, model);
  }
  return rows;
}

}  // namespace altlas::periodic
