// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// The device that a scenario runs on.
namespace altlas::bench {

// "auto" takes the GPU where the driver shows one (/dev/nvidiactl) and the processor where not; "cpu",
// "cuda". Nothing falls back: a GPU that cannot be used is an error (worker/serve/accelerator.h).
Result<at::Device> OpenDevice(std::string_view accelerator);
std::string DeviceText(const at::Device& device);  // "cpu", "cuda:0"

// Waits until everything that was given to the device is done. Nothing to wait for on a processor.
void WaitFor(const at::Device& device);

struct DeviceMemory {
  std::uint64_t allocated = 0;
  std::uint64_t reserved = 0;
  std::uint64_t peak_allocated = 0;
};
// What libtorch's allocator of the device counts; none for a processor (base/process_memory.h).
std::optional<DeviceMemory> ReadDeviceMemory(const at::Device& device);
void ResetDevicePeak(const at::Device& device);

// Threads that libtorch computes with, after setting them: 0 is every core that this process may use.
int SetThreads(std::uint32_t threads);

}  // namespace altlas::bench
