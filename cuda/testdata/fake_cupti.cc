// SPDX-License-Identifier: Apache-2.0
// A stand-in for libcupti with one record of each kind. ALTLAS_FAKE_CUPTI says how it behaves: "old" has
// another version, "busy" refuses kernels, "refuses" everything.
#include <cupti.h>

#include <cstdlib>
#include <cstring>
#include <string>

#define FAKE extern "C" __attribute__((visibility("default")))

namespace {

CUpti_BuffersCallbackRequestFunc request = nullptr;
CUpti_BuffersCallbackCompleteFunc complete = nullptr;
unsigned enabled_kinds = 0;
bool told_dropped = false;

std::string Mode() {
  const char* mode = std::getenv("ALTLAS_FAKE_CUPTI");
  return mode != nullptr ? mode : "";
}

template <typename Record>
void Put(std::uint8_t* buffer, std::size_t& at, const Record& record) {
  std::memcpy(buffer + at, &record, sizeof(record));
  at += (sizeof(record) + 7) / 8 * 8;
}

std::size_t SizeOf(CUpti_ActivityKind kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
      return sizeof(CUpti_ActivityKernel10);
    case CUPTI_ACTIVITY_KIND_MEMCPY:
      return sizeof(CUpti_ActivityMemcpy6);
    case CUPTI_ACTIVITY_KIND_MEMSET:
      return sizeof(CUpti_ActivityMemset4);
    case CUPTI_ACTIVITY_KIND_RUNTIME:
      return sizeof(CUpti_ActivityAPI);
    case CUPTI_ACTIVITY_KIND_SYNCHRONIZATION:
      return sizeof(CUpti_ActivitySynchronization2);
    default:
      return 0;
  }
}

std::size_t Fill(std::uint8_t* buffer) {
  std::size_t at = 0;
  CUpti_ActivityKernel10 kernel{};
  kernel.kind = CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
  kernel.start = 1'000'000'100;
  kernel.end = 1'000'000'300;
  kernel.name = "_Z4gemmIfEvPT_i";
  kernel.deviceId = 1;
  kernel.contextId = 2;
  kernel.streamId = 7;
  kernel.correlationId = 5;
  kernel.gridX = kernel.gridY = kernel.gridZ = 3;
  kernel.blockX = kernel.blockY = kernel.blockZ = 4;
  kernel.registersPerThread = 32;
  kernel.staticSharedMemory = 64;
  kernel.dynamicSharedMemory = 128;
  Put(buffer, at, kernel);
  CUpti_ActivityMemcpy6 copy{};
  copy.kind = CUPTI_ACTIVITY_KIND_MEMCPY;
  copy.start = 1'000'000'400;
  copy.end = 1'000'000'500;
  copy.copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_HTOD;
  copy.srcKind = CUPTI_ACTIVITY_MEMORY_KIND_PAGEABLE;
  copy.dstKind = CUPTI_ACTIVITY_MEMORY_KIND_DEVICE;
  copy.bytes = 4096;
  copy.correlationId = 6;
  Put(buffer, at, copy);
  CUpti_ActivityMemset4 memset{};
  memset.kind = CUPTI_ACTIVITY_KIND_MEMSET;
  memset.start = 1'000'000'600;
  memset.end = 1'000'000'700;
  memset.bytes = 256;
  Put(buffer, at, memset);
  CUpti_ActivityAPI api{};
  api.kind = CUPTI_ACTIVITY_KIND_RUNTIME;
  api.start = 1'000'000'000;
  api.end = 1'000'000'050;
  api.cbid = 211;
  api.processId = 10;
  api.threadId = 11;
  api.correlationId = 5;
  Put(buffer, at, api);
  CUpti_ActivitySynchronization2 sync{};
  sync.kind = CUPTI_ACTIVITY_KIND_SYNCHRONIZATION;
  sync.type = CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_SYNCHRONIZE;
  sync.start = 1'000'000'700;
  sync.end = 1'000'000'900;
  sync.streamId = 7;
  Put(buffer, at, sync);
  CUpti_ActivityKernel10 untimed = kernel;
  untimed.start = untimed.end = 0;
  Put(buffer, at, untimed);
  return at;
}

}  // namespace

FAKE CUptiResult cuptiGetVersion(std::uint32_t* version) {
  *version = Mode() == "old" ? 28 : CUPTI_API_VERSION;
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiGetTimestamp(std::uint64_t* now) {
  *now = 1'000'000'000;
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiGetResultString(CUptiResult, const char** text) {
  *text = "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED";
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiGetCallbackName(CUpti_CallbackDomain, std::uint32_t id, const char** name) {
  *name = id == 211 ? "cudaLaunchKernel_v7000" : "other";
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc first,
                                                CUpti_BuffersCallbackCompleteFunc second) {
  request = first;
  complete = second;
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind) {
  // The kind that serialises kernels is never to be asked for.
  if (kind == CUPTI_ACTIVITY_KIND_KERNEL) std::abort();
  if (Mode() == "refuses") return CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
  if (Mode() == "busy" && kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)
    return CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
  ++enabled_kinds;
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiActivityGetNextRecord(std::uint8_t* buffer, std::size_t valid,
                                            CUpti_Activity** record) {
  auto* next = buffer;
  if (*record != nullptr) {
    next = reinterpret_cast<std::uint8_t*>(*record);
    next += (SizeOf((*record)->kind) + 7) / 8 * 8;
  }
  if (next >= buffer + valid) return CUPTI_ERROR_MAX_LIMIT_REACHED;
  *record = reinterpret_cast<CUpti_Activity*>(next);
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiActivityGetNumDroppedRecords(CUcontext, std::uint32_t, std::size_t* dropped) {
  *dropped = told_dropped ? 0 : 3;
  told_dropped = true;
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiActivityFlushAll(std::uint32_t) {
  static bool flushed = false;
  if (flushed || request == nullptr) return CUPTI_SUCCESS;
  flushed = true;
  std::uint8_t* buffer = nullptr;
  std::size_t size = 0, most = 1;
  request(&buffer, &size, &most);
  if (buffer == nullptr || reinterpret_cast<std::uintptr_t>(buffer) % 8 != 0 || most != 0) std::abort();
  complete(nullptr, 0, buffer, size, Fill(buffer));
  return CUPTI_SUCCESS;
}
FAKE CUptiResult cuptiActivityFlushPeriod(std::uint32_t) { return CUPTI_SUCCESS; }
