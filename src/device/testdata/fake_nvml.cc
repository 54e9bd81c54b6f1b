// SPDX-License-Identifier: Apache-2.0
// A stand-in for libnvidia-ml.so.1 with two devices; the second one has fallen off the bus. With
// ALTLAS_FAKE_NVML_FAILS set, nvmlInit_v2 fails as it does where the driver is not loaded.
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
int nvmlInit_v2() { return std::getenv("ALTLAS_FAKE_NVML_FAILS") != nullptr ? 9 : 0; }
int nvmlShutdown() { return 0; }
const char* nvmlErrorString(int code) {
  return code == 9 ? "Driver Not Loaded" : code == 15 ? "GPU is lost" : "Unknown Error";
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index == 1) return 15;
  *device = reinterpret_cast<void*>(0x10);
  return 0;
}
int nvmlDeviceGetName(void*, char* text, unsigned size) {
  std::snprintf(text, size, "NVIDIA RTX A4000");
  return 0;
}
int nvmlDeviceGetUUID(void*, char* text, unsigned size) {
  std::snprintf(text, size, "GPU-11111111-2222-3333-4444-555555555555");
  return 0;
}
struct Pci {
  char legacy[16];
  unsigned values[5];
  char bus_id[32];
};
int nvmlDeviceGetPciInfo_v3(void*, Pci* pci) {
  std::memset(pci, 0, sizeof *pci);
  std::snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:65:00.0");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void*, unsigned long long* memory) {
  memory[0] = 16ULL << 30;
  memory[1] = 10ULL << 30;
  memory[2] = 6ULL << 30;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void*, unsigned* rates) {
  rates[0] = 42;
  rates[1] = 7;
  return 0;
}
int nvmlDeviceGetTemperature(void*, unsigned, unsigned* value) {
  *value = 61;
  return 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* value) {
  *value = 87500;
  return 0;
}
int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned*) { return 3; }  // not supported
int nvmlDeviceGetClockInfo(void*, unsigned kind, unsigned* value) {
  *value = kind == 1 ? 1560 : 7001;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* bits) {
  *bits = 0x1 | 0x20;  // idle, software thermal slowdown
  return 0;
}
int nvmlDeviceGetCudaComputeCapability(void*, int* major, int* minor) {
  *major = 8;
  *minor = 6;
  return 0;
}
struct Process {
  unsigned pid;
  unsigned long long memory;
  unsigned instances[2];
};
int nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* count, Process* list) {
  if (*count < 2) {
    *count = 2;
    return 7;
  }
  list[0] = {1234, 2ULL << 30, {0, 0}};
  list[1] = {5678, 3ULL << 30, {0, 0}};
  *count = 2;
  return 0;
}
}
