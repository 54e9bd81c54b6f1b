// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/bench_device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <filesystem>

#include "worker/serve/accelerator.h"
#include "worker/serve/load_engine.h"

namespace altlas::bench {
namespace {

constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);

}  // namespace

Result<at::Device> OpenDevice(std::string_view accelerator) {
  std::error_code ignored;
  const bool has_gpu = std::filesystem::exists("/dev/nvidiactl", ignored);
  ALTLAS_TRY(const auto kind, accelerator == "auto"
                                  ? Result<serve::AcceleratorKind>(has_gpu ? serve::AcceleratorKind::kCuda
                                                                           : serve::AcceleratorKind::kCpu)
                                  : serve::ParseAccelerator(accelerator));
  return serve::OpenAccelerator(kind);
}

std::string DeviceText(const at::Device& device) { return device.str(); }

void WaitFor(const at::Device& device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  guard.synchronizeDevice(device.index());
}

std::optional<DeviceMemory> ReadDeviceMemory(const at::Device& device) {
  if (device.is_cpu()) return std::nullopt;
  const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return DeviceMemory{static_cast<std::uint64_t>(stats.allocated_bytes[kAll].current),
                      static_cast<std::uint64_t>(stats.reserved_bytes[kAll].current),
                      static_cast<std::uint64_t>(stats.allocated_bytes[kAll].peak)};
}

void ResetDevicePeak(const at::Device& device) {
  if (!device.is_cpu()) at::getDeviceAllocator(device.type())->resetPeakStats(device.index());
}

int SetThreads(std::uint32_t threads) {
  serve::SetUpThread(threads);
  return at::get_num_threads();
}

}  // namespace altlas::bench
