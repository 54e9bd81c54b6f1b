// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>

#include "device/probe.h"

namespace altlas::device {

// Devices as a JSON file describes them, read again at each call, so that a test or a demonstration heats a
// device or makes it vanish by writing the file. Format: docs/formats/devices.md.
class SimulatedProbe final : public DeviceProbe {
 public:
  static Result<std::unique_ptr<SimulatedProbe>> Create(std::filesystem::path file);
  Result<std::vector<DeviceSnapshot>> Probe(std::span<const OwnProcess> own) override;

 private:
  explicit SimulatedProbe(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
};

// Parses such a file's text. kInvalidArgument names the entry, the key and what is allowed.
Result<std::vector<DeviceSnapshot>> ParseSimulatedDevices(const std::string& json);

}  // namespace altlas::device
