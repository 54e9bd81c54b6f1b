// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "profile/analysis.h"
#include "profile/kernel_detail.h"

// A capture made in memory, for tests: records are kept as they are and told to an Analysis in any order.
namespace altlas::profile {

struct TestCapture {
  std::vector<KernelEvent> kernels;
  std::vector<CopyEvent> copies;
  std::vector<MemsetEvent> memsets;
  std::vector<ApiEvent> api;
  std::vector<SyncEvent> syncs;
  std::vector<AllocationEvent> allocations;
  std::vector<RangeEvent> ranges;
  std::vector<OperatorEvent> operators;
  std::vector<CounterEvent> counters;
  std::vector<KernelDetail> details;
  CaptureInfo info;

  void TellTo(Analysis& analysis) const {
    analysis.Begin();
    for (const auto& event : kernels) analysis.OnKernel(event);
    for (const auto& event : copies) analysis.OnCopy(event);
    for (const auto& event : memsets) analysis.OnMemset(event);
    for (const auto& event : api) analysis.OnApi(event);
    for (const auto& event : syncs) analysis.OnSync(event);
    for (const auto& event : allocations) analysis.OnAllocation(event);
    for (const auto& event : ranges) analysis.OnRange(event);
    for (const auto& event : operators) analysis.OnOperator(event);
    for (const auto& event : counters) analysis.OnCounter(event);
    for (const auto& event : details) analysis.OnKernelDetail(event);
    analysis.End(info);
  }
};

inline Summary SummaryOf(const std::vector<TestCapture>& captures) {
  Analysis analysis;
  for (const auto& capture : captures) capture.TellTo(analysis);
  return analysis.Summarize();
}

inline KernelEvent TestKernel(Ns start, Ns end, std::string_view name, std::uint64_t correlation = 0,
                              std::int32_t device = 0, std::uint32_t stream = 7) {
  KernelEvent event;
  event.start = start;
  event.end = end;
  event.name = name;
  event.correlation = correlation;
  event.device = device;
  event.stream = stream;
  return event;
}

inline CopyEvent TestCopy(Ns start, Ns end, CopyKind kind, MemoryKind source, MemoryKind target,
                          std::uint64_t bytes, std::uint64_t correlation = 0, std::int32_t device = 0) {
  CopyEvent event;
  event.start = start;
  event.end = end;
  event.kind = kind;
  event.source = source;
  event.target = target;
  event.bytes = bytes;
  event.correlation = correlation;
  event.device = device;
  event.stream = 7;
  return event;
}

inline ApiEvent TestCall(Ns start, Ns end, std::string_view name, std::uint64_t correlation = 0,
                         std::uint64_t thread = 1) {
  return {start, end, name, thread, correlation, 0};
}

inline RangeEvent TestRange(Ns start, Ns end, std::string_view name, std::uint64_t thread = 1,
                            std::string_view domain = "") {
  return {start, end, name, domain, thread, false};
}

inline OperatorEvent TestOperator(Ns start, Ns end, std::string_view name, std::uint64_t thread = 1) {
  OperatorEvent event;
  event.start = start;
  event.end = end;
  event.name = name;
  event.thread = thread;
  return event;
}

}  // namespace altlas::profile
