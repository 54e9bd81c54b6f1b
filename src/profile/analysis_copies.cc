// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <tuple>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

constexpr double kNsPerSecond = 1e9;

using CopyGroup = std::tuple<bool, CopyKind, MemoryKind, MemoryKind>;  // whether it is a memset first

std::optional<double> Rate(std::uint64_t bytes, std::int64_t ns) {
  if (ns <= 0) return std::nullopt;
  return static_cast<double>(bytes) * kNsPerSecond / static_cast<double>(ns);
}

// Copies of one group: their rows in all sources.
struct CopyRows {
  std::vector<std::int64_t> durations;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_with_call = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> calls;  // source, row
};

SummaryCopy SumCopies(const Work& work, const CopyGroup& group, CopyRows& rows) {
  SummaryCopy copy;
  const auto [is_memset, kind, source, target] = group;
  copy.kind = is_memset ? "memset" : CopyKindName(kind);
  copy.source_memory = is_memset ? "" : MemoryKindName(source);
  copy.target_memory = is_memset ? "" : MemoryKindName(target);
  copy.bytes = rows.bytes;
  copy.timing = TimingOf(rows.durations);
  copy.engine_bytes_per_second = Rate(rows.bytes, copy.timing.total_ns);
  // A call that made several copies took its time once.
  std::sort(rows.calls.begin(), rows.calls.end());
  rows.calls.erase(std::unique(rows.calls.begin(), rows.calls.end()), rows.calls.end());
  copy.api_count = rows.calls.size();
  for (const auto& [source_number, row] : rows.calls) {
    const auto& columns = work.sources[source_number].columns;
    copy.api_ns = AddSaturated(copy.api_ns, columns.DurationOf(columns.api[row]));
  }
  copy.api_bytes_per_second = Rate(rows.bytes_with_call, copy.api_ns);
  return copy;
}

}  // namespace

void AddCopies(const Work& work, Summary& summary) {
  std::map<CopyGroup, CopyRows> groups;
  for (std::uint32_t number = 0; number < work.sources.size(); ++number) {
    const auto& source = work.sources[number];
    for (std::size_t row = 0; row < source.columns.copies.size(); ++row) {
      const auto& copy = source.columns.copies[row];
      auto& group = groups[{copy.is_memset, copy.kind, copy.source, copy.target}];
      group.durations.push_back(copy.end - copy.start);
      group.bytes = AddBytes(group.bytes, copy.bytes);
      if (source.copy_calls[row] == kNoRow) continue;
      group.bytes_with_call = AddBytes(group.bytes_with_call, copy.bytes);
      group.calls.emplace_back(number, source.copy_calls[row]);
    }
  }
  for (auto& [group, rows] : groups) {
    auto copy = SumCopies(work, group, rows);
    if (std::get<0>(group)) {
      summary.memsets = std::move(copy);
    } else {
      summary.copies.push_back(std::move(copy));
    }
  }
  std::stable_sort(summary.copies.begin(), summary.copies.end(),
                   [](const auto& a, const auto& b) { return a.timing.total_ns > b.timing.total_ns; });
  SummaryOverlap overlap;
  for (const auto& device : work.devices) {
    const auto& columns = work.sources[device.source].columns;
    std::vector<Interval> copies;
    for (const auto row : device.copies)
      if (!columns.copies[row].is_memset)
        copies.push_back({columns.copies[row].start, columns.copies[row].end});
    const auto set = UnionOf(std::move(copies));
    overlap.copy_ns = AddSaturated(overlap.copy_ns, LengthOf(set));
    overlap.overlap_ns = AddSaturated(overlap.overlap_ns, ComputeWithin(columns, device, set));
  }
  if (overlap.copy_ns == 0) return;
  overlap.percent =
      100 * Ratio(static_cast<double>(overlap.overlap_ns), static_cast<double>(overlap.copy_ns));
  summary.overlap = overlap;
}

}  // namespace altlas::profile
