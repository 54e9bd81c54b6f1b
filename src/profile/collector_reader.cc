// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/bytes.h"
#include "profile/collector_file.h"
#include "profile/trace_number.h"

namespace altlas::profile {
namespace {

constexpr std::uint64_t kRecordsBetweenProgress = 8192;
constexpr std::size_t kKeptTextBytes = 64 << 20;  // of all names together
constexpr std::size_t kChunkBytes = 128 << 10;
constexpr std::size_t kKeptEntries = 4096;  // of notes, devices and facts
constexpr Ns kCollectorTimeLimit = 4'000'000'000'000'000'000;

class CollectorReader {
 public:
  CollectorReader(ByteSource& source, CaptureSink& sink, const Progress& progress)
      : source_(source), sink_(sink), progress_(progress), names_(1), chunk_(kChunkBytes) {}

  Result<CaptureInfo> Read() {
    info_.format = CaptureFormat::kCollector;
    ALTLAS_TRY_VOID(ReadHeader());
    ALTLAS_TRY_VOID(ReadRecords());
    if (unknown_ != 0)
      Note(CaptureNote::Severity::kWarning,
           fmt::format(
               "{} records of kinds that this program does not know were passed over; it is older than "
               "the collector",
               unknown_));
    if (info_.dropped_records != 0)
      Note(CaptureNote::Severity::kWarning,
           fmt::format("{} records found no room in the file and are missing", info_.dropped_records));
    if (progress_) progress_(source_.total(), source_.total());
    return std::move(info_);
  }

 private:
  // How many of `into` could be filled. Through a buffer: a record is some 60 bytes, and a read a system
  // call.
  Result<std::size_t> Fill(std::span<char> into) {
    std::size_t have = 0;
    while (have < into.size()) {
      if (chunk_at_ == chunk_size_) {
        ALTLAS_TRY(chunk_size_, source_.Read(chunk_));
        chunk_at_ = 0;
        if (chunk_size_ == 0) break;
      }
      const auto count = std::min(into.size() - have, chunk_size_ - chunk_at_);
      std::copy_n(chunk_.data() + chunk_at_, count, into.data() + have);
      chunk_at_ += count;
      have += count;
    }
    at_ += have;
    return have;
  }

  Status ReadHeader() {
    CollectorHeader head{};
    ALTLAS_TRY(const auto have, Fill({reinterpret_cast<char*>(&head), sizeof(head)}));
    if (have < sizeof(head.magic) || std::string_view(head.magic, sizeof(head.magic)) != kCollectorMagic)
      return Fail(ErrorCode::kInvalidArgument, "this is no file of ALT_LAS's collector");
    if (have < sizeof(head))
      return Fail(ErrorCode::kCorrupt, "the collector's file ends within its header, after {} bytes", have);
    if (head.major != kCollectorMajor)
      return Fail(ErrorCode::kUnsupported, "the collector's file has version {}.{}; this program reads {}",
                  head.major, head.minor, kCollectorMajor);
    if (head.header_bytes < sizeof(head) || head.header_bytes > kCollectorRecordBytes ||
        head.header_bytes % 8 != 0)
      return Fail(ErrorCode::kCorrupt, "the collector's header claims {} bytes", head.header_bytes);
    buffer_.resize(head.header_bytes - sizeof(head));
    ALTLAS_TRY_VOID(Fill(buffer_));
    info_.schema = fmt::format("{}.{}", head.major, head.minor);
    info_.tool = "ALT_LAS collector";
    if (head.start_unix_ns > 0) info_.start_unix_ns = head.start_unix_ns;
    info_.dropped_records = head.dropped;
    closed_ = head.closed == 1;
    used_bytes_ = head.used_bytes;
    return {};
  }

  Status ReadRecords() {
    for (std::uint64_t records = 0;; ++records) {
      if (records % kRecordsBetweenProgress == kRecordsBetweenProgress - 1 && progress_ &&
          !progress_(source_.consumed(), source_.total())) {
        return Fail(ErrorCode::kCanceled, "canceled after {} records", records);
      }
      const auto begin = at_;
      std::uint32_t head[2] = {0, 0};
      ALTLAS_TRY(const auto have, Fill({reinterpret_cast<char*>(head), sizeof(head)}));
      if (have == 0 || (have == sizeof(head) && head[0] == 0)) {
        SayEnd(begin, records);
        return {};
      }
      bool whole = have == sizeof(head) && head[0] <= kCollectorRecordBytes;
      if (whole) {
        buffer_.resize((head[0] + 7) / 8 * 8);
        ALTLAS_TRY(const auto body, Fill(buffer_));
        whole = body >= head[0] && CollectorCheck({buffer_.data(), head[0]}) == head[1];
      }
      if (!whole) {
        Note(CaptureNote::Severity::kError,
             fmt::format(
                 "the file is torn at byte {} (a power cut, or a copy taken while it was written): the {} "
                 "records before that are read, what follows is not",
                 begin, records));
        return {};
      }
      ReadRecord({buffer_.data(), head[0]});
    }
  }

  void SayEnd(std::uint64_t end, std::uint64_t records) {
    if (closed_ && end < used_bytes_) {
      Note(CaptureNote::Severity::kError,
           fmt::format("the file ends at byte {} of {}: the copy is incomplete", end, used_bytes_));
    } else if (!closed_) {
      Note(CaptureNote::Severity::kWarning,
           fmt::format("the collector did not close the file: its process was killed, or still runs; the {} "
                       "records written so far are read",
                       records));
    }
  }

  void Note(CaptureNote::Severity severity, std::string text) {
    if (info_.notes.size() < kKeptEntries) info_.notes.push_back({severity, std::move(text)});
  }
  void Bad() { ++info_.bad_records; }

  std::optional<std::string_view> Name(std::uint32_t id) const {
    if (id >= names_.size() || (id != 0 && !names_[id])) return std::nullopt;
    return id == 0 ? std::string_view() : std::string_view(*names_[id]);
  }

  void ReadRecord(std::string_view bytes) {
    ByteReader body(AsBytes(bytes));
    switch (static_cast<CollectorRecord>(body.Get<std::uint8_t>())) {
      case CollectorRecord::kName:
        return ReadName(body);
      case CollectorRecord::kFact:
        return ReadFact(body);
      case CollectorRecord::kNote:
        return ReadNote(body);
      case CollectorRecord::kPresence:
        info_.present = PresenceOf(body.Get<std::uint32_t>());
        return;
      case CollectorRecord::kDevice:
        return ReadDevice(body);
      case CollectorRecord::kOperator:
        return ReadOperator(body);
      case CollectorRecord::kRange:
        return ReadRange(body);
      case CollectorRecord::kCounter:
        return ReadCounter(body);
      case CollectorRecord::kAllocation:
        return ReadAllocation(body);
      case CollectorRecord::kKernel:
        return ReadKernel(body);
      case CollectorRecord::kCopy:
        return ReadCopy(body);
      case CollectorRecord::kMemset:
        return ReadMemset(body);
      case CollectorRecord::kApi:
        return ReadApi(body);
      case CollectorRecord::kSync:
        return ReadSync(body);
    }
    ++unknown_;
  }

  // Fields that a later minor version appends are not read: what remains of a body is no fault.
  template <typename Event>
  static bool Sound(const ByteReader& body, const Event& event) {
    return body.ok() && event.start <= event.end && event.start >= -kCollectorTimeLimit &&
           event.end <= kCollectorTimeLimit;
  }

  void ReadName(ByteReader& body) {
    const auto id = body.Get<std::uint32_t>();
    const auto text = body.GetRaw(body.remaining());
    if (!body.ok() || id == 0 || id >= kCollectorNames || kept_text_ + text.size() > kKeptTextBytes)
      return Bad();
    if (id >= names_.size()) names_.resize(id + 1);
    kept_text_ += text.size();
    names_[id] = std::string(text);
  }

  void ReadFact(ByteReader& body) {
    const auto key = Name(body.Get<std::uint32_t>());
    const std::string text(body.GetRaw(body.remaining()));
    if (!body.ok() || !key || key->empty()) return Bad();
    if (*key == "tool") {
      info_.tool = text;
    } else if (*key == "sampling") {
      const auto share = ParseFinite(text);
      if (!share || *share <= 0 || *share > 1) return Bad();
      info_.operator_sampling = share;
    } else if (info_.environment.size() < kKeptEntries) {
      info_.environment[std::string(*key)] = text;
    }
  }

  void ReadNote(ByteReader& body) {
    const auto severity = body.Get<std::uint8_t>();
    std::string text(body.GetRaw(body.remaining()));
    if (!body.ok() || severity > 2) return Bad();
    Note(static_cast<CaptureNote::Severity>(severity), std::move(text));
  }

  void ReadDevice(ByteReader& body) {
    CaptureDevice device;
    const auto memory = body.Get<std::uint64_t>();
    const auto bandwidth = body.Get<double>();
    const auto clock = body.Get<double>();
    const auto capability = body.Get<double>();
    device.index = body.Get<std::int32_t>();
    const auto name = Name(body.Get<std::uint32_t>());
    const auto uuid = Name(body.Get<std::uint32_t>());
    const auto sms = body.Get<std::uint32_t>();
    const auto warps = body.Get<std::uint32_t>();
    if (!body.ok() || !name || !uuid || info_.devices.size() == kKeptEntries) return Bad();
    device.name = *name;
    device.uuid = *uuid;
    // Zero is how the writer says that it does not know.
    if (memory != 0) device.memory_bytes = memory;
    if (std::isfinite(bandwidth) && bandwidth > 0) device.memory_bandwidth = bandwidth;
    if (std::isfinite(clock) && clock > 0) device.clock_hz = clock;
    if (std::isfinite(capability) && capability > 0) device.compute_capability = capability;
    if (sms != 0) device.sm_count = sms;
    if (warps != 0) device.max_warps_per_sm = warps;
    info_.devices.push_back(std::move(device));
  }

  void ReadOperator(ByteReader& body) {
    OperatorEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.thread = body.Get<std::uint64_t>();
    event.external_id = body.Get<std::uint64_t>();
    const auto name = Name(body.Get<std::uint32_t>());
    const auto shapes = Name(body.Get<std::uint32_t>());
    event.depth = body.Get<std::uint32_t>();
    if (!name || !shapes || !Sound(body, event)) return Bad();
    event.name = *name;
    event.shapes = *shapes;
    sink_.OnOperator(event);
  }

  void ReadRange(ByteReader& body) {
    RangeEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.thread = body.Get<std::uint64_t>();
    const auto name = Name(body.Get<std::uint32_t>());
    const auto domain = Name(body.Get<std::uint32_t>());
    event.is_mark = body.Get<std::uint8_t>() != 0;
    if (!name || !domain || !Sound(body, event)) return Bad();
    event.name = *name;
    event.domain = *domain;
    sink_.OnRange(event);
  }

  void ReadCounter(ByteReader& body) {
    CounterEvent event;
    event.at = body.Get<Ns>();
    event.value = body.Get<double>();
    const auto name = Name(body.Get<std::uint32_t>());
    event.device = body.Get<std::int32_t>();
    if (!body.ok() || !name || !std::isfinite(event.value) || event.at < -kCollectorTimeLimit ||
        event.at > kCollectorTimeLimit) {
      return Bad();
    }
    event.name = *name;
    sink_.OnCounter(event);
  }

  void ReadAllocation(ByteReader& body) {
    AllocationEvent event;
    event.at = body.Get<Ns>();
    event.bytes = body.Get<std::uint64_t>();
    event.address = body.Get<std::uint64_t>();
    event.allocated_total = body.Get<std::uint64_t>();
    event.reserved_total = body.Get<std::uint64_t>();
    event.device = body.Get<std::int32_t>();
    event.kind = static_cast<MemoryKind>(std::min<unsigned>(body.Get<std::uint8_t>(), 7));
    event.is_free = body.Get<std::uint8_t>() != 0;
    if (!body.ok() || event.at < -kCollectorTimeLimit || event.at > kCollectorTimeLimit) return Bad();
    sink_.OnAllocation(event);
  }

  void ReadKernel(ByteReader& body) {
    KernelEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.correlation = body.Get<std::uint64_t>();
    event.static_shared_bytes = body.Get<std::uint64_t>();
    event.dynamic_shared_bytes = body.Get<std::uint64_t>();
    const auto name = Name(body.Get<std::uint32_t>());
    event.device = body.Get<std::int32_t>();
    event.context = body.Get<std::uint32_t>();
    event.stream = body.Get<std::uint32_t>();
    event.process = body.Get<std::uint32_t>();
    for (auto& side : event.grid) side = body.Get<std::uint32_t>();
    for (auto& side : event.block) side = body.Get<std::uint32_t>();
    event.registers = body.Get<std::uint32_t>();
    event.is_graph = body.Get<std::uint8_t>() != 0;
    if (!name || !Sound(body, event)) return Bad();
    event.name = *name;
    sink_.OnKernel(event);
  }

  void ReadCopy(ByteReader& body) {
    CopyEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.bytes = body.Get<std::uint64_t>();
    event.correlation = body.Get<std::uint64_t>();
    event.device = body.Get<std::int32_t>();
    event.stream = body.Get<std::uint32_t>();
    event.process = body.Get<std::uint32_t>();
    const auto kind = body.Get<std::uint8_t>();
    event.kind = kind <= 13 ? static_cast<CopyKind>(kind) : CopyKind::kUnknown;
    event.source = static_cast<MemoryKind>(std::min<unsigned>(body.Get<std::uint8_t>(), 7));
    event.target = static_cast<MemoryKind>(std::min<unsigned>(body.Get<std::uint8_t>(), 7));
    if (!Sound(body, event)) return Bad();
    sink_.OnCopy(event);
  }

  void ReadMemset(ByteReader& body) {
    MemsetEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.bytes = body.Get<std::uint64_t>();
    event.correlation = body.Get<std::uint64_t>();
    event.device = body.Get<std::int32_t>();
    event.stream = body.Get<std::uint32_t>();
    event.process = body.Get<std::uint32_t>();
    if (!Sound(body, event)) return Bad();
    sink_.OnMemset(event);
  }

  void ReadApi(ByteReader& body) {
    ApiEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.thread = body.Get<std::uint64_t>();
    event.correlation = body.Get<std::uint64_t>();
    const auto name = Name(body.Get<std::uint32_t>());
    event.result = body.Get<std::int32_t>();
    if (!name || !Sound(body, event)) return Bad();
    event.name = *name;
    sink_.OnApi(event);
  }

  void ReadSync(ByteReader& body) {
    SyncEvent event;
    event.start = body.Get<Ns>();
    event.end = body.Get<Ns>();
    event.correlation = body.Get<std::uint64_t>();
    event.device = body.Get<std::int32_t>();
    event.stream = body.Get<std::uint32_t>();
    const auto kind = body.Get<std::uint8_t>();
    event.kind = kind <= 4 ? static_cast<SyncKind>(kind) : SyncKind::kUnknown;
    if (!Sound(body, event)) return Bad();
    sink_.OnSync(event);
  }

  ByteSource& source_;
  CaptureSink& sink_;
  const Progress& progress_;
  CaptureInfo info_;
  std::vector<std::optional<std::string>> names_;
  std::vector<char> chunk_;
  std::size_t chunk_at_ = 0, chunk_size_ = 0;
  std::vector<char> buffer_;
  std::size_t kept_text_ = 0;
  std::uint64_t at_ = 0, used_bytes_ = 0, unknown_ = 0;
  bool closed_ = false;
};

}  // namespace

bool LooksLikeCollector(std::string_view head) {
  return ExpandedHead(head, kCollectorMagic.size()) == kCollectorMagic;
}

Result<CaptureInfo> ReadCollector(ByteSource& source, CaptureSink& sink, const Progress& progress) {
  return CollectorReader(source, sink, progress).Read();
}

Result<CaptureInfo> ReadCollector(const std::filesystem::path& path, CaptureSink& sink,
                                  const Progress& progress) {
  ALTLAS_TRY(auto source, OpenByteSource(path));
  ALTLAS_TRY(auto info, ReadCollector(*source, sink, progress).Context(path.string()));
  info.path = path.string();
  return info;
}

}  // namespace altlas::profile
