// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>
#include <vector>

#include "profile/capture.h"

namespace altlas::profile {

// Hands every record to several sinks, in their order. Borrows them.
class TeeSink : public CaptureSink {
 public:
  explicit TeeSink(std::vector<CaptureSink*> sinks) : sinks_(std::move(sinks)) {}
  void OnKernel(const KernelEvent& event) override { Hand(&CaptureSink::OnKernel, event); }
  void OnCopy(const CopyEvent& event) override { Hand(&CaptureSink::OnCopy, event); }
  void OnMemset(const MemsetEvent& event) override { Hand(&CaptureSink::OnMemset, event); }
  void OnApi(const ApiEvent& event) override { Hand(&CaptureSink::OnApi, event); }
  void OnSync(const SyncEvent& event) override { Hand(&CaptureSink::OnSync, event); }
  void OnAllocation(const AllocationEvent& event) override { Hand(&CaptureSink::OnAllocation, event); }
  void OnRange(const RangeEvent& event) override { Hand(&CaptureSink::OnRange, event); }
  void OnOperator(const OperatorEvent& event) override { Hand(&CaptureSink::OnOperator, event); }
  void OnCounter(const CounterEvent& event) override { Hand(&CaptureSink::OnCounter, event); }
  void OnKernelDetail(const KernelDetail& detail) override { Hand(&CaptureSink::OnKernelDetail, detail); }

 private:
  template <typename Event>
  void Hand(void (CaptureSink::*take)(const Event&), const Event& event) {
    for (auto* sink : sinks_) (sink->*take)(event);
  }
  std::vector<CaptureSink*> sinks_;
};

}  // namespace altlas::profile
