// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace altlas::device {

enum class DeviceKind { kGpu, kCpu };
std::string_view DeviceKindName(DeviceKind kind);

// What a device says of itself at one moment. A value. Bytes, percent (0..100), degrees Celsius, watts, MHz.
// Facts that the device has no sensor for are absent, never zero.
struct DeviceSnapshot {
  std::string id;  // "gpu_0", ...: also for CPU devices, `kind` says which
  DeviceKind kind = DeviceKind::kGpu;
  std::string name;
  std::string uuid;
  std::string pci;
  std::uint64_t memory_total = 0;
  std::uint64_t memory_used = 0;            // by all processes
  std::uint64_t memory_used_by_others = 0;  // by processes that are not ours
  double utilization = 0;
  double utilization_by_others = 0;
  // True where one of the four values above is derived rather than reported (the first CPU sample has no
  // interval yet, several CPU devices share one machine's memory, NVML tells no process's share).
  bool estimated = false;
  std::optional<double> temperature;
  std::optional<double> power;
  std::optional<double> power_limit;
  std::optional<double> clock_sm;
  std::optional<double> clock_memory;
  std::vector<std::string> throttle_reasons;
  std::optional<std::uint64_t> ecc_corrected;
  std::optional<std::uint64_t> ecc_uncorrected;
  std::optional<double> compute_capability;  // 8.6 for sm_86
  double cpu_quota = 1;                      // CPU devices: the share of its threads' time that it may use
  int threads = 0;                           // CPU devices: how many threads its worker runs
  std::vector<int> pin;                      // CPU devices: processors its worker is bound to; empty: not
  std::string fault;                         // why the device cannot be read or used, empty where it can

  std::uint64_t memory_free() const { return memory_total > memory_used ? memory_total - memory_used : 0; }
};

}  // namespace altlas::device
