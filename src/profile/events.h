// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

// What a capture holds, one value a record, whoever wrote it. Times are nanoseconds from the capture's start
// (`Ns`), may be negative where a tool writes them so, and are kept as read: `end` below `start` is a fault
// that the reader reports and does not pass on. Names are borrowed: a sink that keeps one copies or interns
// it.
namespace altlas::profile {

using Ns = std::int64_t;

inline constexpr std::int32_t kNoDevice = -1;
inline constexpr std::uint64_t kNoCorrelation = 0;

// Where a copy's memory lies. The numbers are CUPTI's (CUpti_ActivityMemoryKind shifted as Nsight Systems
// exports it: 0 is pageable), so that captures without ENUM tables read alike.
enum class MemoryKind : std::uint8_t {
  kPageable,
  kPinned,
  kDevice,
  kArray,
  kManaged,
  kDeviceStatic,
  kManagedStatic,
  kUnknown
};
std::string_view MemoryKindName(MemoryKind kind);

// The numbers are Nsight Systems' ENUM_CUDA_MEMCPY_OPER.
enum class CopyKind : std::uint8_t {
  kUnknown,
  kHostToDevice,
  kDeviceToHost,
  kHostToArray,
  kArrayToHost,
  kArrayToArray,
  kArrayToDevice,
  kDeviceToArray,
  kDeviceToDevice,
  kHostToHost,
  kPeerToPeer,
  kUnifiedHostToDevice,
  kUnifiedDeviceToHost,
  kUnifiedDeviceToDevice
};
std::string_view CopyKindName(CopyKind kind);

// One kernel on a device; a whole CUDA graph where the tool traced graphs as one (`is_graph`).
struct KernelEvent {
  Ns start = 0;
  Ns end = 0;
  std::string_view name;  // demangled with its template arguments where the capture has that
  std::int32_t device = 0;
  std::uint32_t context = 0;
  std::uint32_t stream = 0;
  std::uint64_t correlation = kNoCorrelation;  // joins the API call that launched it
  std::uint32_t process = 0;
  std::array<std::uint32_t, 3> grid{};
  std::array<std::uint32_t, 3> block{};
  std::uint32_t registers = 0;
  std::uint64_t static_shared_bytes = 0;
  std::uint64_t dynamic_shared_bytes = 0;
  bool is_graph = false;
};

struct CopyEvent {
  Ns start = 0;
  Ns end = 0;
  CopyKind kind = CopyKind::kUnknown;
  MemoryKind source = MemoryKind::kUnknown;
  MemoryKind target = MemoryKind::kUnknown;
  std::uint64_t bytes = 0;
  std::int32_t device = 0;
  std::uint32_t stream = 0;
  std::uint64_t correlation = kNoCorrelation;
  std::uint32_t process = 0;
};

struct MemsetEvent {
  Ns start = 0;
  Ns end = 0;
  std::uint64_t bytes = 0;
  std::int32_t device = 0;
  std::uint32_t stream = 0;
  std::uint64_t correlation = kNoCorrelation;
  std::uint32_t process = 0;
};

// A call of the CUDA runtime or driver API, or of a library above it, on a host thread. The name comes
// without a version suffix ("cudaLaunchKernel", never "cudaLaunchKernel_v7000").
struct ApiEvent {
  Ns start = 0;
  Ns end = 0;
  std::string_view name;
  std::uint64_t thread = 0;  // process << 24 | thread, as Nsight Systems' globalTid & 0xFFFFFFFFFFFF
  std::uint64_t correlation = kNoCorrelation;
  std::int32_t result = 0;  // 0: success
};

enum class SyncKind : std::uint8_t { kUnknown, kEvent, kStreamWait, kStream, kContext };
std::string_view SyncKindName(SyncKind kind);

struct SyncEvent {
  Ns start = 0;
  Ns end = 0;
  SyncKind kind = SyncKind::kUnknown;
  std::int32_t device = kNoDevice;
  std::uint32_t stream = 0;
  std::uint64_t correlation = kNoCorrelation;
};

// Device (or, on a CPU, host) memory taken or given back. `reserved_total` where the allocator said so, else
// 0.
struct AllocationEvent {
  Ns at = 0;
  bool is_free = false;
  std::uint64_t bytes = 0;
  std::uint64_t address = 0;
  MemoryKind kind = MemoryKind::kUnknown;
  std::int32_t device = kNoDevice;
  std::uint64_t allocated_total = 0;  // after this event, where the capture tells; 0: it does not
  std::uint64_t reserved_total = 0;
};

// A named stretch of a thread's time: an NVTX range, a profiler annotation, a phase of serving or training. A
// mark has `end == start`.
struct RangeEvent {
  Ns start = 0;
  Ns end = 0;
  std::string_view name;
  std::string_view domain;
  std::uint64_t thread = 0;
  bool is_mark = false;
};

// An operator of a framework on the host ("aten::mm"): what a capture of a CPU has instead of kernels.
// Operators nest: `depth` 0 is the outermost on its thread, where the capture tells.
struct OperatorEvent {
  Ns start = 0;
  Ns end = 0;
  std::string_view name;
  std::uint64_t thread = 0;
  std::uint64_t external_id = 0;
  std::uint32_t depth = 0;
  std::string_view shapes;  // as the tool prints them; empty: not recorded
};

// A reading at a moment: process counters, GPU metrics. `name` carries its unit as a suffix ("rss_bytes").
struct CounterEvent {
  Ns at = 0;
  std::string_view name;
  double value = 0;
  std::int32_t device = kNoDevice;
};

}  // namespace altlas::profile
