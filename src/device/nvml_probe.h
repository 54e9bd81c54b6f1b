// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "device/probe.h"

namespace altlas::device {

// NVIDIA GPUs by the driver's management library, loaded at run time: one program runs with and without a
// driver, and no CUDA context is ever opened. Function and structure layouts: NVIDIA's NVML API reference
// (docs.nvidia.com/deploy/nvml-api).
class NvmlProbe final : public DeviceProbe {
 public:
  // kNotFound where the machine has no such library (no driver), kUnavailable where the driver does not
  // answer.
  static Result<std::unique_ptr<NvmlProbe>> Create(const std::string& library = "libnvidia-ml.so.1");
  ~NvmlProbe() override;
  Result<std::vector<DeviceSnapshot>> Probe(std::span<const OwnProcess> own) override;

 private:
  struct Library;
  explicit NvmlProbe(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

}  // namespace altlas::device
