// SPDX-License-Identifier: Apache-2.0
#include "device/simulated_probe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace altlas::device {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kScenarioFileLimit = 4 << 20;
constexpr std::size_t kMostDevices = 16384;

// One entry of the file; remembers the keys it was asked for, so that the rest can be refused.
class Entry {
 public:
  Entry(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  std::string Text(const char* key, std::string fallback) {
    const Json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) Complain(key, "a string");
    return value->is_string() ? value->get<std::string>() : fallback;
  }
  std::optional<double> Number(const char* key, double low, double high) {
    const Json* value = Find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_number() || !(value->get<double>() >= low) || !(value->get<double>() <= high)) {
      Complain(key, fmt::format("a number from {} to {}", low, high));
      return std::nullopt;
    }
    return value->get<double>();
  }
  std::uint64_t Size(const char* key, std::uint64_t fallback) {
    const auto value = Number(key, 0, 1e18);
    return value ? static_cast<std::uint64_t>(*value) : fallback;
  }
  void RefuseUnknownKeys() {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) Complain(key.c_str(), "no such key");
    }
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json* Find(const char* key) {
    known_.emplace_back(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  void Complain(const char* key, std::string_view wanted) {
    if (!error_) error_ = FailField(path_ + "." + key, "{}.{}: {} is needed here", path_, key, wanted);
  }
  const Json& object_;
  std::string path_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

Result<DeviceSnapshot> ParseDevice(const Json& object, std::size_t index) {
  const auto path = fmt::format("devices[{}]", index);
  if (!object.is_object()) return FailField(path, "{}: an object is needed here", path);
  Entry entry(object, path);
  DeviceSnapshot s;
  s.id = entry.Text("id", fmt::format("gpu_{}", index));
  const auto kind = entry.Text("kind", "gpu");
  if (kind != "gpu" && kind != "cpu")
    return FailField(path + ".kind", "{}.kind: \"{}\" is unknown; use gpu or cpu", path, kind);
  s.kind = kind == "gpu" ? DeviceKind::kGpu : DeviceKind::kCpu;
  s.name = entry.Text("name", "Simulated device");
  s.uuid = entry.Text("uuid", fmt::format("SIM-{}", index));
  s.pci = entry.Text("pci", "");
  s.fault = entry.Text("fault", "");
  s.memory_total = entry.Size("memory_total", 8ULL << 30);
  s.memory_used = entry.Size("memory_used", 0);
  s.memory_used_by_others = entry.Size("memory_used_by_others", s.memory_used);
  s.utilization = entry.Number("utilization", 0, 100).value_or(0);
  s.utilization_by_others = entry.Number("utilization_by_others", 0, 100).value_or(s.utilization);
  s.temperature = entry.Number("temperature", -273, 1000);
  s.power = entry.Number("power", 0, 1e6);
  s.power_limit = entry.Number("power_limit", 0, 1e6);
  s.clock_sm = entry.Number("clock_sm", 0, 1e6);
  s.clock_memory = entry.Number("clock_memory", 0, 1e6);
  s.compute_capability = entry.Number("compute_capability", 0, 100);
  s.threads = static_cast<int>(entry.Number("threads", 0, 4096).value_or(0));
  s.cpu_quota = entry.Number("cpu_quota", 0.001, 1).value_or(1);
  if (const auto corrected = entry.Number("ecc_corrected", 0, 1e18))
    s.ecc_corrected = static_cast<std::uint64_t>(*corrected);
  if (const auto uncorrected = entry.Number("ecc_uncorrected", 0, 1e18))
    s.ecc_uncorrected = static_cast<std::uint64_t>(*uncorrected);
  entry.RefuseUnknownKeys();
  if (entry.error()) return *entry.error();
  if (s.memory_used > s.memory_total)
    return FailField(path + ".memory_used", "{}: memory_used {} is above memory_total {}", path,
                     s.memory_used, s.memory_total);
  return s;
}

}  // namespace

Result<std::vector<DeviceSnapshot>> ParseSimulatedDevices(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Fail(ErrorCode::kInvalidArgument, "the device file is not valid JSON");
  if (!json.is_object() || !json.contains("devices") || !json["devices"].is_array() || json.size() != 1)
    return Fail(ErrorCode::kInvalidArgument, "the device file needs one key \"devices\" with a list");
  if (json["devices"].size() > kMostDevices)
    return Fail(ErrorCode::kTooLarge, "{} devices; the limit is {}", json["devices"].size(), kMostDevices);
  std::vector<DeviceSnapshot> snapshots;
  for (std::size_t i = 0; i < json["devices"].size(); ++i) {
    ALTLAS_TRY(auto snapshot, ParseDevice(json["devices"][i], i));
    for (const auto& other : snapshots) {
      if (other.id == snapshot.id)
        return FailField(fmt::format("devices[{}].id", i), "the id \"{}\" stands twice", snapshot.id);
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

Result<std::unique_ptr<SimulatedProbe>> SimulatedProbe::Create(std::filesystem::path file) {
  std::unique_ptr<SimulatedProbe> probe(new SimulatedProbe(std::move(file)));
  ALTLAS_TRY_VOID(probe->Probe({}));
  return probe;
}

Result<std::vector<DeviceSnapshot>> SimulatedProbe::Probe(std::span<const OwnProcess>) {
  ALTLAS_TRY(const auto text, ReadFile(file_, kScenarioFileLimit));
  return ParseSimulatedDevices(text).Context(file_.string());
}

}  // namespace altlas::device
