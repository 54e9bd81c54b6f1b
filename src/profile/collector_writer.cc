// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "profile/collector_file.h"

namespace altlas::profile {
namespace {

constexpr std::uint64_t kGrowBytes = 4 << 20;
constexpr std::uint64_t kGrowBytesOfFullDisk = 4 << 10;
constexpr std::uint64_t kSmallestFile = 64 << 10;

std::int64_t ClockNs(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

constexpr std::uint64_t RoundUp8(std::uint64_t size) { return (size + 7) / 8 * 8; }

Error CollectorFileError(int error, const std::filesystem::path& path) {
  const auto code = error == EEXIST                      ? ErrorCode::kConflict
                    : error == ENOSPC || error == EDQUOT ? ErrorCode::kStorageFull
                                                         : ErrorCode::kUnavailable;
  return Fail(code, "the collector's file {} cannot be made: {}", path.string(), std::strerror(error));
}

}  // namespace

std::uint64_t CollectorThreadId() {
  thread_local const std::uint64_t id = (static_cast<std::uint64_t>(::getpid()) & 0xFFFFFF) << 24 |
                                        (static_cast<std::uint64_t>(::syscall(SYS_gettid)) & 0xFFFFFF);
  return id;
}

CollectorWriter::CollectorWriter(UniqueFd fd, char* map, std::uint64_t map_bytes)
    : fd_(std::move(fd)), owner_(::getpid()), map_(map), map_bytes_(map_bytes) {}

Result<std::unique_ptr<CollectorWriter>> CollectorWriter::Create(const std::filesystem::path& path,
                                                                 const CollectorOptions& options) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return CollectorFileError(errno, path);
  const auto map_bytes = std::max(options.max_bytes, kSmallestFile);
  // Address space alone; room on the disk is taken as it is needed, so that a full disk is an error here and
  // not a signal later.
  void* map = ::mmap(nullptr, map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (map == MAP_FAILED) {
    const auto error = CollectorFileError(errno, path);
    ::unlink(path.c_str());
    return error;
  }
  std::unique_ptr<CollectorWriter> writer(
      new CollectorWriter(std::move(fd), static_cast<char*>(map), map_bytes));
  {
    MutexLock lock(writer->mutex_);
    if (!writer->MakeRoom(sizeof(CollectorHeader))) {
      ::unlink(path.c_str());
      return CollectorFileError(ENOSPC, path);
    }
    writer->start_clock_ns_ = options.start_clock_ns.value_or(ClockNs(CLOCK_MONOTONIC));
    CollectorHeader head{};
    std::memcpy(head.magic, kCollectorMagic.data(), sizeof(head.magic));
    head.major = kCollectorMajor;
    head.minor = kCollectorMinor;
    head.header_bytes = sizeof(CollectorHeader);
    head.start_unix_ns = options.start_unix_ns.value_or(ClockNs(CLOCK_REALTIME));
    head.start_clock_ns = writer->start_clock_ns_;
    head.dropped = writer->dropped_ = options.dropped;
    head.process = options.process.value_or(static_cast<std::uint32_t>(::getpid()));
    std::memcpy(writer->map_, &head, sizeof(head));
    writer->used_ = sizeof(head);
    writer->names_.emplace("", 0);
    writer->Append(CollectorBody(CollectorRecord::kPresence).Put(PresenceBits(options.present)).bytes());
  }
  writer->AddFact("tool", options.tool);
  if (options.operator_sampling) writer->AddFact("sampling", fmt::format("{}", *options.operator_sampling));
  return writer;
}

CollectorWriter::~CollectorWriter() { Close(); }

Ns CollectorWriter::Now() const { return ClockNs(CLOCK_MONOTONIC) - start_clock_ns_; }

bool CollectorWriter::MakeRoom(std::uint64_t end) {
  if (end <= file_bytes_) return true;
  if (end > map_bytes_) return false;
  for (const auto step : {kGrowBytes, kGrowBytesOfFullDisk}) {
    const auto wanted = std::min(map_bytes_, std::max(end, file_bytes_ + step));
    if (::posix_fallocate(fd_.get(), static_cast<off_t>(file_bytes_),
                          static_cast<off_t>(wanted - file_bytes_)) != 0)
      continue;
    file_bytes_ = wanted;
    return true;
  }
  return false;
}

bool CollectorWriter::Append(std::string_view kind_and_body, std::string_view text) {
  const auto length = kind_and_body.size() + text.size();
  const auto bytes = RoundUp8(8 + length);
  if (map_ == nullptr || !MakeRoom(used_ + bytes)) {
    ++dropped_;
    if (map_ != nullptr) header().dropped = dropped_;
    return false;
  }
  char* at = map_ + used_;
  std::memcpy(at + 8, kind_and_body.data(), kind_and_body.size());
  if (!text.empty()) std::memcpy(at + 8 + kind_and_body.size(), text.data(), text.size());
  const auto check = CollectorCheck(kind_and_body, text);
  std::memcpy(at + 4, &check, sizeof(check));
  // Last: until then a reader, or the next process after this one's death, sees the end of the file here.
  std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(at))
      .store(static_cast<std::uint32_t>(length), std::memory_order_release);
  used_ += bytes;
  return true;
}

std::optional<std::uint32_t> CollectorWriter::NameId(std::string_view text) {
  text = text.substr(0, kCollectorTextBytes);
  const auto known = names_.find(text);
  if (known != names_.end()) return known->second;
  constexpr std::string_view kOther = "(a name past the 65536th)";
  if (names_.size() >= kCollectorNames - 1 && text != kOther) return NameId(kOther);
  const auto id = static_cast<std::uint32_t>(names_.size());
  if (!Append(CollectorBody(CollectorRecord::kName).Put(id).bytes(), text)) return std::nullopt;
  names_.emplace(std::string(text), id);
  return id;
}

void CollectorWriter::Add(const OperatorEvent& event) {
  MutexLock lock(mutex_);
  const auto name = NameId(event.name);
  const auto shapes = NameId(event.shapes);
  if (!name || !shapes) return;
  CollectorBody body(CollectorRecord::kOperator);
  body.Put(event.start).Put(event.end).Put(event.thread).Put(event.external_id);
  Append(body.Put(*name).Put(*shapes).Put(event.depth).bytes());
}

void CollectorWriter::Add(const RangeEvent& event) {
  MutexLock lock(mutex_);
  const auto name = NameId(event.name);
  const auto domain = NameId(event.domain);
  if (!name || !domain) return;
  CollectorBody body(CollectorRecord::kRange);
  body.Put(event.start).Put(event.end).Put(event.thread).Put(*name).Put(*domain);
  Append(body.Put(static_cast<std::uint8_t>(event.is_mark)).bytes());
}

void CollectorWriter::Add(const CounterEvent& event) {
  MutexLock lock(mutex_);
  const auto name = NameId(event.name);
  if (!name) return;
  Append(CollectorBody(CollectorRecord::kCounter)
             .Put(event.at)
             .Put(event.value)
             .Put(*name)
             .Put(event.device)
             .bytes());
}

void CollectorWriter::Add(const AllocationEvent& event) {
  MutexLock lock(mutex_);
  CollectorBody body(CollectorRecord::kAllocation);
  body.Put(event.at).Put(event.bytes).Put(event.address).Put(event.allocated_total).Put(event.reserved_total);
  body.Put(event.device).Put(static_cast<std::uint8_t>(event.kind));
  Append(body.Put(static_cast<std::uint8_t>(event.is_free)).bytes());
}

void CollectorWriter::Add(const KernelEvent& event) {
  MutexLock lock(mutex_);
  const auto name = NameId(event.name);
  if (!name) return;
  CollectorBody body(CollectorRecord::kKernel);
  body.Put(event.start).Put(event.end).Put(event.correlation);
  body.Put(event.static_shared_bytes).Put(event.dynamic_shared_bytes);
  body.Put(*name).Put(event.device).Put(event.context).Put(event.stream).Put(event.process);
  for (const auto side : event.grid) body.Put(side);
  for (const auto side : event.block) body.Put(side);
  Append(body.Put(event.registers).Put(static_cast<std::uint8_t>(event.is_graph)).bytes());
}

void CollectorWriter::Add(const CopyEvent& event) {
  MutexLock lock(mutex_);
  CollectorBody body(CollectorRecord::kCopy);
  body.Put(event.start).Put(event.end).Put(event.bytes).Put(event.correlation);
  body.Put(event.device).Put(event.stream).Put(event.process).Put(static_cast<std::uint8_t>(event.kind));
  body.Put(static_cast<std::uint8_t>(event.source)).Put(static_cast<std::uint8_t>(event.target));
  Append(body.bytes());
}

void CollectorWriter::Add(const MemsetEvent& event) {
  MutexLock lock(mutex_);
  CollectorBody body(CollectorRecord::kMemset);
  body.Put(event.start).Put(event.end).Put(event.bytes).Put(event.correlation);
  Append(body.Put(event.device).Put(event.stream).Put(event.process).bytes());
}

void CollectorWriter::Add(const ApiEvent& event) {
  MutexLock lock(mutex_);
  const auto name = NameId(event.name);
  if (!name) return;
  CollectorBody body(CollectorRecord::kApi);
  body.Put(event.start).Put(event.end).Put(event.thread).Put(event.correlation);
  Append(body.Put(*name).Put(event.result).bytes());
}

void CollectorWriter::Add(const SyncEvent& event) {
  MutexLock lock(mutex_);
  CollectorBody body(CollectorRecord::kSync);
  body.Put(event.start).Put(event.end).Put(event.correlation).Put(event.device).Put(event.stream);
  Append(body.Put(static_cast<std::uint8_t>(event.kind)).bytes());
}

void CollectorWriter::AddNote(CaptureNote::Severity severity, std::string_view text) {
  MutexLock lock(mutex_);
  Append(CollectorBody(CollectorRecord::kNote).Put(static_cast<std::uint8_t>(severity)).bytes(),
         text.substr(0, kCollectorTextBytes));
}

void CollectorWriter::AddDevice(const CaptureDevice& device) {
  MutexLock lock(mutex_);
  const auto name = NameId(device.name);
  const auto uuid = NameId(device.uuid);
  if (!name || !uuid) return;
  CollectorBody body(CollectorRecord::kDevice);
  body.Put(device.memory_bytes.value_or(0)).Put(device.memory_bandwidth.value_or(0));
  body.Put(device.clock_hz.value_or(0)).Put(device.compute_capability.value_or(0));
  body.Put(device.index).Put(*name).Put(*uuid);
  Append(body.Put(device.sm_count.value_or(0)).Put(device.max_warps_per_sm.value_or(0)).bytes());
}

void CollectorWriter::AddFact(std::string_view key, std::string_view value) {
  MutexLock lock(mutex_);
  const auto id = NameId(key);
  if (!id) return;
  Append(CollectorBody(CollectorRecord::kFact).Put(*id).bytes(), value.substr(0, kCollectorTextBytes));
}

void CollectorWriter::Close() {
  MutexLock lock(mutex_);
  if (map_ == nullptr) return;
  // A child of fork() shares the file: cut off here, the next record of its parent would be a SIGBUS.
  const bool is_owner = ::getpid() == owner_;
  // Where not even the header found room, there is nothing behind the mapping.
  if (is_owner && used_ >= sizeof(CollectorHeader)) {
    header().used_bytes = used_;
    header().closed = 1;
  }
  ::munmap(map_, map_bytes_);
  map_ = nullptr;
  // Where that fails the file is longer, and nothing else.
  if (is_owner) [[maybe_unused]]
    const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(used_));
  fd_.Reset();
}

std::uint64_t CollectorWriter::dropped() const {
  MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace altlas::profile
