// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/compute.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>

#include "base/log.h"
#include "base/mutex.h"
#include "base/process_memory.h"
#include "device/proc_files.h"
#include "worker/compute/tensor_memory.h"
#include "worker/serve/accelerator.h"

namespace altlas::compute {
namespace {

constexpr double kGiB = 1 << 30;
// The guide's figure: batch 112 on a card of 8 GB, at 0.9 of its memory.
constexpr double kGuideBatch = 112;
constexpr double kGuideBytes = 0.9 * 8e9;
// Of what is reserved, in pieces: worth asking the driver again for.
constexpr double kFragmentedPercent = 10;

double Gib(std::uint64_t bytes) { return static_cast<double>(bytes) / kGiB; }
double Percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

c10::CachingDeviceAllocator::DeviceStats StatsOf(at::Device device) {
  return c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
}

std::uint64_t Current(const c10::CachingAllocator::StatArray& stats) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, stats[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)].current));
}

std::uint64_t Peak(const c10::CachingAllocator::StatArray& stats) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, stats[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak));
}

void FillGpu(at::Device device, MemoryStats& stats) {
  const auto raw = StatsOf(device);
  const auto [free, total] = c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  stats.allocated_gib = Gib(Current(raw.allocated_bytes));
  stats.reserved_gib = Gib(Current(raw.reserved_bytes));
  stats.max_allocated_gib = Gib(Peak(raw.allocated_bytes));
  stats.max_reserved_gib = Gib(Peak(raw.reserved_bytes));
  stats.free_gib = Gib(free);
  stats.total_gib = Gib(total);
  stats.utilization_percent = Percent(stats.allocated_gib, stats.total_gib);
  stats.fragmentation_percent = Percent(Gib(Current(raw.inactive_split_bytes)), stats.reserved_gib);
  stats.alloc_retries = raw.num_alloc_retries;
  stats.ooms = raw.num_ooms;
}

}  // namespace

Result<ComputeMode> ParseComputeMode(std::string_view name) {
  if (name == "cpu") return ComputeMode::kCpu;
  if (name == "gpu") return ComputeMode::kGpu;
  if (name == "hybrid") return ComputeMode::kHybrid;
  return Fail(ErrorCode::kInvalidArgument, "mode \"{}\" is unknown; use cpu, gpu or hybrid", name);
}

std::string_view ComputeModeName(ComputeMode mode) {
  return mode == ComputeMode::kCpu ? "cpu" : mode == ComputeMode::kGpu ? "gpu" : "hybrid";
}

Result<std::unique_ptr<Compute>> Compute::Create(ComputeMode mode) {
  at::Device device(at::kCPU);
  if (mode != ComputeMode::kCpu) {
    auto gpu = serve::OpenAccelerator(serve::AcceleratorKind::kCuda);
    if (gpu.has_value()) {
      device = *gpu;
    } else if (mode == ComputeMode::kGpu) {
      return std::move(gpu).error();
    }
  }
  return std::unique_ptr<Compute>(new Compute(mode, device));
}

VramUsage Compute::VramUsageGib() const {
  if (device_.is_cpu()) return {};
  const auto stats = StatsOf(device_);
  return {Gib(Current(stats.allocated_bytes)), Gib(Current(stats.reserved_bytes))};
}

MemoryStats Compute::GetMemoryStats() const {
  MemoryStats stats;
  stats.device = device_.str();
  if (!device_.is_cpu()) FillGpu(device_, stats);
  const auto memory = device::ReadMemory("/").value_or(device::MemoryFacts{});
  stats.ram_used_gib = Gib(ResidentBytes());
  stats.ram_peak_gib = Gib(PeakResidentBytes());
  stats.ram_total_gib = Gib(memory.total);
  stats.ram_available_gib = Gib(memory.available);
  stats.ram_utilization_percent = Percent(stats.ram_used_gib, stats.ram_total_gib);
  const auto tensors = ReadTensorMemory();
  stats.tensors_gib = Gib(tensors.bytes);
  stats.max_tensors_gib = Gib(tensors.peak_bytes);
  return stats;
}

std::string Compute::LogMemoryStats() const {
  const auto s = GetMemoryStats();
  auto line = fmt::format("{:.3f} of {:.1f} GiB RAM ({:.1f} %), peak {:.3f} GiB", s.ram_used_gib,
                          s.ram_total_gib, s.ram_utilization_percent, s.ram_peak_gib);
  if (!device_.is_cpu())
    line = fmt::format(
        "{:.3f} GiB used, {:.3f} reserved of {:.1f} ({:.1f} %), peak {:.3f} GiB, fragmentation {:.1f} %, "
        "{} retries; {}",
        s.allocated_gib, s.reserved_gib, s.total_gib, s.utilization_percent, s.max_allocated_gib,
        s.fragmentation_percent, s.alloc_retries, line);
  ALTLAS_INFO("compute", "memory", {"device", s.device}, {"is", line});
  return line;
}

void Compute::ResetPeakMemoryStats() {
  if (!device_.is_cpu()) c10::getDeviceAllocator(device_.type())->resetPeakStats(device_.index());
  ResetPeakResident();
  ResetPeakTensorMemory();
}

void Compute::Settle() {
  if (!device_.is_cpu()) c10::getDeviceAllocator(device_.type())->emptyCache();
  ReleaseUnused();
}

std::uint64_t Compute::Held() const {
  return device_.is_cpu() ? ResidentBytes() : Current(StatsOf(device_).reserved_bytes);
}

std::uint64_t Compute::Free() const {
  if (device_.is_cpu()) return device::ReadMemory("/").value_or(device::MemoryFacts{}).available;
  return c10::getDeviceAllocator(device_.type())->getMemoryInfo(device_.index()).first;
}

double Compute::CleanupAfterTraining() {
  const auto before = Held();
  Settle();
  return Gib(before - std::min(before, Held()));
}

double Compute::OptimizeMemory(bool aggressive) {
  if (!aggressive && GetMemoryStats().fragmentation_percent <= kFragmentedPercent) return 0;
  return CleanupAfterTraining();
}

Result<double> Compute::Room(const BatchRequest& request) const {
  const double share = request.vram_usage_multiplier;
  if (!(share > 0 && share <= 1))
    return Fail(ErrorCode::kInvalidArgument,
                "vram_usage_multiplier is {}; it is a share above 0 and at most 1", share);
  if (request.memory_gib > 0) return share * request.memory_gib * kGiB;
  const auto whole = static_cast<double>(Held() + Free());
  return std::min(share * whole, whole - request.margin_gib * kGiB);
}

Result<std::uint64_t> Compute::PeakOf(const RunStep& step, std::uint64_t batch) {
  Settle();
  ResetPeakMemoryStats();
  ALTLAS_TRY_VOID(step(batch));
  return device_.is_cpu() ? PeakResidentBytes() : Peak(StatsOf(device_).reserved_bytes);
}

namespace {

BatchSuggestion Estimate(const tune::BatchAnswer& last, double room, std::uint64_t most) {
  BatchSuggestion suggestion;
  double size = kGuideBatch * room / kGuideBytes;
  suggestion.why = "estimate: nothing was measured; the guide's 112 on 8 GB, scaled by the memory";
  if (last.batch != 0 && last.fit.slope > 0) {
    size = (room - last.fit.intercept) / last.fit.slope;
    suggestion.why = "estimate: the line measured last, for another share; no step was run at this size";
  }
  suggestion.batch = static_cast<std::uint64_t>(std::clamp(size, 0.0, static_cast<double>(most)));
  return suggestion;
}

}  // namespace

Result<BatchSuggestion> Compute::SuggestBatchSize(const BatchRequest& request, const RunStep& step) {
  Settle();
  ALTLAS_TRY(const double room, Room(request));
  if (!step) {
    auto suggestion = Estimate(last_, room, request.most);
    ALTLAS_WARN("compute", "batch size", {"batch", suggestion.batch}, {"why", suggestion.why});
    return suggestion;
  }
  if (room <= 0) {
    BatchSuggestion none;
    none.why = fmt::format("{:.2f} GiB are free and held, and {:.2f} GiB are to stay free: no step was run",
                           Gib(Held() + Free()), request.margin_gib);
    return none;
  }
  // The first step of a process also loads kernels and starts threads: not part of the next one's growth.
  auto first = PeakOf(step, 1);
  if (!first.has_value() && first.error().code != ErrorCode::kTooLarge) return std::move(first).error();
  ALTLAS_TRY(auto search, tune::BatchSearch::Create({.memory_bytes = room, .most = request.most}));
  while (const auto batch = search.Next()) {
    const auto peak = PeakOf(step, *batch);
    if (peak.has_value()) {
      search.OnMeasured(*batch, static_cast<double>(*peak));
    } else if (peak.error().code == ErrorCode::kTooLarge) {
      search.OnFailed(*batch);
    } else {
      return peak.error();
    }
  }
  Settle();
  last_ = search.Answer();
  BatchSuggestion suggestion;
  suggestion.batch = last_.batch;
  suggestion.measured = true;
  suggestion.answer = last_;
  suggestion.why =
      fmt::format("measured: {} steps, {:.3f} GiB and {:.2f} MiB a sample; {:.3f} of {:.3f} GiB at {}; {}",
                  last_.runs.size(), last_.fit.intercept / kGiB, last_.fit.slope / (1 << 20),
                  last_.bytes / kGiB, room / kGiB, last_.batch, last_.why);
  ALTLAS_INFO("compute", "batch size", {"batch", suggestion.batch}, {"why", suggestion.why});
  return suggestion;
}

namespace {

// Never destroyed: threads may still ask for it while the process ends.
Mutex& ProcessMutex() {
  static auto* mutex = new Mutex;
  return *mutex;
}
std::unique_ptr<Compute>& ProcessCompute() {
  static auto* compute = new std::unique_ptr<Compute>;
  return *compute;
}

}  // namespace

Result<Compute*> InitializeCompute(ComputeMode mode) {
  ALTLAS_TRY(auto made, Compute::Create(mode));
  const MutexLock lock(ProcessMutex());
  ProcessCompute() = std::move(made);
  return ProcessCompute().get();
}

Compute& GetCompute() {
  const MutexLock lock(ProcessMutex());
  if (ProcessCompute() == nullptr) {
    auto made = Compute::Create(ComputeMode::kHybrid);
    ALTLAS_CHECK(made.has_value(), "hybrid falls back to the processor");
    ProcessCompute() = std::move(*made);
  }
  return *ProcessCompute();
}

}  // namespace altlas::compute
