// SPDX-License-Identifier: Apache-2.0
#include "profile/redact_file.h"

#include <unistd.h>

#include "base/file.h"
#include "profile/byte_source.h"
#include "profile/collector_file.h"
#include "profile/file_head.h"
#include "profile/ncu_reader.h"
#include "profile/nsys_reader.h"
#include "profile/redact_formats.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kRedactHead = 1 << 20;

enum class RedactKind { kSqlite, kJson, kCollector, kCsv, kText };

// An object, or an array of something: "[2026-01-01] ..." is a log.
bool BeginsJson(std::string_view head) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (head[first] != '{' && head[first] != '[')) return false;
  const std::size_t next = head.find_first_not_of(" \t\r\n", first + 1);
  if (next == std::string_view::npos) return true;
  return std::string_view(head[first] == '{' ? "\"}" : "{[\"]").find(head[next]) != std::string_view::npos;
}

Result<RedactKind> KindOf(const std::filesystem::path& in, std::string_view head) {
  if (LooksLikeSqlite(head)) return RedactKind::kSqlite;
  if (LooksLikeCollector(head)) return RedactKind::kCollector;
  if (head.starts_with("\x1f\x8b")) return RedactKind::kJson;
  if (BeginsJson(head)) return RedactKind::kJson;
  if (LooksLikeNcuCsv(head)) return RedactKind::kCsv;
  if (head.find('\0') == std::string_view::npos && in.extension() != ".nsys-rep" &&
      in.extension() != ".ncu-rep") {
    return RedactKind::kText;
  }
  return Fail(
      ErrorCode::kUnsupported,
      "{} is in a format that only its own tool can write, so its secrets cannot be taken out. Export it "
      "(`nsys export --type sqlite FILE.nsys-rep`, `ncu --import FILE.ncu-rep --csv --page raw`) and redact "
      "that",
      in.string());
}

Status RedactTextFile(const std::filesystem::path& in, const std::filesystem::path& out, bool csv,
                      PrivateWords& words, RedactReport& report) {
  ALTLAS_TRY(const auto text, ReadFile(in, kRedactMaxText));
  return WriteFileAtomically(
      out, csv ? RedactCsvText(text, words, report) : RedactPlainText(text, words, report), 0600);
}

// Whatever was learnt must stand nowhere in the bytes of the copy.
Status SearchCopy(const std::filesystem::path& copy, const PrivateWords& words) {
  if (words.size() == 0) return {};
  ALTLAS_TRY(const auto source, OpenByteSource(copy));
  std::string window;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ALTLAS_TRY(const auto n, source->Read(buffer));
    window.append(buffer.data(), n);
    const std::size_t keep = std::min(window.size(), n == 0 ? 0 : words.longest());
    if (words.FindSecret(window, window.size() - keep)) {
      return Fail(ErrorCode::kInternal,
                  "something that had to go is still in the copy, which was removed: please report it, "
                  "without the file");
    }
    if (n == 0) return {};
    window.erase(0, window.size() - keep);
  }
}

Status WriteCopy(const std::filesystem::path& in, const std::filesystem::path& out, RedactKind kind,
                 const std::filesystem::path& partial, const Progress& progress, RedactReport& report) {
  PrivateWords words;
  if (kind == RedactKind::kSqlite) {
    report.format = "sqlite";
    ALTLAS_TRY_VOID(RedactSqlite(in, partial, progress, words, report));
  } else if (kind == RedactKind::kJson) {
    report.format = "json";
    ALTLAS_TRY_VOID(RedactJson(in, partial, out.extension() == ".gz", progress, words, report));
  } else if (kind == RedactKind::kCollector) {
    report.format = "collector";
    ALTLAS_TRY_VOID(RedactCollector(in, partial, progress, words, report));
  } else {
    report.format = kind == RedactKind::kCsv ? "ncu csv" : "text";
    ALTLAS_TRY_VOID(RedactTextFile(in, partial, kind == RedactKind::kCsv, words, report));
  }
  report.private_words = words.size();
  return SearchCopy(partial, words);
}

}  // namespace

Result<RedactReport> RedactFile(const std::filesystem::path& in, const std::filesystem::path& out,
                                const Progress& progress) {
  ALTLAS_TRY(const auto head, ReadFileHead(in, kRedactHead));
  ALTLAS_TRY(const auto kind, KindOf(in, head.bytes));
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) {
    return Fail(ErrorCode::kConflict, "{} is there already: name another file, or remove it", out.string());
  }
  const auto folder = out.has_parent_path() ? out.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, ignored)) {
    return Fail(ErrorCode::kNotFound, "there is no folder {} to write the copy into", folder.string());
  }
  RedactReport report;
  const auto partial = folder / fmt::format(".{}.{}.partial", out.filename().string(), ::getpid());
  std::filesystem::remove(partial, ignored);
  if (auto written = WriteCopy(in, out, kind, partial, progress, report); !written.has_value()) {
    std::filesystem::remove(partial, ignored);
    return std::move(written).error().Context(in.string());
  }
  std::error_code failed;
  std::filesystem::rename(partial, out, failed);
  if (!failed) return report;
  std::filesystem::remove(partial, ignored);
  return Fail(ErrorCode::kUnavailable, "{} cannot be written: {}", out.string(), failed.message());
}

}  // namespace altlas::profile
