// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string_view>
#include <utility>

#include "profile/detail_sums.h"

namespace altlas::profile {
namespace {

// The first of the names that the launch has, with the unit given; names of the raw page stand first.
struct MetricNames {
  std::string_view unit;
  std::array<std::string_view, 4> names;
};

std::optional<double> ValueOf(const KernelDetail& detail, const MetricNames& wanted) {
  for (const auto name : wanted.names) {
    if (name.empty()) continue;
    const auto* metric = detail.Find(name, wanted.unit);
    if (metric != nullptr && metric->value.has_value() && std::isfinite(*metric->value)) return metric->value;
  }
  return std::nullopt;
}

// Those of the sum that the launch has; absent where it has none.
template <std::size_t N>
std::optional<double> SumOf(const KernelDetail& detail, const std::array<std::string_view, N>& names) {
  std::optional<double> sum;
  for (const auto name : names)
    if (const auto value = ValueOf(detail, {"", {name}})) sum = sum.value_or(0) + *value;
  return sum;
}

constexpr double kThreadsOfWarp = 32;
constexpr double kWavefrontBytes = 128;
constexpr double kDetailNsPerSecond = 1e9;

constexpr std::array<std::pair<DetailField, MetricNames>, 14> kAsRead = {{
    {DetailField::kDuration, {"ns", {"gpu__time_duration.sum", "Duration", "Kernel Time"}}},
    {DetailField::kSmThroughput,
     {"%",
      {"sm__throughput.avg.pct_of_peak_sustained_elapsed", "Compute (SM) Throughput", "SM [%]", "SOL SM"}}},
    {DetailField::kMemoryThroughput,
     {"%",
      {"gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed", "Memory Throughput", "Memory [%]",
       "SOL Memory"}}},
    {DetailField::kDramThroughput,
     {"%",
      {"gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed",
       "dram__throughput.avg.pct_of_peak_sustained_elapsed", "DRAM Throughput"}}},
    {DetailField::kL1Throughput,
     {"%", {"l1tex__throughput.avg.pct_of_peak_sustained_active", "L1/TEX Cache Throughput"}}},
    {DetailField::kL2Throughput,
     {"%", {"lts__throughput.avg.pct_of_peak_sustained_elapsed", "L2 Cache Throughput"}}},
    {DetailField::kL1Hit, {"%", {"l1tex__t_sector_hit_rate.pct", "L1/TEX Hit Rate"}}},
    {DetailField::kL2Hit, {"%", {"lts__t_sector_hit_rate.pct", "L2 Hit Rate"}}},
    {DetailField::kAchievedOccupancy,
     {"%", {"sm__warps_active.avg.pct_of_peak_sustained_active", "Achieved Occupancy"}}},
    {DetailField::kTheoreticalOccupancy,
     {"%", {"sm__maximum_warps_per_active_cycle_pct", "Theoretical Occupancy"}}},
    {DetailField::kWaves, {"", {"launch__waves_per_multiprocessor", "Waves Per SM"}}},
    {DetailField::kIpc,
     {"",
      {"sm__inst_executed.avg.per_cycle_elapsed", "Executed Ipc Elapsed",
       "sm__inst_executed.avg.per_cycle_active", "Executed Ipc Active"}}},
    {DetailField::kDramRate, {"B/s", {"dram__bytes.sum.per_second", "Memory Throughput"}}},
    {DetailField::kTensorActive,
     {"%",
      {"sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed",
       "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active"}}},
}};

// FP32 lanes of an SM, from NVIDIA's tables of compute capabilities; 0: not known.
double LanesOf(double capability) {
  const auto tenths = std::lround(capability * 10);
  if (tenths == 60 || tenths == 70 || tenths == 72 || tenths == 75 || tenths == 80) return 64;
  if (tenths == 61 || tenths == 62 || (tenths >= 86 && tenths <= 90) || (tenths >= 100 && tenths <= 121))
    return 128;
  return 0;
}

std::optional<double> FlopOf(const KernelDetail& detail) {
  std::optional<double> flop;
  for (const auto* type : {"f", "d", "h"}) {
    for (const auto& [operation, weight] :
         {std::pair{"add", 1.0}, std::pair{"mul", 1.0}, std::pair{"fma", 2.0}}) {
      const auto name =
          std::string("smsp__sass_thread_inst_executed_op_") + type + operation + "_pred_on.sum";
      if (const auto count = ValueOf(detail, {"", {name}})) flop = flop.value_or(0) + weight * *count;
    }
  }
  return flop;
}

std::optional<double> PeakFlopOf(const KernelDetail& detail) {
  const auto sms =
      ValueOf(detail, {"", {"# SMs", "device__attribute_multiprocessor_count", "launch__sm_count"}});
  const auto clock =
      ValueOf(detail, {"Hz",
                       {"SM Frequency", "gpc__cycles_elapsed.avg.per_second",
                        "smsp__cycles_elapsed.avg.per_second", "sm__cycles_elapsed.avg.per_second"}});
  if (!sms || !clock || !detail.compute_capability) return std::nullopt;
  const auto lanes = LanesOf(*detail.compute_capability);
  return lanes > 0 ? std::optional(*sms * lanes * 2 * *clock) : std::nullopt;
}

class Values {
 public:
  explicit Values(const KernelDetail& detail) : detail_(detail) {
    for (const auto& [field, names] : kAsRead) Set(field, ValueOf(detail, names));
  }
  void Derive();
  DetailValues result;

 private:
  std::optional<double>& At(DetailField field) { return result[static_cast<std::size_t>(field)]; }
  void Set(DetailField field, std::optional<double> value) { At(field) = value; }
  void SetRate(DetailField field, std::optional<double> amount) {
    const auto duration = At(DetailField::kDuration);
    if (amount && duration && *duration > 0 && !At(field))
      Set(field, *amount * kDetailNsPerSecond / *duration);
  }
  const KernelDetail& detail_;
};

void Values::Derive() {
  if (const auto threads = ValueOf(
          detail_,
          {"", {"smsp__thread_inst_executed_per_inst_executed.ratio", "Avg. Active Threads Per Warp"}}))
    Set(DetailField::kWarpEfficiency, 100 * *threads / kThreadsOfWarp);
  const auto sectors = ValueOf(detail_, {"", {"memory_l2_theoretical_sectors_global"}});
  const auto ideal = ValueOf(detail_, {"", {"memory_l2_theoretical_sectors_global_ideal"}});
  if (sectors && ideal && *sectors > 0) Set(DetailField::kCoalescing, 100 * *ideal / *sectors);
  SetRate(
      DetailField::kInstructionRate,
      ValueOf(detail_, {"", {"smsp__inst_executed.sum", "sm__inst_executed.sum", "Executed Instructions"}}));
  auto dram = ValueOf(detail_, {"B", {"dram__bytes.sum"}});
  if (!dram)
    dram = SumOf(detail_, std::array<std::string_view, 2>{"dram__bytes_read.sum", "dram__bytes_write.sum"});
  SetRate(DetailField::kDramRate, dram);
  SetRate(DetailField::kGlobalRate,
          SumOf(detail_, std::array<std::string_view, 4>{"l1tex__t_bytes_pipe_lsu_mem_global_op_ld.sum",
                                                         "l1tex__t_bytes_pipe_lsu_mem_global_op_st.sum",
                                                         "l1tex__t_bytes_pipe_lsu_mem_global_op_red.sum",
                                                         "l1tex__t_bytes_pipe_lsu_mem_global_op_atom.sum"}));
  if (const auto waves = ValueOf(detail_, {"", {"l1tex__data_pipe_lsu_wavefronts_mem_shared.sum"}}))
    SetRate(DetailField::kSharedRate, *waves * kWavefrontBytes);
  SetRate(DetailField::kTextureRate, ValueOf(detail_, {"", {"l1tex__t_bytes_pipe_tex.sum"}}));
  Set(DetailField::kFlop, FlopOf(detail_));
  SetRate(DetailField::kFlopRate, At(DetailField::kFlop));
  const auto duration = At(DetailField::kDuration);
  const auto rate = At(DetailField::kDramRate);
  // The bytes of the launch itself where they are known; else what its rate and duration make.
  const auto bytes = dram               ? dram
                     : rate && duration ? std::optional(*rate * *duration / kDetailNsPerSecond)
                                        : dram;
  if (At(DetailField::kFlop) && bytes && *bytes > 0)
    Set(DetailField::kIntensity, *At(DetailField::kFlop) / *bytes);
  Set(DetailField::kPeakFlopRate, PeakFlopOf(detail_));
  const auto share = At(DetailField::kDramThroughput);
  if (rate && share && *share > 0) Set(DetailField::kPeakByteRate, *rate * 100 / *share);
}

}  // namespace

DetailValues DetailValuesOf(const KernelDetail& detail) {
  Values values(detail);
  values.Derive();
  return values.result;
}

std::string BoundOf(const DetailValues& values) {
  constexpr double kLow = 60;
  constexpr double kHigh = 80;
  constexpr double kApart = 10;
  const auto sm = values[static_cast<std::size_t>(DetailField::kSmThroughput)];
  const auto memory = values[static_cast<std::size_t>(DetailField::kMemoryThroughput)];
  const auto waves = values[static_cast<std::size_t>(DetailField::kWaves)];
  if (!sm || !memory) return "";
  if (*sm >= kHigh || *memory >= kHigh) return "high throughput";
  if (*sm < kLow && *memory < kLow) return waves && *waves < 1 ? "small grid" : "latency";
  if (std::abs(*sm - *memory) >= kApart) return *sm > *memory ? "compute" : "memory";
  return "balanced";
}

}  // namespace altlas::profile
