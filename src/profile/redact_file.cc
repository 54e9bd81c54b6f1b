// SPDX-License-Identifier: Apache-2.0
#include "profile/redact_file.h"

#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "profile/byte_source.h"
#include "profile/collector_file.h"
#include "profile/file_head.h"
#include "profile/json_stream.h"
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

// Read to its end as JSON, or to where its writer was killed; a log may begin like an array.
Result<bool> IsJson(const std::filesystem::path& in) {
  ALTLAS_TRY(const auto source, OpenByteSource(in));
  JsonStream stream(*source);
  for (;;) {
    const auto token = stream.Next();
    if (token == JsonToken::kEnd) return true;
    if (token == JsonToken::kError) return stream.ended_early();
  }
}

Result<RedactKind> KindOf(const std::filesystem::path& in, std::string_view head) {
  if (LooksLikeSqlite(head)) return RedactKind::kSqlite;
  if (LooksLikeCollector(head)) return RedactKind::kCollector;
  std::string expanded;
  if (head.starts_with("\x1f\x8b")) {
    expanded = ExpandedHead(head, kRedactHead);
    head = expanded;
    if (LooksLikeSqlite(head) || LooksLikeCollector(head) || head.find('\0') != std::string_view::npos) {
      return Fail(ErrorCode::kUnsupported,
                  "{} is compressed and holds neither JSON nor text: unpack it (`gunzip -k FILE.gz`) and "
                  "redact what comes out",
                  in.string());
    }
  }
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  if (BeginsJson(head)) {
    // An object that no reader takes whole is redacted as JSON too: lines of objects, traces with a fault.
    if (head[head.find_first_not_of(" \t\r\n")] == '{') return RedactKind::kJson;
    ALTLAS_TRY(const bool json, IsJson(in));
    if (json) return RedactKind::kJson;
  }
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

Result<std::string> ReadExpanded(const std::filesystem::path& in) {
  ALTLAS_TRY(const auto source, OpenByteSource(in));
  std::string text;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ALTLAS_TRY(const auto n, source->Read(buffer));
    if (n == 0) return text;
    if (text.size() + n > kRedactMaxText) {
      return Fail(ErrorCode::kTooLarge, "{} holds more than {} bytes of text", in.string(), kRedactMaxText);
    }
    text.append(buffer.data(), n);
  }
}

Result<std::string> Compressed(std::string_view text) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Fail(ErrorCode::kUnavailable, "no memory to compress the copy");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) return Fail(ErrorCode::kInternal, "the copy cannot be compressed");
  return out;
}

// `csv` says what the file's beginning told; a table may also stand further down.
Status RedactTextFile(const std::filesystem::path& in, const std::filesystem::path& partial, bool compress,
                      bool csv, PrivateWords& words, RedactReport& report) {
  ALTLAS_TRY(const auto text, ReadExpanded(in));
  csv = csv || HoldsNcuTable(text);
  report.format = csv ? "ncu csv" : "text";
  std::string copy = csv ? RedactCsvText(text, words, report) : RedactPlainText(text, words, report);
  if (compress) {
    ALTLAS_TRY(copy, Compressed(copy));
  }
  return WriteFileAtomically(partial, copy, 0600);
}

// No secret that was learnt may stand in the bytes of the copy.
Status SearchCopy(const std::filesystem::path& copy, const PrivateWords& words, const Progress& progress) {
  if (words.size() == 0) return {};
  ALTLAS_TRY(const auto source, OpenByteSource(copy));
  std::string window;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ALTLAS_TRY(const auto n, source->Read(buffer));
    if (progress && !progress(source->consumed(), source->total()))
      return Fail(ErrorCode::kCanceled, "redacting was stopped");
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
    ALTLAS_TRY_VOID(
        RedactTextFile(in, partial, out.extension() == ".gz", kind == RedactKind::kCsv, words, report));
  }
  report.private_words = words.size();
  if (words.is_full()) {
    return Fail(
        ErrorCode::kTooLarge,
        "it holds more than {} secrets and names, or more than {} MiB of them: what stands where could "
        "not be told, so no copy was made",
        PrivateWords::kMaxPrivateWords, PrivateWords::kMaxPrivateBytes >> 20);
  }
  ALTLAS_TRY_VOID(SearchCopy(partial, words, progress));
  return kind == RedactKind::kText ? Status() : CheckFigures(in, partial, progress);
}

}  // namespace

Result<RedactReport> RedactFile(const std::filesystem::path& in, const std::filesystem::path& out,
                                const Progress& progress) {
  ALTLAS_TRY(const auto head, ReadFileHead(in, kRedactHead));
  ALTLAS_TRY(const auto kind, KindOf(in, head.bytes));
  std::error_code ignored;
  if (out.filename().empty()) return Fail(ErrorCode::kInvalidArgument, "the copy needs a file's name");
  if (std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) {
    return Fail(ErrorCode::kConflict, "{} is there already: name another file, or remove it", out.string());
  }
  const auto folder = out.has_parent_path() ? out.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, ignored)) {
    return Fail(ErrorCode::kNotFound, "there is no folder {} to write the copy into", folder.string());
  }
  RedactReport report;
  const std::filesystem::path wal = in.string() + "-wal";
  if (kind == RedactKind::kSqlite && std::filesystem::exists(wal, ignored) &&
      std::filesystem::file_size(wal, ignored) > 0) {
    report.notes.push_back(fmt::format("what {} holds is not in the copy: close the program that writes {}",
                                       wal.string(), in.string()));
  }
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
