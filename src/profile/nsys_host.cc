// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "profile/nsys_pass.h"
#include "profile/nsys_reader.h"

namespace altlas::profile {
namespace {

constexpr std::uint64_t kThreadMask = 0xFFFFFFFFFFFF;
constexpr std::size_t kMaxDomains = 65536;

// Of NVTX_EVENTS.eventType those that are read.
enum NvtxKind : std::int64_t { kNvtxMark = 34, kNvtxPushPop = 59, kNvtxStartEnd = 60, kNvtxDomain = 75 };

Status ReadCalls(NsysPass& pass, std::string_view table) {
  const std::vector<std::string> columns = {"start",  "end",         "globalTid", "correlationId",
                                            "nameId", "returnValue", "name"};
  ALTLAS_TRY(const auto rows, pass.Each(table, columns, 2, [&](const SqliteRow& row) {
    ApiEvent call;
    std::int64_t name = 0;
    if (row.IsNull(0) || row.IsNull(1) || !row.Get(0, call.start) || !row.Get(1, call.end) ||
        !row.GetBits(2, call.thread) || !row.GetBits(3, call.correlation) || !row.Get(4, name) ||
        !row.Get(5, call.result) || !IsGoodSpan(call.start, call.end)) {
      return false;
    }
    call.thread &= kThreadMask;
    std::string own;
    if (!row.IsNull(4)) {
      call.name = WithoutVersion(pass.names.Find(name));
    } else {
      own = CleanName(row.Text(6).value_or(kNsysUnnamed));
      call.name = WithoutVersion(own);
    }
    pass.sink.OnApi(call);
    return true;
  }));
  if (rows > 0) pass.info.present.api = true;
  return {};
}

Status ReadSyncs(NsysPass& pass) {
  const std::vector<std::string> columns = {"start",    "end",      "syncType",
                                            "deviceId", "streamId", "correlationId"};
  ALTLAS_TRY(const auto rows,
             pass.Each("CUPTI_ACTIVITY_KIND_SYNCHRONIZATION", columns, 2, [&](const SqliteRow& row) {
               SyncEvent sync;
               std::int64_t kind = 0;
               if (row.IsNull(0) || row.IsNull(1) || !row.Get(0, sync.start) || !row.Get(1, sync.end) ||
                   !row.Get(2, kind) || !row.GetId(3, sync.device) || !row.GetId(4, sync.stream) ||
                   !row.GetBits(5, sync.correlation) || !IsGoodSpan(sync.start, sync.end)) {
                 return false;
               }
               sync.kind = pass.enums.Sync(kind);
               pass.sink.OnSync(sync);
               return true;
             }));
  pass.info.present.syncs = rows > 0;
  return {};
}

using DomainId = std::pair<std::uint64_t, std::int64_t>;  // process, domain
using Domains = std::map<DomainId, std::string>;

DomainId DomainOf(std::uint64_t thread, std::int64_t domain) { return {thread >> 24 & 0xFFFFFF, domain}; }

std::string RangeName(NsysPass& pass, const SqliteRow& row, int text, int text_id) {
  if (const auto own = row.Text(text)) return CleanName(*own);
  std::int64_t id = 0;
  if (row.IsNull(text_id) || !row.Get(text_id, id)) return {};
  return std::string(pass.names.Find(id));
}

Result<Domains> ReadDomains(NsysPass& pass) {
  Domains domains;
  const std::vector<std::string> columns = {"eventType", "domainId", "globalTid", "text", "textId"};
  const auto visitor = [&](const SqliteRow& row) {
    std::int64_t kind = 0;
    std::int64_t domain = 0;
    std::uint64_t thread = 0;
    if (!row.Get(0, kind) || kind != kNvtxDomain || domains.size() >= kMaxDomains) return true;
    if (row.Get(1, domain) && row.GetBits(2, thread)) {
      domains.emplace(DomainOf(thread, domain), RangeName(pass, row, 3, 4));
    }
    return true;
  };
  if (pass.file.HasTable("NVTX_EVENTS")) {
    ALTLAS_TRY([[maybe_unused]] const auto rows, pass.file.Scan("NVTX_EVENTS", columns, visitor));
  }
  return domains;
}

// A range that was open when the capture stopped has no end, or one far in the future: it ends with the
// capture.
bool CloseRange(const NsysPass& pass, const SqliteRow& row, RangeEvent& range, std::uint64_t& open) {
  if (!row.IsNull(1) && !row.Get(1, range.end)) return false;
  const bool never = row.IsNull(1) || range.end > kNsysMaxTime;
  if (!never) return true;
  ++open;
  if (!pass.info.duration) return false;
  range.end = *pass.info.duration;
  return true;
}

bool ReadRange(NsysPass& pass, const SqliteRow& row, const Domains& domains, std::uint64_t& open,
               bool& is_range) {
  RangeEvent range;
  std::int64_t kind = 0;
  std::int64_t domain = 0;
  if (row.IsNull(0) || row.IsNull(2) || !row.Get(0, range.start) || !row.Get(2, kind)) return false;
  is_range = kind == kNvtxMark || kind == kNvtxPushPop || kind == kNvtxStartEnd;
  if (!is_range) return true;
  if (!row.GetBits(3, range.thread) || !row.Get(4, domain)) return false;
  if (kind == kNvtxMark) {
    range.end = range.start;
    range.is_mark = true;
  } else if (!CloseRange(pass, row, range, open)) {
    return false;
  }
  if (!IsGoodSpan(range.start, range.end)) return false;
  const auto named = domains.find(DomainOf(range.thread, domain));
  if (named != domains.end()) range.domain = named->second;
  range.thread &= kThreadMask;
  const std::string name = RangeName(pass, row, 5, 6);
  range.name = name;
  pass.sink.OnRange(range);
  return true;
}

Status ReadRanges(NsysPass& pass) {
  ALTLAS_TRY(const auto domains, ReadDomains(pass));
  std::uint64_t open = 0;
  std::uint64_t ranges = 0;
  const std::vector<std::string> columns = {"start",    "end",  "eventType", "globalTid",
                                            "domainId", "text", "textId"};
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each("NVTX_EVENTS", columns, 3, [&](const SqliteRow& row) {
               bool is_range = false;
               const bool good = ReadRange(pass, row, domains, open, is_range);
               if (good && is_range) ++ranges;
               return good;
             }));
  pass.info.present.ranges = ranges > 0;
  if (open > 0) {
    pass.Note(CaptureNote::Severity::kInfo,
              fmt::format("{} NVTX ranges were open when the capture stopped", open));
  }
  return {};
}

}  // namespace

Status ReadNsysHost(NsysPass& pass) {
  ALTLAS_TRY_VOID(ReadCalls(pass, "CUPTI_ACTIVITY_KIND_RUNTIME"));
  ALTLAS_TRY_VOID(ReadCalls(pass, "CUBLAS_EVENTS"));
  ALTLAS_TRY_VOID(ReadCalls(pass, "CUDNN_EVENTS"));
  ALTLAS_TRY_VOID(ReadSyncs(pass));
  return ReadRanges(pass);
}

}  // namespace altlas::profile
