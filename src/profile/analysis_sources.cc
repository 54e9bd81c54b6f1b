// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

const char* SeverityName(CaptureNote::Severity severity) {
  if (severity == CaptureNote::Severity::kInfo) return "info";
  return severity == CaptureNote::Severity::kWarning ? "warning" : "error";
}

void AddTrust(const Columns& columns, std::uint32_t number, Summary& summary) {
  const auto warn = [&](std::string text) {
    summary.warnings.push_back({"warning", std::move(text), number});
  };
  const auto& info = columns.info;
  if (info.dropped_records > 0)
    warn(fmt::format("the tool dropped {} records: sums and counts are too small", info.dropped_records));
  if (const auto bad = info.bad_records + columns.bad_records; bad > 0)
    warn(fmt::format("{} records make no sense (an end before its start, impossible values) and are left out",
                     bad));
  if (info.operator_sampling.has_value())
    warn(fmt::format(
        "operators were recorded with the probability {:.3g}: their counts and sums are of the recorded ones",
        *info.operator_sampling));
  if (info.profiler_overhead.value_or(0) > 0)
    summary.warnings.push_back(
        {"info",
         fmt::format("the tool spent {:.1f} ms on itself, summed over threads (most of it when it starts)",
                     static_cast<double>(*info.profiler_overhead) / 1e6),
         number});
  const auto graphs = static_cast<std::uint64_t>(std::count_if(
      columns.kernels.begin(), columns.kernels.end(), [](const KernelRow& row) { return row.is_graph(); }));
  if (graphs > 0)
    warn(fmt::format(
        "{} of {} kernel records are whole CUDA graphs: the kernels inside are not seen one by one; capture "
        "with --cuda-graph-trace=node to see them",
        graphs, columns.kernels.size()));
  const auto unmatched =
      static_cast<std::uint64_t>(std::count_if(columns.lanes.items.begin(), columns.lanes.items.end(),
                                               [](const Lane& lane) { return lane.device < 0; }));
  if (unmatched > 0) warn("some work names no device: it is shown as gpu_unknown");
}

}  // namespace

void AddSources(const Work& work, Summary& summary) {
  for (std::uint32_t number = 0; number < work.sources.size(); ++number) {
    const auto& columns = work.sources[number].columns;
    const auto& info = columns.info;
    auto& source = summary.sources.emplace_back();
    source.path = info.path;
    source.format = CaptureFormatName(info.format);
    source.tool = info.tool;
    source.schema = info.schema;
    source.rank = info.rank;
    source.start_unix_ns = info.start_unix_ns;
    const auto span = columns.first.has_value() ? SubtractSaturated(*columns.last, *columns.first) : 0;
    source.duration_ns = info.duration.value_or(span);
    source.operator_sampling = info.operator_sampling;
    source.dropped_records = info.dropped_records;
    source.bad_records = info.bad_records + columns.bad_records;
    for (const auto& note : info.notes)
      summary.warnings.push_back({SeverityName(note.severity), note.text, number});
    AddTrust(columns, number, summary);
    for (const auto& [key, value] : info.environment)
      summary.environment.emplace(work.sources.size() == 1 ? key : fmt::format("{}/{}", number + 1, key),
                                  value);
  }
}

Summary SummarizeWork(Work& work) {
  PrepareWork(work);
  Summary summary;
  AddSources(work, summary);
  AddDevices(work, summary);
  AddKernels(work, summary);
  AddStreams(work, summary);
  AddCopies(work, summary);
  AddApi(work, summary);
  AddSyncs(work, summary);
  const auto allocation_peak = AddAllocations(work, summary);
  AddCounters(work, summary);
  AddLaunch(work, summary);
  AddGaps(work, summary);
  AddPhases(work, summary);
  const auto outermost = AddOperators(work, summary);
  work.details.Fill(summary);
  AddHead(work, outermost, allocation_peak, summary);
  AddFindings(summary);
  return summary;
}

}  // namespace altlas::profile
