// SPDX-License-Identifier: Apache-2.0
#include "profile/open_capture.h"

#include <unistd.h>

#include <array>
#include <optional>

#include "base/file.h"
#include "profile/collector_file.h"
#include "profile/file_head.h"
#include "profile/kineto_reader.h"
#include "profile/ncu_reader.h"
#include "profile/nsys_reader.h"

namespace altlas::profile {
namespace {

// Enough to see past what a program printed before Nsight Compute's table.
constexpr std::size_t kHeadBytes = 1 << 20;

using ReadFunction = Result<CaptureInfo> (*)(const std::filesystem::path&, CaptureSink&, const Progress&);
struct KnownFormat {
  std::string_view name;
  bool (*detects)(std::string_view head);
  ReadFunction read;
};
constexpr std::array<KnownFormat, 4> kKnownFormats = {{
    {"Nsight Systems' SQLite export", &LooksLikeSqlite, &ReadNsysSqlite},
    {"ALT_LAS's collector", &LooksLikeCollector, &ReadCollector},
    {"traces of PyTorch and of Chrome (JSON, also gzip)", &LooksLikeTrace, &ReadKineto},
    {"Nsight Compute's CSV", &LooksLikeNcuCsv, &ReadNcuCsv},
}};

bool IsNsysReport(const std::filesystem::path& path) {
  return path.extension() == ".nsys-rep" || path.extension() == ".qdrep";
}

// What the first bytes look like, for the message.
std::string DescribeHead(std::string_view head) {
  if (head.find_first_not_of('\0') == std::string_view::npos)
    return "zeros only: an export that was interrupted";
  if (head.starts_with("\x7f"
                       "ELF"))
    return "a program";
  if (head.starts_with("PK\x03\x04")) return "a zip archive: unpack it first";
  if (head.starts_with("<?xml") || head.starts_with("<nvidia_smi_log")) return "XML";
  std::string shown;
  for (const char c : head.substr(0, 24)) shown.push_back(c >= ' ' && c < '\x7f' ? c : '.');
  return "it begins \"" + shown + "\"";
}

Error UnknownFormat(const std::filesystem::path& path, std::string_view head) {
  std::string known;
  for (const auto& format : kKnownFormats) known += (known.empty() ? "" : ", ") + std::string(format.name);
  return Fail(ErrorCode::kInvalidArgument,
              "{} is no capture that can be read here ({}). Read are: {}, and .nsys-rep where "
              "nsys is installed",
              path.string(), DescribeHead(head), known);
}

std::optional<FileHead> WholeSqlite(const std::filesystem::path& path) {
  auto head = ReadFileHead(path, 100);
  if (!head.has_value() || !LooksLikeSqlite(head->bytes)) return std::nullopt;
  return std::move(*head);
}

// An export that stands beside the report already, and is not older than it.
bool IsFreshExport(const std::filesystem::path& exported, const std::filesystem::path& report) {
  std::error_code no_export;
  std::error_code no_report;
  const auto made = std::filesystem::last_write_time(exported, no_export);
  const auto captured = std::filesystem::last_write_time(report, no_report);
  return !no_export && !no_report && made >= captured && WholeSqlite(exported).has_value();
}

// Runs nsys into `folder`; the file appears under its name only once it is whole.
Result<std::filesystem::path> ExportReport(const std::filesystem::path& report,
                                           const std::filesystem::path& folder,
                                           const CommandRunner& commands) {
  const std::string nsys = commands.find("nsys");
  if (nsys.empty()) {
    return Fail(ErrorCode::kUnavailable,
                "{} can only be read by nsys, which is not on PATH here. Install Nsight Systems (its "
                "command-line part "
                "is enough), or run `nsys export --type sqlite {}` on a machine that has it and give the "
                ".sqlite file",
                report.string(), report.filename().string());
  }
  const auto target = folder / report.filename().replace_extension(".sqlite");
  const auto partial = folder / fmt::format(".{}.{}.partial", target.filename().string(), ::getpid());
  const auto code = commands.run({nsys, "export", "--type", "sqlite", "--force-overwrite", "true", "-o",
                                  partial.string(), report.string()});
  std::error_code ignored;
  if (!code.has_value()) return code.error();
  if (*code != 0 || !WholeSqlite(partial)) {
    std::filesystem::remove(partial, ignored);
    return Fail(ErrorCode::kUnavailable,
                "`nsys export` of {} ended with code {} and without a database: run it by hand to see why; "
                "an nsys older "
                "than the one that captured cannot read its files",
                report.string(), *code);
  }
  std::error_code failed;
  std::filesystem::rename(partial, target, failed);
  if (failed)
    return Fail(ErrorCode::kUnavailable, "{} cannot be written: {}", target.string(), failed.message());
  return target;
}

Result<CaptureInfo> ReadReport(const std::filesystem::path& report, CaptureSink& sink,
                               const Progress& progress, const CommandRunner& commands) {
  const auto beside = std::filesystem::path(report).replace_extension(".sqlite");
  if (IsFreshExport(beside, report)) return ReadNsysSqlite(beside, sink, progress);
  const auto folder = report.has_parent_path() ? report.parent_path() : std::filesystem::path(".");
  if (::access(folder.c_str(), W_OK) == 0) {
    ALTLAS_TRY(const auto exported, ExportReport(report, folder, commands));
    return ReadNsysSqlite(exported, sink, progress);
  }
  const TemporaryFolder temporary;
  ALTLAS_TRY(const auto exported, ExportReport(report, temporary.path(), commands));
  return ReadNsysSqlite(exported, sink, progress);
}

}  // namespace

Result<CaptureInfo> ReadCapture(const std::filesystem::path& path, CaptureSink& sink,
                                const Progress& progress, const CommandRunner& commands) {
  ALTLAS_TRY(const auto head, ReadFileHead(path, kHeadBytes));
  for (const auto& format : kKnownFormats) {
    if (format.detects(head.bytes)) return format.read(path, sink, progress);
  }
  if (IsNsysReport(path)) {
    auto info = ReadReport(path, sink, progress, commands);
    if (info.has_value()) info->path = path.string();
    return info;
  }
  return UnknownFormat(path, head.bytes);
}

Result<CaptureInfo> ReadCapture(const std::filesystem::path& path, CaptureSink& sink,
                                const Progress& progress) {
  return ReadCapture(path, sink, progress, SystemCommands());
}

}  // namespace altlas::profile
