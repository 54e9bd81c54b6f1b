// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include <string>
#include <vector>

#include "profile/capture.h"

namespace altlas::profile {

// A sink for tests: every record as a line of text, so that readers are compared by what they said.
class CaptureLines final : public CaptureSink {
 public:
  std::vector<std::string> lines;
  std::string text() const { return fmt::format("{}", fmt::join(lines, "\n")); }

  void OnKernel(const KernelEvent& e) override {
    Add("kernel {}..{} \"{}\" dev {} ctx {} stream {} corr {} proc {} grid {}x{}x{} block {}x{}x{} regs {} "
        "shared {}+{} graph {}",
        e.start, e.end, e.name, e.device, e.context, e.stream, e.correlation, e.process, e.grid[0], e.grid[1],
        e.grid[2], e.block[0], e.block[1], e.block[2], e.registers, e.static_shared_bytes,
        e.dynamic_shared_bytes, e.is_graph);
  }
  void OnCopy(const CopyEvent& e) override {
    Add("copy {}..{} {} ({} -> {}) {} B dev {} stream {} corr {}", e.start, e.end, CopyKindName(e.kind),
        MemoryKindName(e.source), MemoryKindName(e.target), e.bytes, e.device, e.stream, e.correlation);
  }
  void OnMemset(const MemsetEvent& e) override {
    Add("memset {}..{} {} B dev {} stream {} corr {}", e.start, e.end, e.bytes, e.device, e.stream,
        e.correlation);
  }
  void OnApi(const ApiEvent& e) override {
    Add("api {}..{} {} thread {} corr {} result {}", e.start, e.end, e.name, e.thread, e.correlation,
        e.result);
  }
  void OnSync(const SyncEvent& e) override {
    Add("sync {}..{} {} dev {} stream {} corr {}", e.start, e.end, SyncKindName(e.kind), e.device, e.stream,
        e.correlation);
  }
  void OnAllocation(const AllocationEvent& e) override {
    Add("{} at {} {} B of {} at {:#x} dev {} allocated {} reserved {}", e.is_free ? "free" : "alloc", e.at,
        e.bytes, MemoryKindName(e.kind), e.address, e.device, e.allocated_total, e.reserved_total);
  }
  void OnRange(const RangeEvent& e) override {
    Add("{} {}..{} \"{}\" domain \"{}\" thread {}", e.is_mark ? "mark" : "range", e.start, e.end, e.name,
        e.domain, e.thread);
  }
  void OnOperator(const OperatorEvent& e) override {
    Add("op {}..{} {} thread {} id {} depth {} shapes {}", e.start, e.end, e.name, e.thread, e.external_id,
        e.depth, e.shapes);
  }
  void OnCounter(const CounterEvent& e) override {
    Add("counter at {} {} = {} dev {}", e.at, e.name, e.value, e.device);
  }

 private:
  template <typename... Args>
  void Add(fmt::format_string<Args...> format, Args&&... args) {
    lines.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
};

}  // namespace altlas::profile
