// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

struct LaunchTimes {
  std::vector<std::int64_t> calls, latencies, delays;
};

// The most kernels of a device whose call had come back and which had not started. A kernel that started
// while its call still ran was never in the queue.
std::uint64_t LongestQueue(std::vector<Ns> enters, std::vector<Ns> leaves) {
  std::sort(enters.begin(), enters.end());
  std::sort(leaves.begin(), leaves.end());
  std::uint64_t longest = 0;
  std::size_t left = 0;
  for (std::size_t entered = 0; entered < enters.size(); ++entered) {
    while (left < leaves.size() && leaves[left] <= enters[entered]) ++left;
    longest = std::max<std::uint64_t>(longest, entered + 1 - left);
  }
  return longest;
}

}  // namespace

void AddLaunch(const Work& work, Summary& summary) {
  SummaryLaunch launch;
  LaunchTimes times;
  bool has_api = false;
  for (const auto& source : work.sources) has_api = has_api || !source.columns.api.empty();
  if (!has_api) return;
  for (const auto& device : work.devices) {
    const auto& source = work.sources[device.source];
    std::vector<Ns> enters;
    std::vector<Ns> leaves;
    for (const auto row : device.kernels) {
      if (source.kernel_calls[row] == kNoRow) {
        ++launch.unmatched;
        continue;
      }
      const auto& kernel = source.columns.kernels[row];
      const auto& call = source.columns.api[source.kernel_calls[row]];
      ++launch.matched;
      times.calls.push_back(call.end - call.start);
      times.latencies.push_back(kernel.start - call.start);
      const auto delay = kernel.start - call.end;
      times.delays.push_back(delay);
      if (kernel.end - kernel.start < call.end - call.start) ++launch.shorter_than_call;
      if (delay < 0) {
        ++launch.before_call_end;
        continue;
      }
      ++launch.queued;
      launch.queue_ns = AddSaturated(launch.queue_ns, delay);
      if (delay == 0) continue;
      enters.push_back(call.end);
      leaves.push_back(kernel.start);
    }
    launch.max_queue_length =
        std::max(launch.max_queue_length, LongestQueue(std::move(enters), std::move(leaves)));
  }
  if (launch.matched + launch.unmatched == 0) return;
  launch.call = TimingOf(times.calls);
  launch.latency = TimingOf(times.latencies);
  if (!times.delays.empty()) {
    const auto [least, most] = std::minmax_element(times.delays.begin(), times.delays.end());
    launch.delay_min_ns = *least;
    launch.delay_max_ns = *most;
    launch.delay_median_ns = MedianOf(times.delays);
    launch.delay_p95_ns = P95Of(times.delays);
  }
  summary.launch = launch;
}

}  // namespace altlas::profile
