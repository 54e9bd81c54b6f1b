// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

template <typename Row>
void SortByStart(const Columns& columns, std::vector<Row>& rows) {
  const auto earlier = [&columns](const Row& a, const Row& b) {
    if (a.start != b.start) return a.start < b.start;
    const auto x = columns.DurationOf(a);
    const auto y = columns.DurationOf(b);
    return x != y ? x < y : columns.KeyOf(a) < columns.KeyOf(b);
  };
  if (!std::is_sorted(rows.begin(), rows.end(), earlier)) std::stable_sort(rows.begin(), rows.end(), earlier);
}

// Calls by their key. Where a call made another with the same key (runtime and driver), the outer one stands
// first.
class CallTable {
 public:
  CallTable(const Columns& columns, bool with_process) : with_process_(with_process) {
    const auto& api = columns.api;
    const auto has_key = [](const ApiRow& row) { return row.correlation != 0; };
    entries_.reserve(static_cast<std::size_t>(std::count_if(api.begin(), api.end(), has_key)));
    for (std::uint32_t row = 0; row < api.size(); ++row)
      if (const auto key = columns.KeyOf(api[row]); key != 0) entries_.push_back({Masked(key), row});
    const auto before = [&](const Entry& a, const Entry& b) {
      if (a.key != b.key) return a.key < b.key;
      const auto& x = api[a.row];
      const auto& y = api[b.row];
      if (x.start != y.start) return x.start < y.start;
      const auto x_lasts = columns.DurationOf(x);
      const auto y_lasts = columns.DurationOf(y);
      return x_lasts != y_lasts ? x_lasts > y_lasts : a.row < b.row;
    };
    if (!std::is_sorted(entries_.begin(), entries_.end(), before))
      std::sort(entries_.begin(), entries_.end(), before);
  }

  std::uint32_t Find(CallKey key) {
    if (key == 0 || entries_.empty()) return kNoRow;
    key = Masked(key);
    // Work runs nearly in the order of its calls: look near the last hit before searching the whole table.
    auto low = entries_.begin();
    auto high = entries_.end();
    const auto near = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(last_, entries_.size() - 1));
    if (near->key < key) {
      low = near;
      for (std::ptrdiff_t step = 1; entries_.end() - low > step; step *= 2) {
        if ((low + step)->key >= key) {
          high = low + step + 1;
          break;
        }
        low += step;
      }
    } else {
      high = near + 1;
    }
    const auto found = std::partition_point(low, high, [key](const Entry& entry) { return entry.key < key; });
    if (found == entries_.end() || found->key != key) return kNoRow;
    last_ = static_cast<std::size_t>(found - entries_.begin());
    return found->row;
  }

 private:
  struct Entry {
    CallKey key;
    std::uint32_t row;
  };
  CallKey Masked(CallKey key) const {
    return with_process_ ? key : key & ((CallKey{1} << kCorrelationBits) - 1);
  }
  std::vector<Entry> entries_;
  std::size_t last_ = 0;
  bool with_process_;
};

bool AnyProcess(const Columns& columns) {
  return std::any_of(columns.api.begin(), columns.api.end(),
                     [&](const ApiRow& row) { return columns.KeyOf(row) >> kCorrelationBits != 0; });
}

void JoinCalls(SourceWork& source) {
  auto& columns = source.columns;
  const bool devices_know = std::any_of(columns.lanes.items.begin(), columns.lanes.items.end(),
                                        [](const Lane& lane) { return lane.process != 0; });
  // A tool that leaves the process out on one side has one process, or says nothing that would tell.
  CallTable calls(columns, devices_know && AnyProcess(columns));
  source.copy_calls.reserve(columns.copies.size());
  for (auto& kernel : columns.kernels) kernel.call = calls.Find(columns.KeyOf(kernel));
  for (const auto& copy : columns.copies) source.copy_calls.push_back(calls.Find(copy.key));
}

std::string SourcePrefix(const Work& work, std::size_t source) {
  if (work.sources.size() == 1) return "";
  std::set<int> ranks;
  for (const auto& other : work.sources)
    if (other.columns.info.rank.has_value()) ranks.insert(*other.columns.info.rank);
  const auto& rank = work.sources[source].columns.info.rank;
  if (ranks.size() == work.sources.size() && rank.has_value()) return fmt::format("rank_{}/", *rank);
  return fmt::format("part_{}/", source + 1);
}

void MakeDevices(Work& work, std::size_t number) {
  auto& source = work.sources[number];
  const auto& columns = source.columns;
  std::map<std::int32_t, std::uint32_t> device_of_index;
  for (const auto& lane : columns.lanes.items) device_of_index.emplace(lane.device, 0);
  const auto prefix = SourcePrefix(work, number);
  for (auto& [index, device] : device_of_index) {
    device = static_cast<std::uint32_t>(work.devices.size());
    auto& made = work.devices.emplace_back();
    made.id = prefix + (index < 0 ? "gpu_unknown" : fmt::format("gpu_{}", index));
    made.source = static_cast<std::uint32_t>(number);
    made.index = index;
  }
  for (const auto& lane : columns.lanes.items) source.device_of_lane.push_back(device_of_index[lane.device]);
  // Counted first: a list that grows is held twice at times.
  std::vector<std::size_t> counts(work.devices.size());
  for (const auto& kernel : columns.kernels) ++counts[source.device_of_lane[kernel.lane()]];
  for (std::size_t device = 0; device < counts.size(); ++device)
    if (work.devices[device].source == number) work.devices[device].kernels.reserve(counts[device]);
  for (std::uint32_t row = 0; row < columns.kernels.size(); ++row)
    work.devices[source.device_of_lane[columns.kernels[row].lane()]].kernels.push_back(row);
  for (std::uint32_t row = 0; row < columns.copies.size(); ++row)
    work.devices[source.device_of_lane[columns.copies[row].lane]].copies.push_back(row);
}

void MakeTimes(const Work& work, DeviceWork& device) {
  const auto& columns = work.sources[device.source].columns;
  bool is_first = true;
  const auto widen = [&](Ns start, Ns end) {
    device.window.start = is_first ? start : std::min(device.window.start, start);
    device.window.end = is_first ? end : std::max(device.window.end, end);
    is_first = false;
  };
  for (const auto row : device.kernels)
    widen(columns.kernels[row].start, columns.EndOf(columns.kernels[row]));
  std::vector<Interval> copies;
  copies.reserve(device.copies.size());
  for (const auto row : device.copies) {
    copies.push_back({columns.copies[row].start, columns.copies[row].end});
    widen(copies.back().start, copies.back().end);
  }
  device.copy = UnionOf(std::move(copies));
  // Pieces within the window that do not overlap: their sums are no longer than it.
  EachComputePiece(columns, device, [&](Interval piece) { device.compute_ns += piece.end - piece.start; });
  device.busy_ns = device.compute_ns + (LengthOf(device.copy) - ComputeWithin(columns, device, device.copy));
}

// By thread, so that only the calls of one are sorted, which mostly are.
std::vector<std::uint32_t> LaunchesByThread(const Columns& columns) {
  std::vector<std::size_t> begins(columns.threads.items.size() + 1);
  for (const auto& kernel : columns.kernels)
    if (kernel.call != kNoRow) ++begins[columns.api[kernel.call].thread + 1];
  for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  std::vector<std::uint32_t> launches(begins.back());
  auto ends = begins;
  for (std::uint32_t row = 0; row < columns.kernels.size(); ++row)
    if (const auto call = columns.kernels[row].call; call != kNoRow)
      launches[ends[columns.api[call].thread]++] = row;
  const auto earlier = [&](std::uint32_t a, std::uint32_t b) {
    const auto x = columns.api[columns.kernels[a].call].start;
    const auto y = columns.api[columns.kernels[b].call].start;
    return x != y ? x < y : a < b;
  };
  for (std::size_t thread = 0; thread + 1 < begins.size(); ++thread) {
    const auto from = launches.begin() + static_cast<std::ptrdiff_t>(begins[thread]);
    const auto to = launches.begin() + static_cast<std::ptrdiff_t>(begins[thread + 1]);
    if (!std::is_sorted(from, to, earlier)) std::sort(from, to, earlier);
  }
  return launches;
}

}  // namespace

void PrepareWork(Work& work) {
  PrepareNames(work);
  for (auto& source : work.sources) {
    auto& columns = source.columns;
    SortByStart(columns, columns.kernels);
    SortByStart(columns, columns.copies);
    JoinCalls(source);
    if (!columns.ranges.empty() || !columns.operators.empty()) source.launches = LaunchesByThread(columns);
  }
  for (std::size_t number = 0; number < work.sources.size(); ++number) MakeDevices(work, number);
  for (auto& device : work.devices) MakeTimes(work, device);
}

Ns ComputeWithin(const Columns& columns, const DeviceWork& device, const IntervalSet& set) {
  if (set.empty()) return 0;
  Ns within = 0;
  auto at = set.begin();
  EachComputePiece(columns, device, [&](Interval piece) {
    while (at != set.end() && at->end <= piece.start) ++at;
    for (auto other = at; other != set.end() && other->start < piece.end; ++other)
      within += std::min(other->end, piece.end) - std::max(other->start, piece.start);
  });
  return within;
}

std::vector<SpanRow> SpansByThread(const std::vector<SpanRow>& spans) {
  auto sorted = spans;
  std::sort(sorted.begin(), sorted.end(), [](const SpanRow& a, const SpanRow& b) {
    if (a.thread != b.thread) return a.thread < b.thread;
    if (a.start != b.start) return a.start < b.start;
    return a.end != b.end ? a.end > b.end : a.name < b.name;
  });
  return sorted;
}

}  // namespace altlas::profile
