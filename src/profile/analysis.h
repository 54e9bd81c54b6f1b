// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "profile/capture.h"
#include "profile/summary.h"

namespace altlas::profile {

// Takes captures in and gives their summary. For each capture: Begin, the reader's records, End; then
// Summarize. Records may come in any order. A record that ends before it starts, or lies 2^62 ns or more
// from zero, is left out and counted as bad. At the peak, which is while the rows grow, up to 50 bytes a
// record (109 a kernel with its call and copies: 2 million of them, 223 MB, on 2026-11-22); Summarize takes
// seconds for 10^7 records and does not touch the disk. Not thread-safe.
class Analysis : public CaptureSink {
 public:
  Analysis();
  ~Analysis() override;
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  void Begin();
  void End(CaptureInfo info);
  // Consumes what was taken in.
  Summary Summarize();

  void OnKernel(const KernelEvent& event) override;
  void OnCopy(const CopyEvent& event) override;
  void OnMemset(const MemsetEvent& event) override;
  void OnApi(const ApiEvent& event) override;
  void OnSync(const SyncEvent& event) override;
  void OnAllocation(const AllocationEvent& event) override;
  void OnRange(const RangeEvent& event) override;
  void OnOperator(const OperatorEvent& event) override;
  void OnCounter(const CounterEvent& event) override;
  void OnKernelDetail(const KernelDetail& detail) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace altlas::profile
