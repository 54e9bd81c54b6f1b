// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "profile/kernel_detail.h"
#include "profile/summary.h"

namespace altlas::profile {

// What the analysis reads from a launch of Nsight Compute.
enum class DetailField : std::uint8_t {
  kDuration,
  kSmThroughput,
  kMemoryThroughput,
  kDramThroughput,
  kL1Throughput,
  kL2Throughput,
  kL1Hit,
  kL2Hit,
  kAchievedOccupancy,
  kTheoreticalOccupancy,
  kWaves,
  kWarpEfficiency,
  kCoalescing,
  kInstructionRate,
  kIpc,
  kDramRate,
  kGlobalRate,
  kSharedRate,
  kTextureRate,
  kTensorActive,
  kFlop,
  kFlopRate,
  kIntensity,
  kPeakFlopRate,
  kPeakByteRate,
  kCount
};
using DetailValues = std::array<std::optional<double>, static_cast<std::size_t>(DetailField::kCount)>;

// The values of one launch: those that the capture has, and those that follow from them. Rates are a second.
//   warp efficiency   threads active in an executed warp instruction / 32, in percent
//   coalescing        ideal / actual sectors that global accesses ask of L2, in percent
//   flop              adds and multiplications of 16, 32 and 64 bit, fused ones twice (no tensor cores)
//   intensity         flop / DRAM bytes
//   shared bytes      wavefronts of shared memory x 128, what one can move at most
//   peak flop         SMs x FP32 lanes of the compute capability x 2 x clock
//   peak bytes        DRAM bytes a second / DRAM throughput in percent
DetailValues DetailValuesOf(const KernelDetail& detail);

// What holds a kernel back, as the rules of Nsight Compute's SpeedOfLight.py (2025.1) say it: both
// throughputs below 80 %: both below 60 % "latency" ("small grid" below one wave), else 10 points apart
// "compute" or "memory", else "balanced"; otherwise "high throughput". Empty where they are not known.
std::string BoundOf(const DetailValues& values);

// Means over launches weighted by their durations (by 1 where a launch has none), by kernel and over all.
class DetailSums {
 public:
  void Add(const KernelDetail& detail);
  bool empty() const { return kernels_.empty(); }
  std::uint64_t launches() const { return all_.count; }
  // The weighted mean over all launches; kDuration: the plain mean.
  std::optional<double> Mean(DetailField field) const { return all_.Mean(field); }
  void Fill(Summary& summary) const;

 private:
  struct Sums {
    std::uint64_t count = 0;
    double durations = 0;
    std::uint64_t with_duration = 0;
    std::array<double, static_cast<std::size_t>(DetailField::kCount)> values{}, weights{};
    void Add(const DetailValues& launch);
    std::optional<double> Mean(DetailField field) const;
  };
  std::map<std::string, Sums> kernels_;
  Sums all_;
};

}  // namespace altlas::profile
