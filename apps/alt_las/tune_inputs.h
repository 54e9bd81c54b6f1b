// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "commands.h"
#include "config/load.h"
#include "device/snapshot.h"

// What the tune commands start from: the model's folder, the samples, the memory of the device.
namespace altlas::app {

inline constexpr double kGiB = 1 << 30;

// A folder as it is given, or the name of a model of the configuration; the shipped model where `model` is
// empty. kNotFound with the names that there are.
Result<std::filesystem::path> ModelFolder(const config::LoadedConfig& loaded, const std::string& model);

// Samples of a text file, one a line (empty lines are none).
struct DataFacts {
  std::uint64_t samples = 0;
  std::uint64_t read = 0;  // of them turned into tokens here, at most 2,000
  std::int64_t median_tokens = 0;
  std::int64_t long_tokens = 0;  // 95 of 100 samples are no longer
  double seconds_a_sample = 0;   // to read and tokenise one, on one core
};
// Blocks for the reading. kTooLarge past 1 GiB; kInvalidArgument where it holds no sample.
Result<DataFacts> ReadData(const std::filesystem::path& file, const std::filesystem::path& model);

struct DeviceRoom {
  std::string accelerator = "cpu";
  device::DeviceSnapshot device;
  double free_bytes = 0;
};
// The first device of this machine. Blocks some milliseconds.
Result<DeviceRoom> RoomHere(const config::LoadedConfig& loaded);

inline constexpr double kMarginGib = 0.5;  // kept free where nothing else is said
// What a step may take of `free_bytes`: the share, but a margin kept.
double StepLimit(double free_bytes, double share, double margin_gib);

}  // namespace altlas::app
