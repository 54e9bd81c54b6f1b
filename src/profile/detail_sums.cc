// SPDX-License-Identifier: Apache-2.0
#include "profile/detail_sums.h"

#include <algorithm>

#include "profile/kernel_name.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kDurationAt = static_cast<std::size_t>(DetailField::kDuration);

}  // namespace

void DetailSums::Sums::Add(const DetailValues& launch) {
  ++count;
  const auto duration = launch[kDurationAt];
  if (duration) {
    durations += *duration;
    ++with_duration;
  }
  const auto weight = duration && *duration > 0 ? *duration : 1;
  for (std::size_t field = 0; field < launch.size(); ++field) {
    if (!launch[field]) continue;
    values[field] += weight * *launch[field];
    weights[field] += weight;
  }
}

std::optional<double> DetailSums::Sums::Mean(DetailField field) const {
  if (field == DetailField::kDuration)
    return with_duration > 0 ? std::optional(durations / static_cast<double>(with_duration)) : std::nullopt;
  const auto at = static_cast<std::size_t>(field);
  return weights[at] > 0 ? std::optional(values[at] / weights[at]) : std::nullopt;
}

void DetailSums::Add(const KernelDetail& detail) {
  const auto values = DetailValuesOf(detail);
  kernels_[DemangleKernelName(detail.name)].Add(values);
  all_.Add(values);
}

void DetailSums::Fill(Summary& summary) const {
  for (const auto& [name, sums] : kernels_) {
    auto& made = summary.kernel_details.emplace_back();
    made.full_name = name;
    made.name = ShortenKernelName(name);
    made.count = sums.count;
    DetailValues means;
    for (std::size_t field = 0; field < means.size(); ++field)
      means[field] = sums.Mean(static_cast<DetailField>(field));
    const auto mean = [&](DetailField field) { return means[static_cast<std::size_t>(field)]; };
    made.duration_ns = mean(DetailField::kDuration);
    made.sm_throughput_percent = mean(DetailField::kSmThroughput);
    made.memory_throughput_percent = mean(DetailField::kMemoryThroughput);
    made.dram_throughput_percent = mean(DetailField::kDramThroughput);
    made.l1_throughput_percent = mean(DetailField::kL1Throughput);
    made.l2_throughput_percent = mean(DetailField::kL2Throughput);
    made.l1_hit_percent = mean(DetailField::kL1Hit);
    made.l2_hit_percent = mean(DetailField::kL2Hit);
    made.achieved_occupancy_percent = mean(DetailField::kAchievedOccupancy);
    made.theoretical_occupancy_percent = mean(DetailField::kTheoreticalOccupancy);
    made.waves_per_sm = mean(DetailField::kWaves);
    made.warp_efficiency_percent = mean(DetailField::kWarpEfficiency);
    made.coalescing_percent = mean(DetailField::kCoalescing);
    made.instructions_per_second = mean(DetailField::kInstructionRate);
    made.ipc = mean(DetailField::kIpc);
    made.dram_bytes_per_second = mean(DetailField::kDramRate);
    made.global_bytes_per_second = mean(DetailField::kGlobalRate);
    made.shared_bytes_per_second = mean(DetailField::kSharedRate);
    made.texture_bytes_per_second = mean(DetailField::kTextureRate);
    made.tensor_active_percent = mean(DetailField::kTensorActive);
    made.flop = mean(DetailField::kFlop);
    made.flop_per_second = mean(DetailField::kFlopRate);
    made.arithmetic_intensity = mean(DetailField::kIntensity);
    made.peak_flop_per_second = mean(DetailField::kPeakFlopRate);
    made.peak_bytes_per_second = mean(DetailField::kPeakByteRate);
    made.bound = BoundOf(means);
  }
  const auto total = [](const SummaryKernelDetail& kernel) {
    return kernel.duration_ns.value_or(0) * static_cast<double>(kernel.count);
  };
  std::stable_sort(summary.kernel_details.begin(), summary.kernel_details.end(),
                   [&](const auto& a, const auto& b) { return total(a) > total(b); });
}

}  // namespace altlas::profile
