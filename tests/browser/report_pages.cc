// SPDX-License-Identifier: Apache-2.0
// Writes reports of generated captures for the tests in a browser.
// usage: report_pages FOLDER
// full.html: every section; million.html: a million events; hostile.html: names that try to be HTML;
// empty.html: nothing.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "profile/report.h"

namespace altlas::profile {
namespace {

constexpr std::string_view kKernels[] = {
    "void "
    "cutlass::Kernel2<cutlass_80_tensorop_s1688gemm_128x128_16x5_nn_align4>(cutlass_80_tensorop_s1688gemm_"
    "128x128_16x5_nn_align4::Params)",
    "void at::native::vectorized_elementwise_kernel<4, at::native::GeluCUDAKernelImpl, "
    "at::detail::Array<char*, 2>>(int, at::native::GeluCUDAKernelImpl, at::detail::Array<char*, 2>)",
    "void flash_fwd_kernel<Flash_fwd_kernel_traits<64, 128, 64, 4, false, false>>(Flash_fwd_params)",
    "void at::native::layer_norm_kernel<float, float>(int, float, float const*, float const*)",
    "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float>>(at::native::ReduceOp<float>)"};
constexpr Ns kLengths[] = {180'000, 14'000, 96'000, 22'000, 9'000};

// Training steps of one device: phases, launching calls, kernels, copies, memory.
void AddSteps(TimelineBuilder& timeline, SeriesBuilder& series, int steps, int layers) {
  std::mt19937_64 random(42);
  const std::uint64_t thread = 4711 << 24 | 4711;
  Ns host = 1'000'000;
  Ns device = host;
  for (int step = 0; step < steps; ++step) {
    const Ns step_start = host;
    timeline.OnRange(
        {.start = host, .end = host + 900'000, .name = "data", .domain = "train", .thread = thread});
    host += 900'000;
    const Ns copied = std::max(host, device) + 4'000;
    timeline.OnCopy({.start = copied,
                     .end = copied + 410'000,
                     .kind = CopyKind::kHostToDevice,
                     .source = MemoryKind::kPageable,
                     .target = MemoryKind::kDevice,
                     .bytes = 9'830'400});
    timeline.OnApi({.start = host, .end = copied + 420'000, .name = "cudaMemcpyAsync", .thread = thread});
    host = device = copied + 420'000;
    for (const auto* phase : {"forward", "backward"}) {
      const Ns phase_start = host;
      for (int layer = 0; layer < layers; ++layer) {
        for (std::size_t kernel = 0; kernel < std::size(kKernels); ++kernel) {
          timeline.OnApi({.start = host, .end = host + 5'200, .name = "cudaLaunchKernel", .thread = thread});
          host += 7'000 + static_cast<Ns>(random() % 3'000);
          const Ns start = std::max(device, host);
          device = start + kLengths[kernel] + static_cast<Ns>(random() % 4'000);
          KernelEvent event;
          event.start = start;
          event.end = device;
          event.name = kKernels[kernel];
          event.stream = layer % 5 == 4 && kernel == 4 ? 13 : 7;
          timeline.OnKernel(event);
          device += 1'200;
        }
        series.OnAllocation({.at = host,
                             .is_free = phase[0] == 'b',
                             .bytes = 48'000'000,
                             .kind = MemoryKind::kDevice,
                             .device = 0});
      }
      timeline.OnRange(
          {.start = phase_start, .end = host, .name = phase, .domain = "train", .thread = thread});
    }
    timeline.OnApi({.start = host, .end = device + 2'000, .name = "cudaDeviceSynchronize", .thread = thread});
    timeline.OnSync({.start = host, .end = device, .kind = SyncKind::kContext, .device = 0});
    host = device + 60'000;
    timeline.OnRange({.start = step_start, .end = host, .name = "step", .domain = "train", .thread = thread});
    series.OnCounter({.at = host, .name = "rss_bytes", .value = 2.1e9 + 4e6 * step});
    series.OnCounter({.at = host, .name = "gpu_power_watts", .value = 310 + 40 * std::sin(step)});
  }
}

Timing SomeTiming(std::uint64_t count, std::int64_t each) {
  return {count,
          static_cast<std::int64_t>(count) * each,
          static_cast<double>(each),
          static_cast<double>(each) * 0.98,
          each * 5 / 4,
          each / 2,
          each * 2,
          static_cast<double>(each) / 9};
}

void AddTables(Summary& summary, double slower) {
  SetMeasured(summary, "total_time_ms", 301.4 * slower, "as the tool says");
  SetDerived(summary, "gpu_busy_percent", 91.3 / slower, "gpu_busy_ms / windows of the devices");
  SetDerived(summary, "avg_kernel_time", 0.0674 * slower, "kernel_time_ms / kernel_count");
  SetMeasured(summary, "kernel_time_ms", 264.1 * slower, "sum of the kernels' durations");
  SetMeasured(summary, "kernel_count", 4800, "kernels");
  SetMeasured(summary, "copy_time_ms", 8.2, "sum of the copies' durations");
  SetDerived(summary, "pageable_copy_percent", 62.0, "bytes of copies with pageable memory / copy_bytes");
  SetDerived(summary, "launch_delay_median_us", 4.2, "median of kernel start - end of its call");
  SetMeasured(summary, "allocation_peak_bytes", 1.152e9, "largest sum of allocations");
  SetAbsent(summary, "sm_efficiency_percent", "hardware counters need a Nsight Compute capture");
  for (std::size_t at = 0; at < std::size(kKernels); ++at) {
    auto& kernel = summary.kernels.emplace_back();
    kernel.full_name = kKernels[at];
    kernel.name = std::string(kKernels[at].substr(5, kKernels[at].find('<') - 5));
    kernel.timing = SomeTiming(960, static_cast<std::int64_t>(static_cast<double>(kLengths[at]) * slower));
    kernel.share = static_cast<double>(kLengths[at]) / 321'000;
    kernel.shape_count = 1;
    kernel.shapes.push_back({{128, 8, 1}, {256, 1, 1}, 96, 49152, 960, 960 * kLengths[at]});
    auto& detail = summary.kernel_details.emplace_back();
    detail.name = kernel.name;
    detail.full_name = kernel.full_name;
    detail.count = 3;
    detail.duration_ns = static_cast<double>(kLengths[at]);
    detail.sm_throughput_percent = 80.0 - 13.0 * static_cast<double>(at);
    detail.memory_throughput_percent = 31.0 + 12.0 * static_cast<double>(at);
    detail.achieved_occupancy_percent = 48.0 + 5 * static_cast<double>(at);
    detail.arithmetic_intensity = 90.0 / std::pow(4.0, static_cast<double>(at));
    detail.flop_per_second = 12e12 / std::pow(3.5, static_cast<double>(at));
    detail.peak_flop_per_second = 19.5e12;
    detail.peak_bytes_per_second = 1.555e12;
    detail.bound = at < 2 ? "compute" : "memory";
  }
}

Summary SomeSummary() {
  Summary summary;
  AddTables(summary, 1);
  summary.sources.push_back(
      {"train.sqlite", "nsys sqlite", "Nsight Systems 2024.5.1", "3.13.2", {}, {}, 301'400'000, 0, 3});
  summary.environment = {{"driver", "550.54.15"}, {"host system", "Linux 6.1"}, {"CUDA", "12.4"}};
  summary.warnings = {
      {"warning",
       "The capture holds CUDA graphs traced as one block each: kernels inside them are not in the tables.",
       0},
      {"info", "Number of CUPTI events produced: 5,974, buffers: 50.", 0}};
  auto& device = summary.devices.emplace_back();
  device.id = "gpu_0";
  device.name = "NVIDIA A100-SXM4-40GB";
  device.window_ns = 299'000'000;
  device.busy_ns = 272'900'000;
  device.compute_ns = 264'800'000;
  device.copy_ns = 8'200'000;
  device.idle_ns = 26'100'000;
  device.busy_percent = 91.3;
  device.kernel_count = 4800;
  summary.copies.push_back({"host to device", "pageable", "device", 196'608'000, SomeTiming(20, 410'000),
                            24e9, 20, 8'600'000, 22.8e9});
  summary.api.push_back({"cudaLaunchKernel", SomeTiming(4800, 5'200), 0.61, 0});
  summary.api.push_back({"cudaMemcpyAsync", SomeTiming(20, 434'000), 0.21, 0});
  summary.gaps = SummaryGaps{{{"copy", 20, 8'200'000, 0.027},
                              {"data", 20, 18'000'000, 0.06},
                              {"launch", 400, 6'000'000, 0.02},
                              {"between", 9000, 2'000'000, 0.007}},
                             9440,
                             34'200'000,
                             1'200,
                             1'314'000,
                             {{"gpu_0", 15'000'000, 1'314'000, "data", "reduce_kernel", "gemm"},
                              {"gpu_0", 29'900'000, 1'214'000, "data", "reduce_kernel", "gemm"}}};
  summary.overlap = SummaryOverlap{8'200'000, 0, 0};
  summary.allocations.push_back(
      {"gpu_0", "device", 480, 480, 23'040'000'000, 1'152'000'000, 0, 48'000'000, {}});
  for (const auto* name : {"step", "forward", "backward", "data"}) {
    auto& phase = summary.phases.emplace_back();
    phase.name = name;
    phase.domain = "train";
    phase.timing = SomeTiming(20, 14'900'000);
    phase.kernel_count = 4800;
    phase.kernel_ns = 264'100'000;
    phase.kernels.push_back({std::string(kKernels[0]), 960, 172'800'000});
  }
  summary.findings = {{"pageable-copies",
                       "warning",
                       "62 % of the bytes between host and device were copied from pageable memory: 24 GB/s "
                       "on the engine, 22.8 GB/s as the caller saw it.",
                       {},
                       "Take the buffers from pinned memory (pin_memory=True in a DataLoader): such copies "
                       "also run beside kernels.",
                       "alt_las profile analyze train.sqlite --json | jq .pageable_copy_percent"},
                      {"data-bound",
                       "notice",
                       "The device waited 18 ms (6 % of its window) for data to be loaded.",
                       {},
                       "More loader workers, or prefetching: alt_las bench pipeline finds the setting.",
                       ""},
                      {"no-overlap", "info", "No copy ran beside a kernel.", {}, "", ""}};
  return summary;
}

ReportInput SomeInput(std::string title) {
  ReportInput input;
  input.title = std::move(title);
  input.created = "2026-01-02 03:04 UTC";
  input.program = "alt_las " ALTLAS_VERSION;
  auto& capture = input.captures.emplace_back();
  capture.label = "train.sqlite";
  auto& device = capture.info.devices.emplace_back();
  device.name = "NVIDIA A100-SXM4-40GB";
  return input;
}

Status WriteFull(const std::filesystem::path& folder) {
  TimelineBuilder timeline;
  SeriesBuilder series;
  AddSteps(timeline, series, 20, 24);
  auto input = SomeInput("train.sqlite");
  input.summary = SomeSummary();
  input.baseline.emplace();
  AddTables(*input.baseline, 0.93);
  input.baseline_name = "main.json";
  input.series = series.Build(400);
  return WriteFileAtomically(folder / "full.html", MakeReport(input, timeline));
}

Status WriteMillion(const std::filesystem::path& folder) {
  TimelineBuilder timeline;
  SeriesBuilder series;
  AddSteps(timeline, series, 500, 100);
  auto input = SomeInput("million.sqlite");
  input.summary = SomeSummary();
  input.series = series.Build(400);
  return WriteFileAtomically(folder / "million.html", MakeReport(input, timeline));
}

Status WriteHostile(const std::filesystem::path& folder) {
  const std::string hostile = "</script><img src=x onerror=document.title='taken'>";
  TimelineBuilder timeline;
  KernelEvent kernel;
  kernel.name = hostile;
  kernel.end = 1000;
  timeline.OnKernel(kernel);
  auto input = SomeInput(hostile);
  auto& row = input.summary.kernels.emplace_back();
  row.full_name = row.name = hostile;
  row.timing = SomeTiming(1, 1000);
  input.summary.findings.push_back({hostile, "warning", hostile, {}, hostile, hostile});
  input.summary.environment[hostile] = hostile;
  input.notes.push_back(hostile);
  return WriteFileAtomically(folder / "hostile.html", MakeReport(input, timeline));
}

Status WriteEmpty(const std::filesystem::path& folder) {
  TimelineBuilder timeline;
  return WriteFileAtomically(folder / "empty.html", MakeReport(SomeInput("empty"), timeline));
}

}  // namespace
}  // namespace altlas::profile

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (auto* write : {altlas::profile::WriteFull, altlas::profile::WriteMillion,
                      altlas::profile::WriteHostile, altlas::profile::WriteEmpty}) {
    const auto status = write(argv[1]);
    if (!status.has_value()) {
      std::fprintf(stderr, "%s\n", status.error().message.c_str());
      return 1;
    }
  }
  return 0;
}
