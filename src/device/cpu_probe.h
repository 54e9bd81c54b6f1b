// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "device/probe.h"
#include "device/proc_files.h"

namespace altlas::device {

// One CPU device to make of this machine.
struct CpuDevice {
  int threads = 0;           // 0: every processor it may use
  double quota = 1.0;        // share of its threads' time that it may use, 0.01 to 1
  std::vector<int> pin;      // processors it is bound to; empty: all
  std::uint64_t memory = 0;  // bytes; 0: an equal part of the machine's memory
};

// This machine's processors as one or more CPU devices (DEV-2), read from /proc and the cgroup's limits.
// Utilization is measured between two calls; the first call measures since boot and says `estimated`.
class CpuProbe final : public DeviceProbe {
 public:
  // An empty list means one device with all processors. kInvalidArgument for a processor or a share that does
  // not exist.
  static Result<std::unique_ptr<CpuProbe>> Create(std::vector<CpuDevice> devices, int first_index = 0,
                                                  std::filesystem::path root = "/");
  Result<std::vector<DeviceSnapshot>> Probe(std::span<const OwnProcess> own) override;

 private:
  CpuProbe(std::vector<CpuDevice> devices, int first_index, std::filesystem::path root, std::string model);
  struct Sample {
    std::uint64_t busy = 0, total = 0, own = 0;
    double utilization = 0, utilization_by_others = 0;
  };
  Sample Measure(const CpuDevice& device, const std::vector<CpuTimes>& times, std::uint64_t own_ticks) const;

  std::vector<CpuDevice> devices_;
  int first_index_;
  std::filesystem::path root_;
  std::string model_;
  std::vector<Sample> last_;
};

}  // namespace altlas::device
