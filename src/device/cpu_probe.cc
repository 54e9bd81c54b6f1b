// SPDX-License-Identifier: Apache-2.0
#include "device/cpu_probe.h"

#include <algorithm>
#include <cmath>

namespace altlas::device {
namespace {

constexpr std::uint64_t kLeastTicks = 20;  // 0.2 s of one processor

int UsableProcessors(const std::filesystem::path& root, const std::vector<CpuTimes>& times) {
  int online = 0;
  for (const auto& t : times) online += t.total > 0 ? 1 : 0;
  if (const auto quota = ReadCpuQuota(root))
    online = std::min(online, std::max(1, static_cast<int>(std::floor(*quota))));
  return std::max(1, online);
}

double Percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return 0;
  return std::clamp(100.0 * static_cast<double>(part) / static_cast<double>(whole), 0.0, 100.0);
}

}  // namespace

CpuProbe::CpuProbe(std::vector<CpuDevice> devices, int first_index, std::filesystem::path root,
                   std::string model)
    : devices_(std::move(devices)),
      first_index_(first_index),
      root_(std::move(root)),
      model_(std::move(model)) {}

Result<std::unique_ptr<CpuProbe>> CpuProbe::Create(std::vector<CpuDevice> devices, int first_index,
                                                   std::filesystem::path root) {
  const auto times = ReadCpuTimes(root);
  if (times.empty())
    return Fail(ErrorCode::kUnavailable, "{} lists no processors", (root / "proc/stat").string());
  if (devices.empty()) devices.emplace_back();
  const int usable = UsableProcessors(root, times);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    auto& device = devices[i];
    const auto path = fmt::format("devices.cpu[{}]", i);
    if (!(device.quota >= 0.01 && device.quota <= 1))
      return FailField(path + ".quota", "{} is not a share from 0.01 to 1", device.quota);
    for (const int processor : device.pin) {
      if (processor < 0 || static_cast<std::size_t>(processor) >= times.size() || times[processor].total == 0)
        return FailField(path + ".pin", "processor {} does not exist here; this machine has 0 to {}",
                         processor, times.size() - 1);
    }
    if (device.threads == 0)
      device.threads = device.pin.empty() ? usable : static_cast<int>(device.pin.size());
    if (device.threads < 0 || static_cast<std::size_t>(device.threads) > 4 * times.size())
      return FailField(path + ".threads", "{} threads are out of range: 1 to {} (four for each processor)",
                       device.threads, 4 * times.size());
  }
  auto model = ReadCpuModel(root);
  return std::unique_ptr<CpuProbe>(
      new CpuProbe(std::move(devices), first_index, std::move(root), std::move(model)));
}

CpuProbe::Sample CpuProbe::Measure(const CpuDevice& device, const std::vector<CpuTimes>& times,
                                   std::uint64_t own_ticks) const {
  Sample sample;
  sample.own = own_ticks;
  if (device.pin.empty()) {
    for (const auto& t : times) {
      sample.busy += t.busy;
      sample.total += t.total;
    }
  } else {
    for (const int processor : device.pin) {
      if (static_cast<std::size_t>(processor) >= times.size()) continue;
      sample.busy += times[processor].busy;
      sample.total += times[processor].total;
    }
  }
  return sample;
}

Result<std::vector<DeviceSnapshot>> CpuProbe::Probe(std::span<const OwnProcess> own) {
  const auto memory = ReadMemory(root_);
  if (!memory) return Fail(ErrorCode::kUnavailable, "cannot read {}", (root_ / "proc/meminfo").string());
  const auto times = ReadCpuTimes(root_);
  std::uint64_t own_resident = 0;
  std::vector<std::uint64_t> own_ticks(devices_.size(), 0);
  std::uint64_t all_own_ticks = 0;
  for (const auto& process : own) {
    const auto facts = ReadProcess(root_, process.pid);
    if (!facts) continue;
    own_resident += facts->resident_bytes;
    all_own_ticks += facts->cpu_ticks;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (process.device_id == fmt::format("gpu_{}", first_index_ + static_cast<int>(i)))
        own_ticks[i] += facts->cpu_ticks;
    }
  }
  std::vector<DeviceSnapshot> snapshots;
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const auto& device = devices_[i];
    DeviceSnapshot s;
    s.id = fmt::format("gpu_{}", first_index_ + static_cast<int>(i));
    s.kind = DeviceKind::kCpu;
    s.name = fmt::format("{} ({} thread{}{})", model_, device.threads, device.threads == 1 ? "" : "s",
                         device.quota < 1 ? fmt::format(", {:.0f} % of its time", 100 * device.quota) : "");
    s.uuid = fmt::format("cpu-{}", i);
    s.threads = device.threads;
    s.cpu_quota = device.quota;
    s.pin = device.pin;
    // Use by others fills every device alike: they share one machine's memory.
    const std::uint64_t used = memory->total - std::min(memory->total, memory->available);
    const std::uint64_t by_others = used > own_resident ? used - own_resident : 0;
    s.memory_total =
        device.memory > 0 ? std::min(device.memory, memory->total) : memory->total / devices_.size();
    const double share = static_cast<double>(s.memory_total) / static_cast<double>(memory->total);
    s.memory_used = static_cast<std::uint64_t>(share * static_cast<double>(used));
    s.memory_used_by_others = static_cast<std::uint64_t>(share * static_cast<double>(by_others));
    // Devices that share processors share their use too, so all our processes are counted as ours.
    samples.push_back(Measure(device, times, device.pin.empty() ? all_own_ticks : own_ticks[i]));
    const Sample before = i < last_.size() ? last_[i] : Sample{};
    const auto& now = samples.back();
    const auto busy = now.busy - std::min(before.busy, now.busy);
    const auto total = now.total - std::min(before.total, now.total);
    const auto ours = now.own - std::min(before.own, now.own);
    if (i < last_.size() && total < kLeastTicks) {
      samples.back() =
          before;  // too short to mean anything: what was measured last stands, and the interval goes on
    } else {
      samples.back().utilization = Percent(busy, total);
      samples.back().utilization_by_others = Percent(busy > ours ? busy - ours : 0, total);
    }
    s.utilization = samples.back().utilization;
    s.utilization_by_others = samples.back().utilization_by_others;
    s.estimated = last_.empty() || devices_.size() > 1;
    snapshots.push_back(std::move(s));
  }
  last_ = std::move(samples);
  return snapshots;
}

}  // namespace altlas::device
