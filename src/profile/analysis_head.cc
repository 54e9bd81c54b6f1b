// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "profile/analysis_parts.h"

namespace altlas::profile {
namespace {

constexpr double kNsPerMs = 1e6;

double Ms(std::int64_t ns) { return static_cast<double>(ns) / kNsPerMs; }

std::string FormatsOf(const Work& work) {
  std::string formats;
  for (const auto& source : work.sources) {
    const auto name = CaptureFormatName(source.columns.info.format);
    if (formats.find(name) == std::string::npos) formats += (formats.empty() ? "" : ", ") + std::string(name);
  }
  return formats;
}

std::string NotCaptured(const Work& work, std::string_view what) {
  return fmt::format("no {} in this capture ({})", what, FormatsOf(work));
}

bool Any(const Work& work, bool Presence::*kind) {
  return std::any_of(work.sources.begin(), work.sources.end(),
                     [kind](const SourceWork& source) { return source.columns.info.present.*kind; });
}

void AddTimes(const Work& work, Summary& summary) {
  const SummarySource* longest = nullptr;
  for (const auto& source : summary.sources)
    if (longest == nullptr || source.duration_ns > longest->duration_ns) longest = &source;
  const auto has_records =
      std::any_of(work.sources.begin(), work.sources.end(), [](const SourceWork& source) {
        return source.columns.first.has_value() || source.columns.info.duration.has_value();
      });
  if (longest == nullptr || !has_records) {
    SetAbsent(summary, "total_time_ms", NotCaptured(work, "time axis"));
    return;
  }
  const auto at = static_cast<std::size_t>(longest - summary.sources.data());
  if (work.sources[at].columns.info.duration.has_value()) {
    SetMeasured(summary, "total_time_ms", Ms(longest->duration_ns),
                "the capture's duration as the tool says it");
  } else {
    SetDerived(summary, "total_time_ms", Ms(longest->duration_ns), "last end - first start of all records");
  }
}

void AddBusy(const Work& work, Summary& summary) {
  static constexpr std::array kNames = {"gpu_busy_percent", "gpu_busy_percent_of_capture", "gpu_busy_ms",
                                        "gpu_idle_ms"};
  if (summary.devices.empty()) {
    for (const auto* name : kNames) SetAbsent(summary, name, NotCaptured(work, "work of a GPU"));
    return;
  }
  std::int64_t busy = 0;
  std::int64_t window = 0;
  std::int64_t capture = 0;
  for (const auto& device : summary.devices) {
    busy = AddSaturated(busy, device.busy_ns);
    window = AddSaturated(window, device.window_ns);
    capture = AddSaturated(capture, summary.sources[device.source].duration_ns);
  }
  SetDerived(summary, "gpu_busy_ms", Ms(busy), "union of kernels, copies and memsets, summed over devices");
  SetDerived(summary, "gpu_idle_ms", Ms(window - busy), "windows of the devices - gpu_busy_ms");
  if (window > 0)
    SetDerived(summary, "gpu_busy_percent",
               100 * Ratio(static_cast<double>(busy), static_cast<double>(window)),
               "100 * gpu_busy_ms / windows of the devices (first start to last end on each)");
  else
    SetAbsent(summary, "gpu_busy_percent", "the work on the devices has no length");
  if (capture > 0)
    SetDerived(summary, "gpu_busy_percent_of_capture",
               100 * Ratio(static_cast<double>(busy), static_cast<double>(capture)),
               "100 * gpu_busy_ms / duration of the capture, summed over devices");
  else
    SetAbsent(summary, "gpu_busy_percent_of_capture", "the capture has no length");
}

void AddKernelHead(const Work& work, Summary& summary) {
  std::uint64_t count = 0;
  std::int64_t total = 0;
  for (const auto& device : summary.devices) {
    count += device.kernel_count;
    total = AddSaturated(total, device.kernel_ns);
  }
  const auto& details = work.details;
  if (count > 0) {
    SetDerived(summary, "avg_kernel_time", Ms(total) / static_cast<double>(count),
               "kernel_time_ms / kernel_count");
    SetMeasured(summary, "kernel_count", static_cast<double>(count), "kernel records");
    SetDerived(summary, "kernel_time_ms", Ms(total), "sum of end - start of the kernel records");
    return;
  }
  if (const auto mean = details.Mean(DetailField::kDuration)) {
    SetDerived(
        summary, "avg_kernel_time", *mean / kNsPerMs,
        "mean of gpu__time_duration of the profiled launches: Nsight Compute locks clocks and flushes caches "
        "by default, so it does not compare with a timeline's");
  } else {
    SetAbsent(summary, "avg_kernel_time", NotCaptured(work, "kernels"));
  }
  SetAbsent(summary, "kernel_count", NotCaptured(work, "kernels of a timeline"));
  SetAbsent(summary, "kernel_time_ms", NotCaptured(work, "kernels of a timeline"));
}

bool IsHostCopy(const SummaryCopy& copy) {
  return copy.kind == CopyKindName(CopyKind::kHostToDevice) ||
         copy.kind == CopyKindName(CopyKind::kDeviceToHost);
}

bool IsPageable(const SummaryCopy& copy) {
  const auto pageable = MemoryKindName(MemoryKind::kPageable);
  return copy.source_memory == pageable || copy.target_memory == pageable;
}

bool TellsItsHostMemory(const SummaryCopy& copy) {
  const auto unknown = MemoryKindName(MemoryKind::kUnknown);
  return copy.source_memory != unknown && copy.target_memory != unknown;
}

void AddCopyHead(const Work& work, Summary& summary) {
  static constexpr std::array kNames = {"copy_count", "copy_bytes", "copy_time_ms"};
  std::uint64_t count = 0;
  double bytes = 0;
  std::int64_t total = 0;
  double host = 0;
  double pageable = 0;
  bool told = true;
  for (const auto& copy : summary.copies) {
    count += copy.timing.count;
    bytes += static_cast<double>(copy.bytes);
    total = AddSaturated(total, copy.timing.total_ns);
    if (!IsHostCopy(copy)) continue;
    told = told && TellsItsHostMemory(copy);
    host += static_cast<double>(copy.bytes);
    pageable += IsPageable(copy) ? static_cast<double>(copy.bytes) : 0;
  }
  if (!Any(work, &Presence::copies) && count == 0) {
    for (const auto* name : kNames) SetAbsent(summary, name, NotCaptured(work, "copies"));
  } else {
    SetMeasured(summary, "copy_count", static_cast<double>(count), "copy records");
    SetMeasured(summary, "copy_bytes", bytes, "bytes of the copy records");
    SetDerived(summary, "copy_time_ms", Ms(total), "sum of end - start of the copy records");
  }
  if (total > 0)
    SetDerived(summary, "copy_bytes_per_second", bytes * 1e9 / static_cast<double>(total),
               "copy_bytes / copy_time_ms");
  else
    SetAbsent(summary, "copy_bytes_per_second", NotCaptured(work, "copies that took time"));
  if (host <= 0)
    SetAbsent(summary, "pageable_copy_percent", NotCaptured(work, "bytes copied between host and device"));
  else if (!told)
    SetAbsent(summary, "pageable_copy_percent", "the capture does not tell pageable from pinned memory");
  else
    SetDerived(summary, "pageable_copy_percent", 100 * pageable / host,
               "100 * bytes with pageable memory on one side / bytes between host and device");
  if (summary.overlap)
    SetDerived(summary, "copy_overlap_percent", summary.overlap->percent,
               "100 * (union of copies in which a kernel ran on the same device) / union of copies");
  else
    SetAbsent(summary, "copy_overlap_percent", NotCaptured(work, "copies that took time"));
  if (summary.memsets)
    SetDerived(summary, "memset_time_ms", Ms(summary.memsets->timing.total_ns),
               "sum of end - start of the memset records");
  else if (Any(work, &Presence::memsets))
    SetDerived(summary, "memset_time_ms", 0, "sum of end - start of the memset records");
  else
    SetAbsent(summary, "memset_time_ms", NotCaptured(work, "memsets"));
}

void AddHostHead(const Work& work, Summary& summary) {
  if (!Any(work, &Presence::api) && summary.api.empty()) {
    for (const auto* name : {"api_calls", "api_time_ms", "sync_time_ms"})
      SetAbsent(summary, name, NotCaptured(work, "API calls"));
  } else {
    std::uint64_t calls = 0;
    std::int64_t total = 0;
    std::int64_t waiting = 0;
    for (const auto& api : summary.api) {
      if (IsLibraryCall(api.name)) continue;
      calls += api.timing.count;
      total = AddSaturated(total, api.timing.total_ns);
      if (IsSyncCall(api.name)) waiting = AddSaturated(waiting, api.timing.total_ns);
    }
    SetMeasured(summary, "api_calls", static_cast<double>(calls), "records of CUDA's runtime and driver API");
    SetDerived(summary, "api_time_ms", Ms(total), "sum of end - start of the API records, over threads");
    SetDerived(summary, "sync_time_ms", Ms(waiting), "sum of end - start of the calls named ...Synchronize");
  }
  if (summary.launch && summary.launch->matched > 0)
    SetDerived(summary, "launch_delay_median_us", summary.launch->delay_median_ns / 1000,
               "median of kernel start - end of the call that launched it");
  else
    SetAbsent(summary, "launch_delay_median_us", NotCaptured(work, "kernels with their launching calls"));
}

void AddOperatorHead(const Work& work, const OutermostOperators& outermost, Summary& summary) {
  if (outermost.count == 0) {
    for (const auto* name : {"operator_count", "operator_time_ms", "avg_operator_time"})
      SetAbsent(summary, name, NotCaptured(work, "operators"));
    return;
  }
  const auto sampled =
      std::any_of(summary.sources.begin(), summary.sources.end(),
                  [](const SummarySource& source) { return source.operator_sampling.has_value(); });
  const std::string of_recorded = sampled ? "; of the recorded ones: operators were sampled" : "";
  SetDerived(summary, "operator_count", static_cast<double>(outermost.count),
             "operators that no other one called" + of_recorded);
  SetDerived(summary, "operator_time_ms", Ms(outermost.total_ns),
             "sum of their end - start, over threads" + of_recorded);
  SetDerived(summary, "avg_operator_time", Ms(outermost.total_ns) / static_cast<double>(outermost.count),
             "operator_time_ms / operator_count" + of_recorded);
}

void AddDetailHead(const Work& work, Summary& summary) {
  struct Figure {
    const char* name;
    DetailField field;
    const char* formula;
  };
  static constexpr std::array<Figure, 11> kFigures = {{
      {"sm_efficiency_percent", DetailField::kSmThroughput, "sm__throughput, percent of its peak"},
      {"achieved_occupancy_percent", DetailField::kAchievedOccupancy,
       "warps active, percent of the most an SM holds"},
      {"memory_throughput_percent", DetailField::kMemoryThroughput,
       "compute memory throughput, percent of its peak"},
      {"dram_bytes_per_second", DetailField::kDramRate, "DRAM bytes / duration"},
      {"global_bytes_per_second", DetailField::kGlobalRate, "L1 bytes of global loads and stores / duration"},
      {"shared_bytes_per_second", DetailField::kSharedRate,
       "wavefronts of shared memory * 128 B (the most) / duration"},
      {"texture_bytes_per_second", DetailField::kTextureRate, "L1 bytes of the texture pipe / duration"},
      {"warp_execution_efficiency_percent", DetailField::kWarpEfficiency,
       "100 * active threads of an executed instruction / 32"},
      {"instructions_per_second", DetailField::kInstructionRate, "warp instructions / duration"},
      {"ipc", DetailField::kIpc, "warp instructions of an SM a cycle"},
      {"coalescing_percent", DetailField::kCoalescing, "100 * ideal / actual sectors of global accesses"},
  }};
  for (const auto& figure : kFigures) {
    if (const auto mean = work.details.Mean(figure.field))
      SetDerived(summary, figure.name, *mean,
                 fmt::format("{}; mean of the launches, weighted by duration", figure.formula));
    else if (work.details.empty())
      SetAbsent(summary, figure.name, "hardware counters need a Nsight Compute capture");
    else
      SetAbsent(
          summary, figure.name,
          "not among the metrics of this Nsight Compute capture: take it with --set full, or with --metrics");
  }
}

}  // namespace

void AddHead(const Work& work, const OutermostOperators& outermost,
             std::optional<std::uint64_t> allocation_peak, Summary& summary) {
  AddKernelHead(work, summary);
  AddTimes(work, summary);
  AddBusy(work, summary);
  AddCopyHead(work, summary);
  AddHostHead(work, summary);
  if (allocation_peak.has_value())
    SetDerived(summary, "allocation_peak_bytes", static_cast<double>(*allocation_peak),
               "largest total of the allocations of one device that the capture saw");
  else
    SetAbsent(summary, "allocation_peak_bytes", NotCaptured(work, "allocations"));
  AddOperatorHead(work, outermost, summary);
  AddDetailHead(work, summary);
}

}  // namespace altlas::profile
