// SPDX-License-Identifier: Apache-2.0
#include "profile/nsys_reader.h"

#include <algorithm>
#include <array>

#include "profile/nsys_pass.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxNotes = 200;
constexpr std::uint64_t kRowsBetweenReports = 65536;
constexpr std::array<std::string_view, 11> kBigTables = {"CUPTI_ACTIVITY_KIND_KERNEL",
                                                         "CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
                                                         "CUPTI_ACTIVITY_KIND_MEMCPY",
                                                         "CUPTI_ACTIVITY_KIND_MEMSET",
                                                         "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
                                                         "CUPTI_ACTIVITY_KIND_RUNTIME",
                                                         "CUDA_GPU_MEMORY_USAGE_EVENTS",
                                                         "CUBLAS_EVENTS",
                                                         "CUDNN_EVENTS",
                                                         "NVTX_EVENTS",
                                                         "GPU_METRICS"};

// What makes a database one of Nsight Systems: the version row, in the table of its generation.
Status CheckNsys(const std::string& path, const SqliteFile& file) {
  const bool meta = file.HasTable("EXPORT_META_DATA") || file.HasTable("META_DATA_EXPORT");
  if (meta || (file.HasTable("StringIds") && file.HasTable("TARGET_INFO_SESSION_START_TIME"))) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "{} is an SQLite database, but not an export of Nsight Systems: it has neither META_DATA_EXPORT nor "
      "EXPORT_META_DATA; make one with `nsys export --type sqlite`",
      path);
}

}  // namespace

bool IsGoodTime(Ns at) { return at >= -kNsysMaxTime && at <= kNsysMaxTime; }
bool IsGoodSpan(Ns start, Ns end) { return IsGoodTime(start) && IsGoodTime(end) && start <= end; }

Status NsysPass::Expect(std::string_view table) {
  if (!file.HasTable(table)) return {};
  ALTLAS_TRY(const auto rows, file.AboutRows(table));
  all_ += rows;
  return {};
}

Result<std::uint64_t> NsysPass::Each(std::string_view table, const std::vector<std::string>& columns,
                                     std::size_t required, const SqliteFile::Visitor& visitor) {
  if (file.IsDisguised(table)) {
    Note(CaptureNote::Severity::kError,
         fmt::format("{} is a view or a virtual table here and was not read", table));
  }
  if (!file.HasTable(table)) return 0;
  ALTLAS_TRY(const auto there, file.Columns(table));
  for (std::size_t i = 0; i < required; ++i) {
    const auto same = [&](const SqliteFile::Column& c) { return c.name == columns[i]; };
    if (std::any_of(there.begin(), there.end(), same)) continue;
    Note(CaptureNote::Severity::kError,
         fmt::format("{} has no column {}: a schema that is not known, not read", table, columns[i]));
    return 0;
  }
  bool stopped = false;
  std::uint64_t since = 0;
  const auto counted = [&](const SqliteRow& row) {
    ++done_;
    if (++since == kRowsBetweenReports) {
      since = 0;
      stopped = stopped || !KeepsGoing();
    }
    return visitor(row);
  };
  ALTLAS_TRY(const auto counts, file.Scan(table, columns, counted));
  ALTLAS_TRY_VOID(names.status());
  if (stopped) return Fail(ErrorCode::kCanceled, "reading {} was stopped", info.path);
  info.bad_records += counts.bad;
  if (counts.bad > 0) {
    Note(CaptureNote::Severity::kWarning,
         fmt::format("{} of {} rows of {} are no valid records and were left out", counts.bad, counts.rows,
                     table));
  }
  return counts.rows - counts.bad;
}

void NsysPass::Note(CaptureNote::Severity severity, std::string text) {
  // The tool's own chatter leaves room for what the reader has to say.
  const std::size_t room = severity == CaptureNote::Severity::kInfo ? kMaxNotes / 2 : kMaxNotes;
  if (info.notes.size() < room) info.notes.push_back({severity, std::move(text)});
}

Result<CaptureInfo> ReadNsysSqlite(const std::filesystem::path& path, CaptureSink& sink,
                                   const Progress& progress) {
  ALTLAS_TRY(const auto file, SqliteFile::Open(path, kNsysMaxValueBytes));
  ALTLAS_TRY_VOID(CheckNsys(path.string(), *file));
  CaptureInfo info;
  info.format = CaptureFormat::kNsysSqlite;
  info.path = path.string();
  ALTLAS_TRY(auto names, NsysNames::Create(*file));
  ALTLAS_TRY(const auto enums, NsysEnums::Read(*file));
  NsysPass pass(*file, names, enums, sink, info, progress);
  for (const auto table : kBigTables) ALTLAS_TRY_VOID(pass.Expect(table));
  if (progress) file->SetKeepGoing([&pass] { return pass.KeepsGoing(); });
  ALTLAS_TRY_VOID(ReadNsysInfo(pass));
  ALTLAS_TRY_VOID(ReadNsysDevice(pass));
  ALTLAS_TRY_VOID(ReadNsysHost(pass));
  if (names.missing() > 0) {
    pass.Note(CaptureNote::Severity::kWarning,
              fmt::format("{} records carry names that the capture does not hold", names.missing()));
  }
  if (!pass.KeepsGoing()) return Fail(ErrorCode::kCanceled, "reading {} was stopped", info.path);
  return info;
}

}  // namespace altlas::profile
