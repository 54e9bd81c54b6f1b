// SPDX-License-Identifier: Apache-2.0
#include "profile/kineto_emitter.h"

#include <algorithm>
#include <array>

#include "profile/nsys_names.h"

namespace altlas::profile {
namespace {

constexpr Ns kDurationLimit = 1'000'000'000'000'000'000;
constexpr std::size_t kOpenRanges = 100'000;

MemoryKind ParseMemoryWord(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, MemoryKind>, 7> kWords = {
      {{"Pageable", MemoryKind::kPageable},
       {"Pinned", MemoryKind::kPinned},
       {"Device", MemoryKind::kDevice},
       {"Array", MemoryKind::kArray},
       {"Managed", MemoryKind::kManaged},
       {"Device Static", MemoryKind::kDeviceStatic},
       {"Managed Static", MemoryKind::kManagedStatic}}};
  for (const auto& [text, kind] : kWords) {
    if (text == word) return kind;
  }
  return MemoryKind::kUnknown;
}

SyncKind ParseSyncKind(std::string_view text) {
  if (text.starts_with("Event")) return SyncKind::kEvent;
  if (text.starts_with("Stream Wait")) return SyncKind::kStreamWait;
  if (text.starts_with("Stream")) return SyncKind::kStream;
  if (text.starts_with("Context") || text.starts_with("Device")) return SyncKind::kContext;
  return SyncKind::kUnknown;
}

std::uint32_t Id32(const std::optional<std::uint64_t>& value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value.value_or(0), UINT32_MAX));
}

// A device that no card has is left as "none".
std::int32_t DeviceOf(const KinetoEvent& event, std::int32_t absent) {
  const auto device = event.device.value_or(absent);
  return device >= 0 && device < 65536 ? static_cast<std::int32_t>(device) : kNoDevice;
}

bool IsKernelCategory(std::string_view c) { return c == "kernel"; }
bool IsCopyCategory(std::string_view c) { return c == "gpu_memcpy" || c == "memcpy"; }
bool IsMemsetCategory(std::string_view c) { return c == "gpu_memset" || c == "memset"; }
bool IsApiCategory(std::string_view c) {
  return c == "cuda_runtime" || c == "cuda_driver" || c == "runtime" || c == "xpu_runtime" ||
         c == "privateuse1_runtime" || c == "privateuse1_driver" || c == "mtia_runtime";
}
bool IsOperatorCategory(std::string_view c) { return c == "cpu_op" || c == "operator"; }

}  // namespace

CopyText ParseCopyText(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, CopyKind>, 9> kKinds = {
      {{"HtoD", CopyKind::kHostToDevice},
       {"DtoH", CopyKind::kDeviceToHost},
       {"DtoD", CopyKind::kDeviceToDevice},
       {"HtoA", CopyKind::kHostToArray},
       {"AtoH", CopyKind::kArrayToHost},
       {"AtoA", CopyKind::kArrayToArray},
       {"AtoD", CopyKind::kArrayToDevice},
       {"DtoA", CopyKind::kDeviceToArray},
       {"HtoH", CopyKind::kHostToHost}}};
  CopyText text;
  for (const auto& [word, kind] : kKinds) {
    if (name.find(word) != std::string_view::npos) text.kind = kind;
  }
  if (name.find("PtoP") != std::string_view::npos) text.kind = CopyKind::kPeerToPeer;
  const auto open = name.find('(');
  const auto arrow = name.find(" -> ", open == std::string_view::npos ? 0 : open);
  const auto close = name.rfind(')');
  if (open == std::string_view::npos || arrow == std::string_view::npos || close == std::string_view::npos ||
      close < arrow + 4) {
    return text;
  }
  text.source = ParseMemoryWord(name.substr(open + 1, arrow - open - 1));
  text.target = ParseMemoryWord(name.substr(arrow + 4, close - arrow - 4));
  return text;
}

std::optional<KinetoEmitter::Times> KinetoEmitter::TimesOf(const KinetoEvent& event) {
  if (event.faulty || !event.ts) return std::nullopt;
  const auto duration = event.phase == 'X' ? event.duration : std::optional<Ns>(0);
  if (!duration || *duration < 0 || *duration > kDurationLimit) return std::nullopt;
  if (!origin_) origin_ = *event.ts;
  // Both lie within 4e18 of zero, so neither difference nor sum overflows.
  const Ns start = *event.ts - *origin_;
  return Times{start, start + *duration};
}

void KinetoEmitter::Emit(const KinetoEvent& event) {
  switch (event.phase) {
    case 'X':
      return EmitComplete(event);
    case 'B':
      return Begin(event);
    case 'E':
      return End(event);
    case 'i':
    case 'I':
    case 'R':
      return EmitInstant(event);
    case 'C':
      return EmitCounter(event);
    case 'M':
    case 's':
    case 't':
    case 'f':
      return;
    case 0:
      return Bad();
    default:
      ++passed_over_;
  }
}

void KinetoEmitter::EmitComplete(const KinetoEvent& event) {
  const auto times = TimesOf(event);
  if (!times) return Bad();
  if (event.category == "trace") {
    span_ = std::max(span_.value_or(0), times->end - times->start);
    return;
  }
  if (!EmitDevice(event, *times) && !EmitHost(event, *times)) EmitRange(event, *times);
}

bool KinetoEmitter::EmitDevice(const KinetoEvent& event, Times times) {
  const auto device = DeviceOf(event, 0);
  const auto correlation = event.correlation.value_or(kNoCorrelation);
  if (IsKernelCategory(event.category)) {
    KernelEvent kernel{.start = times.start, .end = times.end, .name = event.name, .device = device};
    kernel.context = Id32(event.context);
    kernel.stream = Id32(event.stream);
    kernel.correlation = correlation;
    kernel.grid = event.grid;
    kernel.block = event.block;
    kernel.registers = Id32(event.registers);
    // Kineto writes the sum of static and dynamic shared memory.
    kernel.static_shared_bytes = event.shared_bytes.value_or(0);
    present_.kernels = true;
    sink_.OnKernel(kernel);
    return true;
  }
  if (IsCopyCategory(event.category)) {
    const auto text = ParseCopyText(event.name);
    CopyEvent copy{.start = times.start, .end = times.end, .kind = text.kind, .source = text.source};
    copy.target = text.target;
    copy.bytes = event.bytes.value_or(0);
    copy.device = device;
    copy.stream = Id32(event.stream);
    copy.correlation = correlation;
    present_.copies = true;
    sink_.OnCopy(copy);
    return true;
  }
  if (!IsMemsetCategory(event.category)) return false;
  MemsetEvent memset{.start = times.start, .end = times.end, .bytes = event.bytes.value_or(0)};
  memset.device = device;
  memset.stream = Id32(event.stream);
  memset.correlation = correlation;
  present_.memsets = true;
  sink_.OnMemset(memset);
  return true;
}

bool KinetoEmitter::EmitHost(const KinetoEvent& event, Times times) {
  if (IsApiCategory(event.category)) {
    ApiEvent api{.start = times.start, .end = times.end, .name = WithoutVersion(event.name)};
    api.thread = event.thread_id();
    api.correlation = event.correlation.value_or(kNoCorrelation);
    present_.api = true;
    sink_.OnApi(api);
    return true;
  }
  if (IsOperatorCategory(event.category)) {
    OperatorEvent op;
    op.start = times.start;
    op.end = times.end;
    op.name = event.name;
    op.thread = event.thread_id();
    op.external_id = event.external_id.value_or(0);
    op.shapes = event.shapes;
    present_.operators = true;
    sink_.OnOperator(op);
    return true;
  }
  if (event.category != "cuda_sync") return false;
  SyncEvent sync{.start = times.start, .end = times.end};
  sync.kind = ParseSyncKind(event.sync_kind.empty() ? event.name : event.sync_kind);
  sync.device = DeviceOf(event, kNoDevice);
  sync.stream = Id32(event.stream);
  sync.correlation = event.correlation.value_or(kNoCorrelation);
  present_.syncs = true;
  sink_.OnSync(sync);
  return true;
}

void KinetoEmitter::EmitRange(const KinetoEvent& event, Times times) {
  RangeEvent range{.start = times.start, .end = times.end, .name = event.name, .domain = event.category};
  range.thread = event.thread_id();
  if (event.category == "gpu_user_annotation") {
    range.thread = static_cast<std::uint64_t>(std::max(DeviceOf(event, 0), 0)) << 24 |
                   (event.stream.value_or(event.thread) & 0xFFFFFF);
  }
  range.is_mark = event.phase != 'X';
  present_.ranges = true;
  sink_.OnRange(range);
}

void KinetoEmitter::EmitInstant(const KinetoEvent& event) {
  const auto times = TimesOf(event);
  if (!times) return Bad();
  if (event.name == "[memory]" && event.signed_bytes) return EmitAllocation(event, times->start);
  EmitRange(event, *times);
}

void KinetoEmitter::EmitAllocation(const KinetoEvent& event, Ns at) {
  constexpr std::uint64_t kCpuType = 0;
  AllocationEvent allocation{.at = at, .is_free = *event.signed_bytes < 0};
  allocation.bytes = static_cast<std::uint64_t>(std::abs(*event.signed_bytes));
  allocation.address = event.address.value_or(0);
  const bool on_host = event.device_type.value_or(kCpuType) == kCpuType;
  allocation.device = on_host ? kNoDevice : DeviceOf(event, 0);
  allocation.kind = on_host ? MemoryKind::kPageable : MemoryKind::kDevice;
  allocation.allocated_total = event.total_allocated.value_or(0);
  allocation.reserved_total = event.total_reserved.value_or(0);
  present_.allocations = true;
  sink_.OnAllocation(allocation);
}

void KinetoEmitter::EmitCounter(const KinetoEvent& event) {
  const auto times = TimesOf(event);
  if (!times || event.numbers.empty()) return Bad();
  present_.counters = true;
  for (const auto& [series, value] : event.numbers) {
    counter_name_ = event.name;
    if (event.numbers.size() > 1 || event.name.empty()) counter_name_ += "." + series;
    sink_.OnCounter({.at = times->start, .name = counter_name_, .value = value});
  }
}

void KinetoEmitter::Begin(const KinetoEvent& event) {
  const auto times = TimesOf(event);
  if (!times || open_count_ == kOpenRanges) return Bad();
  open_[event.thread_id()].push_back({event.name, event.category, times->start});
  ++open_count_;
}

void KinetoEmitter::End(const KinetoEvent& event) {
  const auto times = TimesOf(event);
  const auto thread = open_.find(event.thread_id());
  if (!times || thread == open_.end() || thread->second.empty()) return Bad();
  const auto begun = std::move(thread->second.back());
  thread->second.pop_back();
  --open_count_;
  if (thread->second.empty()) open_.erase(thread);
  if (times->start < begun.start) return Bad();
  present_.ranges = true;
  sink_.OnRange({.start = begun.start,
                 .end = times->start,
                 .name = begun.name,
                 .domain = begun.domain,
                 .thread = event.thread_id()});
}

void KinetoEmitter::Finish(CaptureInfo& info) {
  // One tool wrote them together: where there is one kind of device record, the others were not there.
  const bool device = present_.kernels || present_.copies || present_.memsets || present_.api;
  present_.kernels = present_.copies = present_.memsets = present_.api = device;
  present_.ranges = present_.ranges || present_.operators;
  info.present = present_;
  info.bad_records = bad_ + open_count_;
  info.duration = span_;
  const auto note = [&](std::string text) {
    info.notes.push_back({CaptureNote::Severity::kWarning, std::move(text)});
  };
  if (open_count_ != 0)
    note(fmt::format("{} ranges began and did not end before the trace did; they are left out", open_count_));
  if (passed_over_ != 0)
    note(fmt::format(
        "{} events of kinds that are not read here (asynchronous, samples, objects) were passed over",
        passed_over_));
}

}  // namespace altlas::profile
