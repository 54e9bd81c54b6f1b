// SPDX-License-Identifier: Apache-2.0
// The library that CUDA loads into a process where CUDA_INJECTION64_PATH names it: writes the GPU's activity,
// as CUPTI tells it, into gpu-<pid>.alc of the folder ALTLAS_PROFILE_OUTPUT. Kernels are asked for as
// CONCURRENT_KERNEL: the kind KERNEL would run them one after the other.
#include <cxxabi.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cuda/cupti_library.h"
#include "profile/collector_file.h"

namespace altlas::cuda {
namespace {

using profile::Ns;

constexpr std::size_t kBufferBytes = 4 << 20;
constexpr std::uint32_t kFlushMilliseconds = 500;  // what SIGKILL can cost

// CUPTI's kinds of memory are those of the capture, shifted: there 0 is unknown, 1 pageable.
profile::MemoryKind MemoryKindOf(unsigned kind) {
  return kind >= 1 && kind <= 7 ? static_cast<profile::MemoryKind>(kind - 1) : profile::MemoryKind::kUnknown;
}

profile::SyncKind SyncKindOf(CUpti_ActivitySynchronizationType type) {
  switch (type) {
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_EVENT_SYNCHRONIZE:
      return profile::SyncKind::kEvent;
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_WAIT_EVENT:
      return profile::SyncKind::kStreamWait;
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_SYNCHRONIZE:
      return profile::SyncKind::kStream;
    case CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_CONTEXT_SYNCHRONIZE:
      return profile::SyncKind::kContext;
    default:
      return profile::SyncKind::kUnknown;
  }
}

std::string_view WithoutVersion(std::string_view name) {
  const auto at = name.rfind("_v");
  if (at == std::string_view::npos || at + 2 == name.size() ||
      name.find_first_not_of("0123456789", at + 2) != std::string_view::npos)
    return name;
  return name.substr(0, at);
}

class GpuCollector {
 public:
  GpuCollector(const CuptiLibrary& cupti, std::unique_ptr<profile::CollectorWriter> writer, Ns until)
      : cupti_(cupti), writer_(std::move(writer)), until_(until) {
    std::uint64_t now = 0;
    cupti_.get_timestamp(&now);
    offset_ = static_cast<Ns>(now) - writer_->Now();
  }

  // One buffer of records, in the thread that CUPTI calls in.
  void Take(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t valid) {
    CUpti_Activity* record = nullptr;
    while (cupti_.get_next_record(buffer, valid, &record) == CUPTI_SUCCESS) Write(*record);
    std::size_t dropped = 0;
    if (cupti_.get_dropped(context, stream, &dropped) == CUPTI_SUCCESS && dropped > 0) {
      writer_->AddNote(profile::CaptureNote::Severity::kError,
                       fmt::format("CUPTI dropped {} records of GPU activity: sums are too small", dropped));
    }
  }

  // At the end of the process; that of a child of fork() has nothing to flush.
  void Finish() {
    if (::getpid() != process_) return;
    cupti_.flush_all(1);
    writer_->Close();
  }

 private:
  // Zero is how CUPTI says that it could not tell a time.
  bool Times(std::uint64_t start, std::uint64_t end, Ns& from, Ns& to) const {
    if (start == 0 || end == 0) return false;
    from = static_cast<Ns>(start) - offset_;
    to = static_cast<Ns>(end) - offset_;
    return from <= until_;
  }

  void Write(const CUpti_Activity& record) {
    switch (record.kind) {
      case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
        return WriteKernel(reinterpret_cast<const CUpti_ActivityKernel10&>(record));
      case CUPTI_ACTIVITY_KIND_MEMCPY:
        return WriteCopy(reinterpret_cast<const CUpti_ActivityMemcpy6&>(record));
      case CUPTI_ACTIVITY_KIND_MEMSET:
        return WriteMemset(reinterpret_cast<const CUpti_ActivityMemset4&>(record));
      case CUPTI_ACTIVITY_KIND_RUNTIME:
        return WriteApi(reinterpret_cast<const CUpti_ActivityAPI&>(record));
      case CUPTI_ACTIVITY_KIND_SYNCHRONIZATION:
        return WriteSync(reinterpret_cast<const CUpti_ActivitySynchronization2&>(record));
      default:
        return;
    }
  }

  void WriteKernel(const CUpti_ActivityKernel10& record) {
    profile::KernelEvent event;
    if (!Times(record.start, record.end, event.start, event.end)) return;
    const std::string name = Demangled(record.name);
    event.name = name;
    event.device = static_cast<std::int32_t>(record.deviceId);
    event.context = record.contextId;
    event.stream = record.streamId;
    event.correlation = record.correlationId;
    event.process = static_cast<std::uint32_t>(::getpid());
    const auto side = [](std::int32_t value) { return static_cast<std::uint32_t>(value); };
    event.grid = {side(record.gridX), side(record.gridY), side(record.gridZ)};
    event.block = {side(record.blockX), side(record.blockY), side(record.blockZ)};
    event.registers = record.registersPerThread;
    event.static_shared_bytes = side(record.staticSharedMemory);
    event.dynamic_shared_bytes = side(record.dynamicSharedMemory);
    writer_->Add(event);
  }

  void WriteCopy(const CUpti_ActivityMemcpy6& record) {
    profile::CopyEvent event;
    if (!Times(record.start, record.end, event.start, event.end)) return;
    if (record.copyKind <= 10) event.kind = static_cast<profile::CopyKind>(record.copyKind);
    event.source = MemoryKindOf(record.srcKind);
    event.target = MemoryKindOf(record.dstKind);
    event.bytes = record.bytes;
    event.device = static_cast<std::int32_t>(record.deviceId);
    event.stream = record.streamId;
    event.correlation = record.correlationId;
    event.process = static_cast<std::uint32_t>(::getpid());
    writer_->Add(event);
  }

  void WriteMemset(const CUpti_ActivityMemset4& record) {
    profile::MemsetEvent event;
    if (!Times(record.start, record.end, event.start, event.end)) return;
    event.bytes = record.bytes;
    event.device = static_cast<std::int32_t>(record.deviceId);
    event.stream = record.streamId;
    event.correlation = record.correlationId;
    event.process = static_cast<std::uint32_t>(::getpid());
    writer_->Add(event);
  }

  void WriteApi(const CUpti_ActivityAPI& record) {
    profile::ApiEvent event;
    if (!Times(record.start, record.end, event.start, event.end)) return;
    const char* name = nullptr;
    if (cupti_.get_callback_name(CUPTI_CB_DOMAIN_RUNTIME_API, record.cbid, &name) != CUPTI_SUCCESS ||
        name == nullptr)
      name = "(unknown call)";
    event.name = WithoutVersion(name);
    event.thread = std::uint64_t{record.processId & 0xFFFFFF} << 24 | (record.threadId & 0xFFFFFF);
    event.correlation = record.correlationId;
    event.result = static_cast<std::int32_t>(record.returnValue);
    writer_->Add(event);
  }

  void WriteSync(const CUpti_ActivitySynchronization2& record) {
    profile::SyncEvent event;
    if (!Times(record.start, record.end, event.start, event.end)) return;
    event.kind = SyncKindOf(record.type);
    event.stream = record.streamId;
    event.correlation = record.correlationId;
    writer_->Add(event);
  }

  std::string Demangled(const char* mangled) {
    if (mangled == nullptr) return "(unnamed kernel)";
    MutexLock lock(mutex_);
    const auto known = names_.find(mangled);
    if (known != names_.end()) return known->second;
    int status = 0;
    char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
    std::string name = status == 0 && text != nullptr ? text : mangled;
    std::free(text);
    return names_.emplace(mangled, std::move(name)).first->second;
  }

  const CuptiLibrary cupti_;
  const std::unique_ptr<profile::CollectorWriter> writer_;
  const Ns until_;
  const pid_t process_ = ::getpid();
  Ns offset_ = 0;
  Mutex mutex_;
  std::map<std::string, std::string, std::less<>> names_ ALTLAS_GUARDED_BY(mutex_);
};

// CUPTI's callbacks have no argument of ours. Never freed: CUDA may call until the very end.
GpuCollector* collector = nullptr;

void CUPTIAPI RequestBuffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, kBufferBytes));
  *size = *buffer != nullptr ? kBufferBytes : 0;
  *most = 0;
}

void CUPTIAPI CompleteBuffer(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t,
                             std::size_t valid) {
  if (buffer != nullptr && valid > 0 && collector != nullptr) collector->Take(context, stream, buffer, valid);
  std::free(buffer);
}

// What CUPTI agreed to record, and a sentence for each kind that it did not.
struct Enabled {
  profile::Presence present;
  std::vector<std::string> refusals;
};

Result<Enabled> EnableAll(const CuptiLibrary& cupti) {
  if (const auto result = cupti.register_callbacks(&RequestBuffer, &CompleteBuffer); result != CUPTI_SUCCESS)
    return Fail(ErrorCode::kUnavailable, "CUPTI takes no collector: {}", cupti.Why(result));
  struct Kind {
    CUpti_ActivityKind kind;
    const char* name;
    bool profile::Presence::*present;
  };
  constexpr std::array<Kind, 5> kKinds = {
      {{CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, "kernels", &profile::Presence::kernels},
       {CUPTI_ACTIVITY_KIND_MEMCPY, "copies", &profile::Presence::copies},
       {CUPTI_ACTIVITY_KIND_MEMSET, "memsets", &profile::Presence::memsets},
       {CUPTI_ACTIVITY_KIND_RUNTIME, "API calls", &profile::Presence::api},
       {CUPTI_ACTIVITY_KIND_SYNCHRONIZATION, "synchronisations", &profile::Presence::syncs}}};
  Enabled enabled;
  for (const auto& kind : kKinds) {
    const auto result = cupti.enable(kind.kind);
    enabled.present.*kind.present = result == CUPTI_SUCCESS;
    // Another profiler in the process, or one that holds the counters of the machine.
    if (result != CUPTI_SUCCESS)
      enabled.refusals.push_back(fmt::format("CUPTI does not record {}: {}", kind.name, cupti.Why(result)));
  }
  if (enabled.refusals.size() == kKinds.size())
    return Fail(ErrorCode::kUnavailable, "{}; another profiler may be at work", enabled.refusals[0]);
  cupti.flush_period(kFlushMilliseconds);
  return enabled;
}

Status StartCollecting() {
  const char* folder = std::getenv("ALTLAS_PROFILE_OUTPUT");
  if (folder == nullptr || *folder == '\0') return {};
  ALTLAS_TRY(const auto cupti, CuptiLibrary::Open(std::getenv("ALTLAS_CUPTI_LIBRARY")));
  ALTLAS_TRY(const auto enabled, EnableAll(cupti));
  profile::CollectorOptions options;
  options.tool = "ALT_LAS CUPTI collector " ALTLAS_VERSION;
  options.present = enabled.present;
  const auto file = std::filesystem::path(folder) / fmt::format("gpu-{}.alc", ::getpid());
  ALTLAS_TRY(auto writer, profile::CollectorWriter::Create(file, options));
  for (const auto& refusal : enabled.refusals)
    writer->AddNote(profile::CaptureNote::Severity::kError, refusal);
  const char* seconds = std::getenv("ALTLAS_PROFILE_SECONDS");
  const double limit = seconds != nullptr ? std::strtod(seconds, nullptr) : 0;
  const auto until = limit > 0 ? static_cast<Ns>(limit * 1e9) : std::numeric_limits<Ns>::max();
  // Nothing has run on the GPU yet, so no buffer can be complete before there is somebody to take it.
  collector = new GpuCollector(cupti, std::move(writer), until);
  std::atexit([] { collector->Finish(); });
  return {};
}

}  // namespace
}  // namespace altlas::cuda

// Called by CUDA once, at its initialization. 1: done.
extern "C" __attribute__((visibility("default"))) int InitializeInjection() {
  const auto started = altlas::cuda::StartCollecting();
  if (!started.has_value())
    std::fprintf(stderr, "alt_las profile: GPU activity is not recorded: %s\n",
                 started.error().message.c_str());
  return 1;
}
