// SPDX-License-Identifier: Apache-2.0
#include "device/nvml_probe.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace altlas::device {
namespace {

using Handle = void*;
using Code = int;
constexpr Code kSuccess = 0;
constexpr Code kInsufficientSize = 7;

struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned gpu, memory;
};
struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
struct ProcessInfo {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance, compute_instance;
};

constexpr unsigned kTemperatureGpu = 0;
constexpr unsigned kClockSm = 1, kClockMemory = 2;
constexpr unsigned kEccCorrected = 0, kEccUncorrected = 1, kEccVolatile = 0;
constexpr unsigned long long kMemoryUnknown = ~0ULL;

// Bits of nvmlClocksThrottleReasons; "GPU idle" and "application clocks" are no complaint and left out.
constexpr std::array<std::pair<unsigned long long, const char*>, 6> kThrottleBits = {{
    {0x4, "software power cap"},
    {0x8, "hardware slowdown"},
    {0x10, "sync boost"},
    {0x20, "software thermal slowdown"},
    {0x40, "hardware thermal slowdown"},
    {0x80, "hardware power brake"},
}};

}  // namespace

struct NvmlProbe::Library {
  void* handle = nullptr;
  bool started = false;
  Code (*init)() = nullptr;
  Code (*shutdown)() = nullptr;
  const char* (*error_string)(Code) = nullptr;
  Code (*count)(unsigned*) = nullptr;
  Code (*by_index)(unsigned, Handle*) = nullptr;
  Code (*name)(Handle, char*, unsigned) = nullptr;
  Code (*uuid)(Handle, char*, unsigned) = nullptr;
  Code (*pci)(Handle, PciInfo*) = nullptr;
  Code (*memory)(Handle, Memory*) = nullptr;
  Code (*utilization)(Handle, Utilization*) = nullptr;
  Code (*temperature)(Handle, unsigned, unsigned*) = nullptr;
  Code (*power)(Handle, unsigned*) = nullptr;
  Code (*power_limit)(Handle, unsigned*) = nullptr;
  Code (*clock)(Handle, unsigned, unsigned*) = nullptr;
  Code (*throttle)(Handle, unsigned long long*) = nullptr;
  Code (*ecc)(Handle, unsigned, unsigned, unsigned long long*) = nullptr;
  Code (*capability)(Handle, int*, int*) = nullptr;
  Code (*processes)(Handle, unsigned*, ProcessInfo*) = nullptr;

  ~Library() {
    if (started && shutdown != nullptr) shutdown();
    if (handle != nullptr) dlclose(handle);
  }
  template <typename F>
  void Find(F& function, const char* symbol) {
    function = reinterpret_cast<F>(dlsym(handle, symbol));
  }
  std::string Why(Code code) const {
    return error_string != nullptr ? error_string(code) : fmt::format("NVML error {}", code);
  }

  void FindAll() {
    Find(init, "nvmlInit_v2");
    Find(shutdown, "nvmlShutdown");
    Find(error_string, "nvmlErrorString");
    Find(count, "nvmlDeviceGetCount_v2");
    Find(by_index, "nvmlDeviceGetHandleByIndex_v2");
    Find(name, "nvmlDeviceGetName");
    Find(uuid, "nvmlDeviceGetUUID");
    Find(pci, "nvmlDeviceGetPciInfo_v3");
    Find(memory, "nvmlDeviceGetMemoryInfo");
    Find(utilization, "nvmlDeviceGetUtilizationRates");
    Find(temperature, "nvmlDeviceGetTemperature");
    Find(power, "nvmlDeviceGetPowerUsage");
    Find(power_limit, "nvmlDeviceGetEnforcedPowerLimit");
    Find(clock, "nvmlDeviceGetClockInfo");
    Find(throttle, "nvmlDeviceGetCurrentClocksThrottleReasons");
    Find(ecc, "nvmlDeviceGetTotalEccErrors");
    Find(capability, "nvmlDeviceGetCudaComputeCapability");
    Find(processes, "nvmlDeviceGetComputeRunningProcesses_v3");
  }

  void ReadMemory(Handle device, DeviceSnapshot& s, std::span<const OwnProcess> own) const;
  void ReadSensors(Handle device, DeviceSnapshot& s) const;
  DeviceSnapshot Read(unsigned index, std::span<const OwnProcess> own) const;
};

void NvmlProbe::Library::ReadMemory(Handle device, DeviceSnapshot& s, std::span<const OwnProcess> own) const {
  Memory m{};
  if (const Code code = memory(device, &m); code != kSuccess) {
    s.fault = fmt::format("the driver does not tell the memory of {}: {}", s.id, Why(code));
    return;
  }
  s.memory_total = m.total;
  s.memory_used = m.used;
  s.memory_used_by_others = m.used;
  if (processes == nullptr) return;
  std::vector<ProcessInfo> list(64);
  auto size = static_cast<unsigned>(list.size());
  Code code = processes(device, &size, list.data());
  if (code == kInsufficientSize && size < 65536) {
    list.resize(size + 16);
    size = static_cast<unsigned>(list.size());
    code = processes(device, &size, list.data());
  }
  if (code != kSuccess) return;
  for (unsigned i = 0; i < size && i < list.size(); ++i) {
    for (const auto& process : own) {
      if (static_cast<unsigned>(process.pid) != list[i].pid) continue;
      if (list[i].used_memory == kMemoryUnknown) {
        s.estimated = true;  // no share can be told: count nothing as ours
      } else {
        s.memory_used_by_others -= std::min<std::uint64_t>(s.memory_used_by_others, list[i].used_memory);
      }
    }
  }
}

void NvmlProbe::Library::ReadSensors(Handle device, DeviceSnapshot& s) const {
  unsigned value = 0;
  if (temperature != nullptr && temperature(device, kTemperatureGpu, &value) == kSuccess)
    s.temperature = value;
  if (power != nullptr && power(device, &value) == kSuccess) s.power = value / 1000.0;
  if (power_limit != nullptr && power_limit(device, &value) == kSuccess) s.power_limit = value / 1000.0;
  if (clock != nullptr && clock(device, kClockSm, &value) == kSuccess) s.clock_sm = value;
  if (clock != nullptr && clock(device, kClockMemory, &value) == kSuccess) s.clock_memory = value;
  unsigned long long wide = 0;
  if (throttle != nullptr && throttle(device, &wide) == kSuccess) {
    for (const auto& [bit, reason] : kThrottleBits) {
      if ((wide & bit) != 0) s.throttle_reasons.emplace_back(reason);
    }
  }
  if (ecc != nullptr && ecc(device, kEccCorrected, kEccVolatile, &wide) == kSuccess) s.ecc_corrected = wide;
  if (ecc != nullptr && ecc(device, kEccUncorrected, kEccVolatile, &wide) == kSuccess)
    s.ecc_uncorrected = wide;
  int major = 0, minor = 0;
  if (capability != nullptr && capability(device, &major, &minor) == kSuccess)
    s.compute_capability = major + minor / 10.0;
}

DeviceSnapshot NvmlProbe::Library::Read(unsigned index, std::span<const OwnProcess> own) const {
  DeviceSnapshot s;
  s.id = fmt::format("gpu_{}", index);
  s.name = "unknown";
  Handle device = nullptr;
  if (const Code code = by_index(index, &device); code != kSuccess) {
    s.fault = fmt::format("the driver gives no access to {}: {}", s.id, Why(code));
    return s;
  }
  char text[128] = {};
  if (name != nullptr && name(device, text, sizeof text) == kSuccess) s.name = text;
  if (uuid != nullptr && uuid(device, text, sizeof text) == kSuccess) s.uuid = text;
  PciInfo info{};
  if (pci != nullptr && pci(device, &info) == kSuccess)
    s.pci = std::string(info.bus_id, strnlen(info.bus_id, sizeof info.bus_id));
  ReadMemory(device, s, own);
  ReadSensors(device, s);
  Utilization u{};
  if (utilization != nullptr && utilization(device, &u) == kSuccess) {
    s.utilization = u.gpu;
    // NVML's rate does not say whose kernels ran: with a worker of ours on the device it counts as ours.
    const bool ours = std::any_of(own.begin(), own.end(), [&](const auto& p) { return p.device_id == s.id; });
    s.utilization_by_others = ours ? 0 : s.utilization;
    s.estimated = s.estimated || ours;
  }
  return s;
}

NvmlProbe::NvmlProbe(std::unique_ptr<Library> library) : library_(std::move(library)) {}
NvmlProbe::~NvmlProbe() = default;

Result<std::unique_ptr<NvmlProbe>> NvmlProbe::Create(const std::string& path) {
  auto library = std::make_unique<Library>();
  library->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle == nullptr)
    return Fail(ErrorCode::kNotFound, "no NVIDIA driver library {} here ({})", path, dlerror());
  library->FindAll();
  if (library->init == nullptr || library->count == nullptr || library->by_index == nullptr ||
      library->memory == nullptr)
    return Fail(ErrorCode::kUnavailable, "{} is not a usable NVML: it lacks nvmlInit_v2 or the device calls",
                path);
  if (const Code code = library->init(); code != kSuccess)
    return Fail(ErrorCode::kUnavailable, "the NVIDIA driver does not answer: {}", library->Why(code));
  library->started = true;
  return std::unique_ptr<NvmlProbe>(new NvmlProbe(std::move(library)));
}

Result<std::vector<DeviceSnapshot>> NvmlProbe::Probe(std::span<const OwnProcess> own) {
  constexpr unsigned kMostDevices = 1024;
  unsigned count = 0;
  if (const Code code = library_->count(&count); code != kSuccess)
    return Fail(ErrorCode::kUnavailable, "the NVIDIA driver does not count its devices: {}",
                library_->Why(code));
  if (count > kMostDevices)
    return Fail(ErrorCode::kCorrupt, "the NVIDIA driver says {} devices; the limit is {}", count,
                kMostDevices);
  std::vector<DeviceSnapshot> snapshots;
  for (unsigned i = 0; i < count; ++i) snapshots.push_back(library_->Read(i, own));
  return snapshots;
}

}  // namespace altlas::device
