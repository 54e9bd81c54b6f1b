// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/events.h"

// What is made of one or more captures: the machine-readable result that `profile analyze` writes, `alt_las
// bench` writes for its scenarios, and gate, diff and report read. docs/formats/profile_summary.md is its
// specification; every field here has there the same name in JSON. Values without behaviour; times are
// nanoseconds unless the name says otherwise.
namespace altlas::profile {

inline constexpr std::string_view kSummarySchema = "altlas.profile_summary";
inline constexpr std::int64_t kSummaryVersion = 1;

enum class ProvenanceKind : std::uint8_t { kMeasured, kDerived, kAbsent };

// One figure of the head. `value` is there exactly where the kind is not kAbsent. `text`: what was measured,
// the formula, or why it is not in this capture.
struct HeadFigure {
  std::string name;  // "avg_kernel_time"
  std::optional<double> value;
  ProvenanceKind kind = ProvenanceKind::kAbsent;
  std::string text;
};

// Durations of many events of one kind. Median: the middle one, or the mean of the two middle ones. p95: the
// smallest duration that at least 95 % of the events do not exceed (nearest rank). Standard deviation: of the
// sample (n - 1), 0 for one event.
struct Timing {
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
  double mean_ns = 0;
  double median_ns = 0;
  std::int64_t p95_ns = 0;
  std::int64_t min_ns = 0;
  std::int64_t max_ns = 0;
  double stddev_ns = 0;
};

struct SummarySource {
  std::string path;
  std::string format;  // CaptureFormatName; "bench" for a scenario of ours
  std::string tool;
  std::string schema;
  std::optional<int> rank;
  std::optional<std::int64_t> start_unix_ns;
  std::int64_t duration_ns = 0;  // as the tool says, else the span of the records
  std::int64_t operator_ns = 0;  // of the outermost operators, over threads
  // Each operator was recorded with this probability; absent: every one was.
  std::optional<double> operator_sampling;
  std::uint64_t dropped_records = 0;
  std::uint64_t bad_records = 0;
};

// What a reader of the figures must know before believing them.
struct SummaryWarning {
  std::string severity;  // info, warning, error
  std::string text;
  std::uint32_t source = 0;  // index into sources
};

// Sums over one device's time axis. The window is from the first start to the last end on it.
struct SummaryDevice {
  std::string id;  // "gpu_0"; with several sources "rank_1/gpu_0" or "part_1/gpu_0"
  std::uint32_t source = 0;
  std::int32_t index = 0;
  std::string name;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<double> memory_bandwidth;  // peak, bytes/s
  std::optional<std::uint32_t> sm_count;
  std::int64_t window_start_ns = 0;
  std::int64_t window_ns = 0;
  std::int64_t busy_ns = 0;     // union of kernels, copies and memsets
  std::int64_t compute_ns = 0;  // union of kernels
  std::int64_t copy_ns = 0;     // union of copies and memsets
  std::int64_t idle_ns = 0;     // window - busy
  double busy_percent = 0;      // of the window
  double share = 0;             // of all devices' kernel time
  std::uint64_t kernel_count = 0;
  std::int64_t kernel_ns = 0;  // sum, not union
};

struct KernelShape {
  std::array<std::uint32_t, 3> grid{};
  std::array<std::uint32_t, 3> block{};
  std::uint32_t registers = 0;
  std::uint64_t shared_bytes = 0;  // static and dynamic
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
};

struct DevicePart {
  std::string device;  // SummaryDevice::id
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
};

// All launches of one full name, on all devices.
struct SummaryKernel {
  std::string name;       // demangled and shortened, for people
  std::string full_name;  // the key
  Timing timing;
  double share = 0;  // of the time of all kernels, 0 to 1
  bool is_graph = false;
  std::vector<DevicePart> devices;
  std::uint64_t shape_count = 0;    // different (grid, block, registers, shared memory)
  std::vector<KernelShape> shapes;  // the heaviest, at most 8
};

// An operator of a framework. `timing` counts whole calls; self time leaves the operators called within out.
struct SummaryOperator {
  std::string name;
  Timing timing;
  std::int64_t self_ns = 0;
  double share = 0;  // of the self time of all operators, 0 to 1
  std::uint64_t kernel_count = 0;
  std::int64_t kernel_ns = 0;  // kernels launched within, also by the operators called within
};

struct SummaryCopy {
  std::string kind;  // CopyKindName
  std::string source_memory;
  std::string target_memory;
  std::uint64_t bytes = 0;
  Timing timing;  // on the copy engine
  std::optional<double> engine_bytes_per_second;
  std::uint64_t api_count = 0;                 // API calls that these copies belong to
  std::int64_t api_ns = 0;                     // how long those took on their thread
  std::optional<double> api_bytes_per_second;  // bytes of the copies with a call / api_ns
};

struct SummaryApi {
  std::string name;
  Timing timing;
  double share = 0;  // of the time of all calls
  std::uint64_t failures = 0;
};

// Kernels and the calls that launched them. Delay: start of the kernel - end of the call; latency: start of
// the kernel - start of the call.
struct SummaryLaunch {
  std::uint64_t matched = 0;
  std::uint64_t unmatched = 0;  // kernels without a call in the capture
  Timing call;                  // each call once, however many kernels it launched
  Timing latency;               // of each kernel
  double delay_median_ns = 0;
  std::int64_t delay_p95_ns = 0;
  std::int64_t delay_min_ns = 0;
  std::int64_t delay_max_ns = 0;
  std::uint64_t before_call_end = 0;    // kernels that started before their call came back
  std::uint64_t queued = 0;             // the others; only these waited
  std::int64_t queue_ns = 0;            // their delays together
  std::uint64_t shorter_than_call = 0;  // calls that took longer than the kernels that they launched together
  std::uint64_t max_queue_length = 0;   // launched and not started, at one moment, on one device
};

// Time of a device's window in which no kernel ran, by cause. `total_ns` of all causes is the sum of
// (window_ns - compute_ns) of all devices.
struct SummaryGap {
  std::string cause;  // launch, copy, data, host, queued, between, unknown
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
  double share = 0;  // of the windows of all devices
};

struct SummaryLongGap {
  std::string device;
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::string cause;   // the largest
  std::string before;  // short name of the kernel before, empty at the start of the window
  std::string after;
};

struct SummaryGaps {
  std::vector<SummaryGap> causes;
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
  double median_ns = 0;
  std::int64_t max_ns = 0;
  std::vector<SummaryLongGap> longest;  // at most 20
};

struct SummaryOverlap {
  std::int64_t copy_ns = 0;     // union of copies, all devices
  std::int64_t overlap_ns = 0;  // of it while a kernel ran on the same device
  double percent = 0;
};

struct SummarySync {
  std::string kind;
  Timing timing;
};

struct SummaryAllocation {
  std::string device;  // "gpu_0", "host"
  std::string memory;  // MemoryKindName
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t allocated_bytes = 0;  // sum
  std::uint64_t peak_bytes = 0;       // of what the capture saw
  std::uint64_t end_bytes = 0;        // not given back at its end
  std::uint64_t largest_bytes = 0;
  std::optional<std::uint64_t> peak_reserved_bytes;
};

struct PhaseKernel {
  std::string full_name;
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
};

// All ranges of one name and domain. Kernels join a range through the call that launched them.
struct SummaryPhase {
  std::string name;
  std::string domain;
  Timing timing;  // host time of the ranges; marks are counted in `marks`
  std::uint64_t marks = 0;
  std::uint64_t kernel_count = 0;  // launched within, also in ranges inside
  std::int64_t kernel_ns = 0;
  std::int64_t self_kernel_ns = 0;   // of it with no range further inside
  std::int64_t projected_ns = 0;     // sum over ranges: end of the last - start of the first of its kernels
  std::vector<PhaseKernel> kernels;  // the heaviest, at most 10
};

struct SummaryStream {
  std::string device;
  std::uint32_t process = 0;
  std::uint32_t context = 0;
  std::uint32_t stream = 0;
  std::uint64_t kernel_count = 0;
  std::uint64_t copy_count = 0;
  std::int64_t busy_ns = 0;  // union of what ran on it
  double share = 0;          // of its device's busy time; concurrent streams add to more than 1
};

struct SummaryCounter {
  std::string name;
  std::string device;  // empty: of the process or host
  std::uint64_t count = 0;
  double min = 0;
  double mean = 0;
  double max = 0;
  double first = 0;
  double last = 0;
};

// Launches of one kernel under Nsight Compute, weighted by their durations. Its clocks are locked and its
// caches flushed by default: never compare `duration_ns` with a Nsight Systems figure.
struct SummaryKernelDetail {
  std::string name;
  std::string full_name;
  std::uint64_t count = 0;
  std::optional<double> duration_ns;  // mean
  std::optional<double> sm_throughput_percent;
  std::optional<double> memory_throughput_percent;
  std::optional<double> dram_throughput_percent;
  std::optional<double> l1_throughput_percent;
  std::optional<double> l2_throughput_percent;
  std::optional<double> l1_hit_percent;
  std::optional<double> l2_hit_percent;
  std::optional<double> achieved_occupancy_percent;
  std::optional<double> theoretical_occupancy_percent;
  std::optional<double> waves_per_sm;
  std::optional<double> warp_efficiency_percent;
  std::optional<double> coalescing_percent;
  std::optional<double> instructions_per_second;
  std::optional<double> ipc;
  std::optional<double> dram_bytes_per_second;
  std::optional<double> global_bytes_per_second;
  std::optional<double> shared_bytes_per_second;
  std::optional<double> texture_bytes_per_second;
  std::optional<double> tensor_active_percent;
  std::optional<double> flop;  // of one launch, mean
  std::optional<double> flop_per_second;
  std::optional<double> arithmetic_intensity;  // flop / DRAM byte
  std::optional<double> peak_flop_per_second;  // of the chip at its clock, where known
  std::optional<double> peak_bytes_per_second;
  std::string bound;  // compute, memory, balanced, latency, small grid, high throughput; empty: not known
};

// A plain sentence with its measurement. Severity: info, notice, warning.
struct SummaryFinding {
  std::string id;  // "pageable-copies"
  std::string severity;
  std::string sentence;
  std::map<std::string, double> figures;
  std::string mend;
  std::string command;  // shows whether the mend worked; empty: none
};

// What a scenario of `alt_las bench` ran, and its results.
struct SummaryScenario {
  std::string name;
  std::map<std::string, std::string> parameters;
};

struct SummaryMetric {
  std::string name;  // "latency_p50"
  std::string unit;  // "ms"
  double value = 0;
  std::string better;  // lower, higher; empty: neither
  bool is_estimate = false;
  std::vector<double> samples;  // one a repeat, in order; may be empty
};

struct Summary {
  std::vector<HeadFigure> head;
  std::vector<SummarySource> sources;
  std::map<std::string, std::string> environment;
  std::vector<SummaryWarning> warnings;
  std::optional<SummaryScenario> scenario;
  std::vector<SummaryMetric> metrics;
  std::vector<SummaryDevice> devices;
  std::vector<SummaryKernel> kernels;      // by total time, descending; so are the lists below
  std::vector<SummaryOperator> operators;  // by self time
  std::vector<SummaryCopy> copies;
  std::optional<SummaryCopy> memsets;
  std::vector<SummaryApi> api;
  std::optional<SummaryLaunch> launch;
  std::optional<SummaryGaps> gaps;
  std::optional<SummaryOverlap> overlap;
  std::vector<SummarySync> syncs;
  std::vector<SummaryAllocation> allocations;
  std::vector<SummaryPhase> phases;
  std::vector<SummaryStream> streams;
  std::vector<SummaryCounter> counters;
  std::vector<SummaryKernelDetail> kernel_details;
  std::vector<SummaryFinding> findings;
};

// A figure of the head by its name; nullptr where the summary does not name it. FindValue: its value.
const HeadFigure* FindFigure(const Summary& summary, std::string_view name);
std::optional<double> FindValue(const Summary& summary, std::string_view name);
void SetMeasured(Summary& summary, std::string name, double value, std::string what);
void SetDerived(Summary& summary, std::string name, double value, std::string formula);
void SetAbsent(Summary& summary, std::string name, std::string reason);

// The JSON document, one object, ending with a line feed. NaN and infinities are left out (null).
std::string FormatSummary(const Summary& summary);
// Reads it back. kCorrupt: no JSON, wrong types, nesting; kUnsupported: another schema or a newer version.
// Unknown fields are ignored, absent ones keep their defaults.
Result<Summary> ParseSummary(std::string_view text);
// Both with a file. At most 256 MiB are read. Block on the disk.
Result<Summary> ReadSummary(const std::string& path);
Status WriteSummary(const std::string& path, const Summary& summary);

}  // namespace altlas::profile
