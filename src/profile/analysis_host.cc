// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>

#include "profile/analysis_parts.h"

namespace altlas::profile {

bool IsCopyCall(std::string_view name) {
  return name.find("emcpy") != std::string_view::npos || name.find("emset") != std::string_view::npos;
}

bool IsSyncCall(std::string_view name) { return name.find("ynchronize") != std::string_view::npos; }

bool IsLibraryCall(std::string_view name) {
  // Runtime and driver calls are "cuda" or "cu" and a capital.
  const bool is_driver = name.size() > 2 && name.starts_with("cu") && name[2] >= 'A' && name[2] <= 'Z';
  return !is_driver && !name.starts_with("cuda");
}

void AddApi(const Work& work, Summary& summary) {
  const auto count = work.names.api.size();
  const auto timings = TimingsByNumber(count, [&](auto take) {
    for (const auto& source : work.sources)
      for (const auto& row : source.columns.api) take(row.name, source.columns.DurationOf(row));
  });
  std::vector<std::uint64_t> failures(count);
  for (const auto& source : work.sources)
    for (const auto& [name, number] : source.columns.api_failures) failures[name] += number;
  std::int64_t all = 0;
  for (const auto& timing : timings) all = AddSaturated(all, timing.total_ns);
  for (std::uint32_t name = 0; name < count; ++name) {
    if (timings[name].count == 0) continue;
    auto& api = summary.api.emplace_back();
    api.name = work.names.api.TextOf(name);
    api.timing = timings[name];
    api.share = Ratio(static_cast<double>(api.timing.total_ns), static_cast<double>(all));
    api.failures = failures[name];
  }
  SortByTotal(summary.api, &SummaryApi::name);
}

void AddSyncs(const Work& work, Summary& summary) {
  constexpr std::size_t kKinds = 5;
  const auto timings = TimingsByNumber(kKinds, [&](auto take) {
    for (const auto& source : work.sources)
      for (const auto& row : source.columns.syncs)
        take(std::min<std::uint32_t>(static_cast<std::uint32_t>(row.kind), kKinds - 1), row.end - row.start);
  });
  for (std::size_t kind = 0; kind < kKinds; ++kind)
    if (timings[kind].count > 0)
      summary.syncs.push_back({std::string(SyncKindName(static_cast<SyncKind>(kind))), timings[kind]});
  SortByTotal(summary.syncs, &SummarySync::kind);
}

namespace {

// Devices stand by source, and of one source by index.
std::string DeviceIdOf(const Work& work, std::size_t source, std::int32_t index) {
  const auto found =
      std::partition_point(work.devices.begin(), work.devices.end(), [&](const DeviceWork& device) {
        return device.source != source ? device.source < source : device.index < index;
      });
  if (found != work.devices.end() && found->source == source && found->index == index) return found->id;
  return index < 0 ? "host" : "gpu_" + std::to_string(index);
}

// One pool of memory while its events pass by in time.
struct PoolTotals {
  SummaryAllocation result;
  std::uint64_t now = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> sizes;  // of what is allocated, by address

  void Allocate(const AllocationRow& row) {
    ++result.allocations;
    result.allocated_bytes = AddBytes(result.allocated_bytes, row.bytes);
    result.largest_bytes = std::max(result.largest_bytes, row.bytes);
    now = AddBytes(now, row.bytes);
    if (row.address != 0) sizes[row.address] = row.bytes;
  }
  void Free(const AllocationRow& row) {
    ++result.frees;
    const auto known = sizes.find(row.address);
    const auto bytes = known != sizes.end() ? known->second : row.bytes;
    if (known != sizes.end()) sizes.erase(known);
    // What was allocated before the capture began can be given back within it.
    now -= std::min(now, bytes);
  }
};

}  // namespace

std::optional<std::uint64_t> AddAllocations(const Work& work, Summary& summary) {
  std::optional<std::uint64_t> peak;
  for (std::size_t number = 0; number < work.sources.size(); ++number) {
    const auto& columns = work.sources[number].columns;
    auto rows = columns.allocations;
    std::stable_sort(rows.begin(), rows.end(),
                     [](const AllocationRow& a, const AllocationRow& b) { return a.at < b.at; });
    std::vector<PoolTotals> pools(columns.pools.items.size());
    std::map<std::int32_t, std::uint64_t> totals;
    for (const auto& row : rows) {
      auto& pool = pools[row.pool];
      auto& total = totals[columns.pools.items[row.pool].device];
      total -= std::min(total, pool.now);
      if (row.is_free) {
        pool.Free(row);
      } else {
        pool.Allocate(row);
      }
      if (row.allocated_total > 0) pool.now = row.allocated_total;
      total = AddBytes(total, pool.now);
      pool.result.peak_bytes = std::max(pool.result.peak_bytes, pool.now);
      peak = std::max(peak.value_or(0), total);
    }
    for (std::size_t pool = 0; pool < pools.size(); ++pool) {
      const auto& known = columns.pools.items[pool];
      auto& result = pools[pool].result;
      result.device = DeviceIdOf(work, number, known.device);
      result.memory = MemoryKindName(known.kind);
      result.end_bytes = pools[pool].now;
      if (known.peak_reserved > 0) result.peak_reserved_bytes = known.peak_reserved;
      summary.allocations.push_back(std::move(result));
    }
  }
  std::stable_sort(summary.allocations.begin(), summary.allocations.end(),
                   [](const auto& a, const auto& b) { return a.peak_bytes > b.peak_bytes; });
  return peak;
}

void AddCounters(const Work& work, Summary& summary) {
  for (std::size_t number = 0; number < work.sources.size(); ++number) {
    for (const auto& [key, sum] : work.sources[number].columns.counters) {
      auto& counter = summary.counters.emplace_back();
      counter.name = sum.name;
      counter.device = sum.device < 0 ? "" : DeviceIdOf(work, number, sum.device);
      counter.count = sum.count;
      counter.min = sum.min;
      counter.mean = sum.sum / static_cast<double>(sum.count);
      counter.max = sum.max;
      counter.first = sum.first;
      counter.last = sum.last;
    }
  }
}

}  // namespace altlas::profile
