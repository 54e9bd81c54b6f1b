// SPDX-License-Identifier: Apache-2.0
#include "profile/gate_figures.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace altlas::profile {
namespace {

constexpr std::array<JudgedFigure, 31> kJudgedFigures = {{{"avg_kernel_time", "ms", false},
                                                          {"total_time_ms", "ms", false},
                                                          {"gpu_busy_percent", "%", true},
                                                          {"gpu_busy_percent_of_capture", "%", true},
                                                          {"gpu_busy_ms", "ms", false},
                                                          {"gpu_idle_ms", "ms", false},
                                                          {"kernel_count", "1", false},
                                                          {"kernel_time_ms", "ms", false},
                                                          {"copy_bytes", "B", false},
                                                          {"copy_time_ms", "ms", false},
                                                          {"copy_bytes_per_second", "B/s", true},
                                                          {"pageable_copy_percent", "%", false},
                                                          {"copy_overlap_percent", "%", true},
                                                          {"memset_time_ms", "ms", false},
                                                          {"api_time_ms", "ms", false},
                                                          {"sync_time_ms", "ms", false},
                                                          {"launch_delay_median_us", "us", false},
                                                          {"allocation_peak_bytes", "B", false},
                                                          {"operator_time_ms", "ms", false},
                                                          {"avg_operator_time", "ms", false},
                                                          {"sm_efficiency_percent", "%", true},
                                                          {"achieved_occupancy_percent", "%", true},
                                                          {"memory_throughput_percent", "%", true},
                                                          {"dram_bytes_per_second", "B/s", true},
                                                          {"global_bytes_per_second", "B/s", true},
                                                          {"shared_bytes_per_second", "B/s", true},
                                                          {"texture_bytes_per_second", "B/s", true},
                                                          {"warp_execution_efficiency_percent", "%", true},
                                                          {"instructions_per_second", "1/s", true},
                                                          {"ipc", "1", true},
                                                          {"coalescing_percent", "%", true}}};

bool StartsWithAny(std::string_view name, std::initializer_list<std::string_view> heads) {
  for (const auto head : heads)
    if (name.starts_with(head)) return true;
  return false;
}

// The clocks of host and device may be out of step, and what a benchmark calls a figure is its own affair.
bool MayBeNegative(std::string_view name) {
  return name == "launch_delay_median_us" || name.starts_with("bench:");
}

}  // namespace

std::span<const JudgedFigure> JudgedFigures() { return kJudgedFigures; }

Status CheckFigure(std::string_view name, std::string_view field, double value) {
  if (name == "avg_kernel_time" && !(value > 0))
    return Fail(ErrorCode::kCorrupt, "\"{}\" is {}: the mean time of a kernel is over 0 ms", field, value);
  if (value < 0 && !MayBeNegative(name))
    return Fail(ErrorCode::kCorrupt, "\"{}\" is {}: 0 is the least it can be", field, value);
  if (!(std::abs(value) <= kMostFigure))
    return Fail(ErrorCode::kCorrupt, "\"{}\" is {}: at most {} can be judged", field, value, kMostFigure);
  return {};
}

Status CheckUnit(const std::string& name, const std::string& unit) {
  const auto refuse = [&](std::string_view right) {
    return Fail(ErrorCode::kCorrupt, "metric \"{}\" is in \"{}\" and has to be in {}", name, unit, right);
  };
  if (name == "wall" || name == "cpu" || StartsWithAny(name, {"kernel:", "operator:", "phase:"}))
    return unit == "ms" ? Status{} : refuse("\"ms\"");
  for (const auto& known : kJudgedFigures)
    if (name == known.name && unit != known.unit) return refuse(fmt::format("\"{}\"", known.unit));
  if (name.starts_with("bench:") && (unit == "s" || unit == "us" || unit == "ns")) return refuse("\"ms\"");
  return {};
}

}  // namespace altlas::profile
