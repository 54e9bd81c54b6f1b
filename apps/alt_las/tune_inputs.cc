// SPDX-License-Identifier: Apache-2.0
#include "tune_inputs.h"

#include <algorithm>
#include <fstream>

#include "base/clock.h"
#include "base/nearest.h"
#include "settings.h"
#include "text/tokenizer.h"

namespace altlas::app {
namespace {

constexpr std::uint64_t kMostBytes = 1ull << 30;
constexpr std::uint64_t kMostRead = 2'000;
constexpr std::size_t kLongestLine = 1 << 20;
// What CUDA itself takes of a GPU's memory in each process that uses it.
constexpr double kCudaContext = 0.6 * kGiB;

}  // namespace

Result<std::filesystem::path> ModelFolder(const config::LoadedConfig& loaded, const std::string& model) {
  if (model.empty()) return ShippedModelFolder();
  std::error_code error;
  if (std::filesystem::is_directory(model, error)) return std::filesystem::absolute(model, error);
  std::vector<std::string> names;
  for (const auto& one : ModelsOf(loaded)) {
    if (one.name == model) return one.path;
    names.push_back(one.name);
  }
  const auto near = Nearest(model, names);
  return Fail(
      ErrorCode::kNotFound, "{} is no folder, and no model of the configuration; {}", model,
      near.empty() ? fmt::format("those are: {}", fmt::join(names, ", ")) : "did you mean " + near + "?");
}

Result<DataFacts> ReadData(const std::filesystem::path& file, const std::filesystem::path& model) {
  std::error_code error;
  if (std::filesystem::exists(file, error) && !std::filesystem::is_regular_file(file, error))
    return Fail(ErrorCode::kInvalidArgument,
                "--data {} is no regular file; a text file is needed, one sample a line", file.string());
  if (!std::filesystem::is_regular_file(file, error))
    return Fail(ErrorCode::kNotFound, "there is no file {}: --data is a text file, one sample a line",
                file.string());
  const auto bytes = std::filesystem::file_size(file, error);
  if (error || bytes > kMostBytes)
    return Fail(ErrorCode::kTooLarge, "{} has {} bytes, allowed are {}: give a part of it", file.string(),
                bytes, kMostBytes);
  ALTLAS_TRY(const auto tokenizer, text::Tokenizer::Load(model));
  DataFacts facts;
  std::vector<std::int64_t> lengths;
  std::ifstream stream(file, std::ios::binary);
  const SystemClock clock;
  const auto begin = clock.Now();
  auto end = begin;
  for (std::string line; std::getline(stream, line);) {
    if (line.empty()) continue;
    ++facts.samples;
    if (lengths.size() >= kMostRead) continue;
    if (line.size() > kLongestLine) line.resize(kLongestLine);
    const auto tokens = tokenizer->Encode(line, true);
    if (!tokens.has_value())
      return std::move(tokens).error().Context(fmt::format("sample {}", facts.samples));
    lengths.push_back(static_cast<std::int64_t>(tokens->ids.size()));
    end = clock.Now();
  }
  if (lengths.empty())
    return Fail(ErrorCode::kInvalidArgument, "{} holds no sample: every line is empty", file.string());
  std::sort(lengths.begin(), lengths.end());
  facts.read = lengths.size();
  facts.median_tokens = lengths[lengths.size() / 2];
  facts.long_tokens = lengths[(lengths.size() * 95 + 99) / 100 - 1];
  facts.seconds_a_sample = Seconds(end - begin) / static_cast<double>(lengths.size());
  return facts;
}

Result<DeviceRoom> RoomHere(const config::LoadedConfig& loaded) {
  ALTLAS_TRY(auto probe, MakeProbe(loaded));
  ALTLAS_TRY(const auto devices, probe->Probe({}));
  if (devices.empty()) return Fail(ErrorCode::kNotFound, "this machine has no device");
  DeviceRoom room;
  room.device = devices.front();
  const bool gpu = room.device.kind == device::DeviceKind::kGpu &&
                   loaded.config.devices.source != config::DeviceSource::kSimulated;
  room.accelerator = gpu ? "cuda" : "cpu";
  room.free_bytes = static_cast<double>(room.device.memory_free()) - (gpu ? kCudaContext : 0);
  return room;
}

double StepLimit(double free_bytes, double share, double margin_gib) {
  return std::min(share * free_bytes, free_bytes - margin_gib * kGiB);
}

}  // namespace altlas::app
