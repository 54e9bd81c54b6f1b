// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

// Calls `take(device, kernel, call)` for each kernel with a call in the capture, by device and start.
template <typename Take>
void EachLaunch(const Work& work, Take take) {
  for (const auto& device : work.devices) {
    const auto& columns = work.sources[device.source].columns;
    for (const auto row : device.kernels) {
      const auto& kernel = columns.kernels[row];
      if (kernel.call != kNoRow) take(columns, kernel, columns.api[kernel.call]);
    }
  }
}

// The most kernels of a device whose call had come back and which had not started. A kernel that started
// while its call still ran was never in the queue. They leave in the order of the device's list.
std::uint64_t LongestQueue(const Columns& columns, const DeviceWork& device, std::vector<Ns>& enters) {
  const auto waits = [&](const KernelRow& kernel) {
    return kernel.call != kNoRow && columns.EndOf(columns.api[kernel.call]) < kernel.start;
  };
  enters.clear();
  for (const auto row : device.kernels)
    if (waits(columns.kernels[row])) enters.push_back(columns.EndOf(columns.api[columns.kernels[row].call]));
  std::sort(enters.begin(), enters.end());
  std::uint64_t longest = 0;
  std::uint64_t left = 0;
  auto leaves = device.kernels.begin();
  for (std::uint64_t entered = 0; entered < enters.size(); ++entered) {
    for (; leaves != device.kernels.end() && columns.kernels[*leaves].start <= enters[entered]; ++leaves)
      if (waits(columns.kernels[*leaves])) ++left;
    longest = std::max(longest, entered + 1 - left);
  }
  return longest;
}

// One that launched several kernels, as a graph does, took its time once, for all of them.
void AddLaunchingCalls(const Work& work, std::vector<std::int64_t>& scratch, SummaryLaunch& launch) {
  scratch.clear();
  for (const auto& source : work.sources) {
    const auto& columns = source.columns;
    // The kernels' time of each call, and in its place, which is never before, the time of the next that
    // launched any.
    const auto base = scratch.size();
    scratch.resize(base + columns.api.size(), -1);
    for (const auto& kernel : columns.kernels) {
      if (kernel.call == kNoRow) continue;
      auto& sum = scratch[base + kernel.call];
      sum = AddSaturated(std::max<std::int64_t>(sum, 0), columns.DurationOf(kernel));
    }
    auto kept = base;
    for (std::size_t row = 0; row < columns.api.size(); ++row) {
      const auto kernels = scratch[base + row];
      if (kernels < 0) continue;
      const auto duration = columns.DurationOf(columns.api[row]);
      if (kernels < duration) ++launch.shorter_than_call;
      scratch[kept++] = duration;
    }
    scratch.resize(kept);
  }
  launch.call = TimingOf(scratch);
}

}  // namespace

void AddLaunch(const Work& work, Summary& summary) {
  SummaryLaunch launch;
  const auto has_api = std::any_of(work.sources.begin(), work.sources.end(),
                                   [](const SourceWork& source) { return !source.columns.api.empty(); });
  if (!has_api) return;
  std::size_t kernels = 0;
  std::size_t calls = 0;
  for (const auto& source : work.sources) {
    kernels += source.columns.kernels.size();
    calls += source.columns.api.size();
  }
  if (kernels == 0) return;
  // One after the other on the same 8 bytes a kernel or call, whichever are more.
  std::vector<std::int64_t> scratch;
  scratch.reserve(std::max(kernels, calls));
  EachLaunch(work, [&](const Columns&, const KernelRow& kernel, const ApiRow& call) {
    scratch.push_back(kernel.start - call.start);
  });
  launch.matched = scratch.size();
  launch.unmatched = kernels - launch.matched;
  launch.latency = TimingOf(scratch);
  scratch.clear();
  EachLaunch(work, [&](const Columns& columns, const KernelRow& kernel, const ApiRow& call) {
    const auto delay = kernel.start - columns.EndOf(call);
    scratch.push_back(delay);
    if (delay < 0) {
      ++launch.before_call_end;
    } else {
      ++launch.queued;
      launch.queue_ns = AddSaturated(launch.queue_ns, delay);
    }
  });
  if (!scratch.empty()) {
    const auto [least, most] = std::minmax_element(scratch.begin(), scratch.end());
    launch.delay_min_ns = *least;
    launch.delay_max_ns = *most;
    launch.delay_median_ns = MedianOf(scratch);
    launch.delay_p95_ns = P95Of(scratch);
  }
  for (const auto& device : work.devices)
    launch.max_queue_length =
        std::max(launch.max_queue_length, LongestQueue(work.sources[device.source].columns, device, scratch));
  AddLaunchingCalls(work, scratch, launch);
  summary.launch = launch;
}

}  // namespace altlas::profile
