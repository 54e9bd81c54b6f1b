// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "profile/capture.h"
#include "profile/kernel_detail.h"

// For tests: keeps everything a reader says, names included.
namespace altlas::profile {

template <typename Event>
struct Recorded {
  Event event;
  std::string name, more;
};

class CaptureRecorder : public CaptureSink {
 public:
  void OnKernel(const KernelEvent& e) override { kernels.push_back({e, std::string(e.name), {}}); }
  void OnCopy(const CopyEvent& e) override { copies.push_back(e); }
  void OnMemset(const MemsetEvent& e) override { memsets.push_back(e); }
  void OnApi(const ApiEvent& e) override { calls.push_back({e, std::string(e.name), {}}); }
  void OnSync(const SyncEvent& e) override { syncs.push_back(e); }
  void OnAllocation(const AllocationEvent& e) override { allocations.push_back(e); }
  void OnRange(const RangeEvent& e) override {
    ranges.push_back({e, std::string(e.name), std::string(e.domain)});
  }
  void OnCounter(const CounterEvent& e) override { counters.push_back({e, std::string(e.name), {}}); }
  void OnKernelDetail(const KernelDetail& d) override { details.push_back(d); }

  std::vector<Recorded<KernelEvent>> kernels;
  std::vector<CopyEvent> copies;
  std::vector<MemsetEvent> memsets;
  std::vector<Recorded<ApiEvent>> calls;
  std::vector<SyncEvent> syncs;
  std::vector<AllocationEvent> allocations;
  std::vector<Recorded<RangeEvent>> ranges;
  std::vector<Recorded<CounterEvent>> counters;
  std::vector<KernelDetail> details;
};

}  // namespace altlas::profile
