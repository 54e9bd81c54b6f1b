// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

template <typename Row>
void SortByStart(std::vector<Row>& rows) {
  const auto earlier = [](const Row& a, const Row& b) {
    if (a.start != b.start) return a.start < b.start;
    return a.end != b.end ? a.end < b.end : a.key < b.key;
  };
  if (!std::is_sorted(rows.begin(), rows.end(), earlier)) std::stable_sort(rows.begin(), rows.end(), earlier);
}

// Calls by their key. Where a call made another with the same key (runtime and driver), the outer one stands
// first.
class CallTable {
 public:
  CallTable(const std::vector<ApiRow>& api, bool with_process) : with_process_(with_process) {
    for (std::uint32_t row = 0; row < api.size(); ++row)
      if (api[row].key != 0) entries_.push_back({Masked(api[row].key), row});
    const auto before = [&](const Entry& a, const Entry& b) {
      if (a.key != b.key) return a.key < b.key;
      const auto& x = api[a.row];
      const auto& y = api[b.row];
      if (x.start != y.start) return x.start < y.start;
      return x.end != y.end ? x.end > y.end : a.row < b.row;
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
  CallKey Masked(CallKey key) const { return with_process_ ? key : key & ((CallKey{1} << 40U) - 1); }
  std::vector<Entry> entries_;
  std::size_t last_ = 0;
  bool with_process_;
};

bool AnyProcess(const std::vector<ApiRow>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const ApiRow& row) { return row.key >> 40U != 0; });
}

void JoinCalls(SourceWork& source) {
  const auto& columns = source.columns;
  const bool devices_know = std::any_of(columns.lanes.items.begin(), columns.lanes.items.end(),
                                        [](const Lane& lane) { return lane.process != 0; });
  // A tool that leaves the process out on one side has one process, or says nothing that would tell.
  CallTable calls(columns.api, devices_know && AnyProcess(columns.api));
  source.kernel_calls.reserve(columns.kernels.size());
  source.copy_calls.reserve(columns.copies.size());
  for (const auto& kernel : columns.kernels) source.kernel_calls.push_back(calls.Find(kernel.key));
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
  for (std::uint32_t row = 0; row < columns.kernels.size(); ++row)
    work.devices[source.device_of_lane[columns.kernels[row].lane]].kernels.push_back(row);
  for (std::uint32_t row = 0; row < columns.copies.size(); ++row)
    work.devices[source.device_of_lane[columns.copies[row].lane]].copies.push_back(row);
}

template <typename Row>
std::vector<Interval> IntervalsOf(const std::vector<Row>& rows, const std::vector<std::uint32_t>& which) {
  std::vector<Interval> intervals;
  intervals.reserve(which.size());
  for (const auto row : which) intervals.push_back({rows[row].start, rows[row].end});
  return intervals;
}

void MakeTimes(const Work& work, DeviceWork& device) {
  const auto& columns = work.sources[device.source].columns;
  auto kernels = IntervalsOf(columns.kernels, device.kernels);
  auto copies = IntervalsOf(columns.copies, device.copies);
  bool is_first = true;
  for (const auto* rows : {&kernels, &copies}) {
    for (const auto& piece : *rows) {
      device.window.start = is_first ? piece.start : std::min(device.window.start, piece.start);
      device.window.end = is_first ? piece.end : std::max(device.window.end, piece.end);
      is_first = false;
    }
  }
  device.compute = UnionOf(std::move(kernels));
  device.copy = UnionOf(std::move(copies));
  device.busy = UnionOf(device.compute, device.copy);
}

}  // namespace

void PrepareWork(Work& work) {
  PrepareNames(work);
  for (auto& source : work.sources) {
    SortByStart(source.columns.kernels);
    SortByStart(source.columns.copies);
    JoinCalls(source);
  }
  for (std::size_t number = 0; number < work.sources.size(); ++number) MakeDevices(work, number);
  for (auto& device : work.devices) MakeTimes(work, device);
}

std::vector<LaunchOnThread> LaunchesByThread(const SourceWork& source) {
  std::vector<LaunchOnThread> launches;
  for (std::uint32_t kernel = 0; kernel < source.kernel_calls.size(); ++kernel) {
    if (source.kernel_calls[kernel] == kNoRow) continue;
    const auto& call = source.columns.api[source.kernel_calls[kernel]];
    launches.push_back({call.start, call.end, call.thread, kernel});
  }
  std::sort(launches.begin(), launches.end(), [](const LaunchOnThread& a, const LaunchOnThread& b) {
    if (a.thread != b.thread) return a.thread < b.thread;
    return a.start != b.start ? a.start < b.start : a.kernel < b.kernel;
  });
  return launches;
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
