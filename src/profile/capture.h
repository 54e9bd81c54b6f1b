// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "profile/events.h"

// The seam between readers of capture files and what is made of them. A reader streams records in the order
// of the file (not sorted, kinds in any order) and holds no more than a bounded piece of the file; a sink
// keeps what it needs.
namespace altlas::profile {

struct KernelDetail;  // profile/kernel_detail.h

enum class CaptureFormat : std::uint8_t { kNsysSqlite, kKinetoJson, kNcuCsv, kCollector };
std::string_view CaptureFormatName(CaptureFormat format);

// What kinds of records the capture can hold. A kind that is absent was not captured, which is not the same
// as zero records: a metric of an absent kind is "not in this capture".
struct Presence {
  bool kernels = false;
  bool copies = false;
  bool memsets = false;
  bool api = false;
  bool syncs = false;
  bool allocations = false;
  bool ranges = false;
  bool operators = false;
  bool counters = false;
  bool details = false;  // kernel details of Nsight Compute
};

// A device as the capture describes it; what it does not tell is absent.
struct CaptureDevice {
  std::int32_t index = 0;
  std::string name;
  std::string uuid;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<double> memory_bandwidth;  // peak, bytes/s
  std::optional<double> clock_hz;          // SM clock
  std::optional<std::uint32_t> sm_count;
  std::optional<std::uint32_t> max_warps_per_sm;
  std::optional<double> compute_capability;  // 8.0 for sm_80
};

// What the tool itself says of the capture's trustworthiness.
struct CaptureNote {
  enum class Severity : std::uint8_t { kInfo, kWarning, kError };
  Severity severity = Severity::kInfo;
  std::string text;
};

struct CaptureInfo {
  CaptureFormat format = CaptureFormat::kNsysSqlite;
  std::string path;
  std::string tool;            // "Nsight Systems 2024.5.1"
  std::string schema;          // "3.13.2"
  std::optional<Ns> duration;  // as the tool says; the analysis falls back to the span of the records
  std::optional<std::int64_t> start_unix_ns;
  Presence present;
  std::vector<CaptureDevice> devices;
  std::vector<CaptureNote> notes;
  std::map<std::string, std::string> environment;  // driver, host system: never variables or secrets
  std::uint64_t dropped_records = 0;               // as the tool counts them
  std::uint64_t bad_records = 0;        // left out by the reader: end before start, unknown ids, ...
  std::optional<int> rank;              // of a distributed run
  std::optional<Ns> profiler_overhead;  // what the tool says it cost, summed over threads
  // Each operator was recorded with this probability, so sums of them are estimates; absent: every one was.
  std::optional<double> operator_sampling;
};

// One call a record. Calls come from one thread; views die with the call.
class CaptureSink {
 public:
  virtual ~CaptureSink() = default;
  virtual void OnKernel(const KernelEvent&) {}
  virtual void OnCopy(const CopyEvent&) {}
  virtual void OnMemset(const MemsetEvent&) {}
  virtual void OnApi(const ApiEvent&) {}
  virtual void OnSync(const SyncEvent&) {}
  virtual void OnAllocation(const AllocationEvent&) {}
  virtual void OnRange(const RangeEvent&) {}
  virtual void OnOperator(const OperatorEvent&) {}
  virtual void OnCounter(const CounterEvent&) {}
  virtual void OnKernelDetail(const KernelDetail&) {}
};

// Told now and then: bytes (or rows) done of all. Returning false stops the reader with kCanceled.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t all)>;

}  // namespace altlas::profile
