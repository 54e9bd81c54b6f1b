// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <tuple>

#include "profile/analysis_parts.h"
#include "profile/kernel_name.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kShapesShown = 8;

std::vector<KernelShape> HeaviestShapes(std::vector<KernelShape> shapes) {
  std::sort(shapes.begin(), shapes.end(), [](const KernelShape& a, const KernelShape& b) {
    if (a.total_ns != b.total_ns) return a.total_ns > b.total_ns;
    return std::tie(a.grid, a.block, a.registers, a.shared_bytes) <
           std::tie(b.grid, b.block, b.registers, b.shared_bytes);
  });
  if (shapes.size() > kShapesShown) shapes.resize(kShapesShown);
  return shapes;
}

template <typename Take>
void EachKernel(const Work& work, Take take) {
  for (const auto& source : work.sources)
    for (const auto& row : source.columns.kernels) take(source, row);
}

struct KernelSums {
  PairSums by_device;  // name, device
  PairSums by_shape;   // name, shape
  std::vector<bool> is_graph;
};

KernelSums SumKernels(const Work& work) {
  KernelSums sums;
  sums.is_graph.resize(work.names.kernels.size());
  EachKernel(work, [&](const SourceWork& source, const KernelRow& row) {
    AddToPair(sums.by_device, row.name, source.device_of_lane[row.lane()], source.columns.DurationOf(row));
    AddToPair(sums.by_shape, row.name, row.shape, source.columns.DurationOf(row));
    if (row.is_graph()) sums.is_graph[row.name] = true;
  });
  return sums;
}

const CaptureDevice* FindDevice(const CaptureInfo& info, std::int32_t index) {
  const auto found = std::find_if(info.devices.begin(), info.devices.end(),
                                  [index](const CaptureDevice& device) { return device.index == index; });
  return found == info.devices.end() ? nullptr : &*found;
}

}  // namespace

void AddDevices(const Work& work, Summary& summary) {
  std::int64_t all_kernels = 0;
  for (const auto& device : work.devices) {
    auto& made = summary.devices.emplace_back();
    made.id = device.id;
    made.source = device.source;
    made.index = device.index;
    const auto& columns = work.sources[device.source].columns;
    if (const auto* known = FindDevice(columns.info, device.index)) {
      made.name = known->name;
      made.memory_bytes = known->memory_bytes;
      made.memory_bandwidth = known->memory_bandwidth;
      made.sm_count = known->sm_count;
    }
    made.window_start_ns = device.window.start;
    made.window_ns = device.window.end - device.window.start;
    made.busy_ns = device.busy_ns;
    made.compute_ns = device.compute_ns;
    made.copy_ns = LengthOf(device.copy);
    made.idle_ns = made.window_ns - made.busy_ns;
    made.busy_percent = 100 * Ratio(static_cast<double>(made.busy_ns), static_cast<double>(made.window_ns));
    made.kernel_count = device.kernels.size();
    for (const auto row : device.kernels)
      made.kernel_ns = AddSaturated(made.kernel_ns, columns.DurationOf(columns.kernels[row]));
    all_kernels = AddSaturated(all_kernels, made.kernel_ns);
  }
  for (auto& device : summary.devices)
    device.share = Ratio(static_cast<double>(device.kernel_ns), static_cast<double>(all_kernels));
}

void AddKernels(const Work& work, Summary& summary) {
  const auto count = work.names.kernels.size();
  const auto timings = TimingsByNumber(count, [&](auto take) {
    EachKernel(work, [&](const SourceWork& source, const KernelRow& row) {
      take(row.name, source.columns.DurationOf(row));
    });
  });
  const auto sums = SumKernels(work);
  std::int64_t all = 0;
  for (const auto& timing : timings) all = AddSaturated(all, timing.total_ns);
  std::vector<std::vector<KernelShape>> shapes(count);
  // By name: looking each name up for each device would take their product.
  std::vector<std::vector<std::pair<std::uint32_t, PairSum>>> devices(count);
  for (const auto& [key, sum] : sums.by_device)
    devices[key >> 32U].emplace_back(static_cast<std::uint32_t>(key), sum);
  for (const auto& [key, sum] : sums.by_shape) {
    const auto& shape = work.names.shapes.items[static_cast<std::uint32_t>(key)];
    shapes[key >> 32U].push_back(
        {shape.grid, shape.block, shape.registers, shape.shared_bytes, sum.count, sum.total_ns});
  }
  for (std::uint32_t name = 0; name < count; ++name) {
    if (timings[name].count == 0) continue;
    auto& kernel = summary.kernels.emplace_back();
    kernel.full_name = work.names.kernels.TextOf(name);
    kernel.name = ShortenKernelName(kernel.full_name);
    kernel.timing = timings[name];
    kernel.share = Ratio(static_cast<double>(kernel.timing.total_ns), static_cast<double>(all));
    kernel.is_graph = sums.is_graph[name];
    std::sort(devices[name].begin(), devices[name].end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [device, sum] : devices[name])
      kernel.devices.push_back({work.devices[device].id, sum.count, sum.total_ns});
    kernel.shape_count = shapes[name].size();
    kernel.shapes = HeaviestShapes(std::move(shapes[name]));
  }
  SortByTotal(summary.kernels, &SummaryKernel::full_name);
}

namespace {

struct LaneTime {
  std::uint64_t kernels = 0, copies = 0;
  Ns busy_ns = 0;
  Ns until = std::numeric_limits<Ns>::min();  // the latest end so far

  // In the order of their starts.
  void Take(Ns start, Ns end) {
    start = std::max(start, until);
    if (end <= start) return;
    busy_ns += end - start;
    until = end;
  }
};

std::vector<LaneTime> LaneTimesOf(const Columns& columns) {
  std::vector<LaneTime> lanes(columns.lanes.items.size());
  auto copy = columns.copies.begin();
  const auto take_copies_before = [&](Ns start) {
    for (; copy != columns.copies.end() && copy->start < start; ++copy) {
      ++lanes[copy->lane].copies;
      lanes[copy->lane].Take(copy->start, copy->end);
    }
  };
  for (const auto& kernel : columns.kernels) {
    take_copies_before(kernel.start);
    ++lanes[kernel.lane()].kernels;
    lanes[kernel.lane()].Take(kernel.start, columns.EndOf(kernel));
  }
  take_copies_before(std::numeric_limits<Ns>::max());
  return lanes;
}

}  // namespace

void AddStreams(const Work& work, Summary& summary) {
  std::vector<double> busy;  // of each device
  for (const auto& device : work.devices) busy.push_back(static_cast<double>(device.busy_ns));
  for (const auto& source : work.sources) {
    const auto& columns = source.columns;
    const auto lanes = LaneTimesOf(columns);
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      const auto& known = columns.lanes.items[lane];
      const auto device = source.device_of_lane[lane];
      auto& stream = summary.streams.emplace_back();
      stream.device = work.devices[device].id;
      stream.process = known.process;
      stream.context = known.context.value_or(0);
      stream.stream = known.stream;
      stream.kernel_count = lanes[lane].kernels;
      stream.copy_count = lanes[lane].copies;
      stream.busy_ns = lanes[lane].busy_ns;
      stream.share = Ratio(static_cast<double>(stream.busy_ns), busy[device]);
    }
  }
  std::sort(summary.streams.begin(), summary.streams.end(), [](const auto& a, const auto& b) {
    return a.busy_ns != b.busy_ns
               ? a.busy_ns > b.busy_ns
               : std::tie(a.device, a.process, a.stream) < std::tie(b.device, b.process, b.stream);
  });
}

}  // namespace altlas::profile
