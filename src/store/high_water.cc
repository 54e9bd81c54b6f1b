// SPDX-License-Identifier: Apache-2.0
#include "store/high_water.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include "base/sha256.h"

namespace altlas::store {
namespace {

// "alt_las high water 1 <count, 20 digits> <id> <first 16 hex digits of the SHA-256 of what stands before>\n"
constexpr std::string_view kMagic = "alt_las high water 1 ";
constexpr std::size_t kCountDigits = 20;
constexpr std::size_t kIdDigits = 36;
constexpr std::size_t kCheckDigits = 16;
constexpr std::size_t kBodyBytes = kMagic.size() + kCountDigits + 1 + kIdDigits + 1;
constexpr std::size_t kFileBytes = kBodyBytes + kCheckDigits + 1;

std::string CheckOf(std::string_view body) { return Sha256Hex(body).substr(0, kCheckDigits); }

std::string FormatMark(const HighWater& mark) {
  auto body = fmt::format("{}{:020} {} ", kMagic, mark.count, mark.last_id.ToString());
  return body + CheckOf(body) + "\n";
}

std::optional<HighWater> ParseMark(std::string_view text) {
  if (text.size() != kFileBytes || !text.starts_with(kMagic)) return std::nullopt;
  const auto body = text.substr(0, kBodyBytes);
  if (text.substr(kBodyBytes, kCheckDigits) != CheckOf(body)) return std::nullopt;
  HighWater mark;
  const auto* digits = body.data() + kMagic.size();
  const auto parsed = std::from_chars(digits, digits + kCountDigits, mark.count);
  const auto id = Uuid::Parse(body.substr(kMagic.size() + kCountDigits + 1, kIdDigits));
  if (parsed.ec != std::errc() || !id) return std::nullopt;
  mark.last_id = *id;
  return mark;
}

// A power cut right after the file was made can leave its length without its bytes.
bool IsBlank(std::string_view text) {
  return text.size() <= kFileBytes && text.find_first_not_of('\0') == std::string_view::npos;
}

std::string TimeOf(TaskId id) {
  if (id.is_nil()) return "none";
  const auto seconds = static_cast<std::time_t>(id.high >> 16) / 1000;
  return fmt::format("{}, {:%Y-%m-%dT%H:%M:%SZ}", id.ToString(), fmt::gmtime(seconds));
}

}  // namespace

Result<HighWaterFile> HighWaterFile::Open(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return Fail(ErrorCode::kUnavailable, "cannot open {}: {}", path.string(), std::strerror(errno));
  }
  char buffer[kFileBytes + 1];
  const ssize_t got = ::pread(fd.get(), buffer, sizeof buffer, 0);
  if (got < 0)
    return Fail(ErrorCode::kUnavailable, "cannot read {}: {}", path.string(), std::strerror(errno));
  const std::string_view text(buffer, static_cast<std::size_t>(got));
  auto mark = ParseMark(text);
  if (!mark && !IsBlank(text))
    return Fail(
        ErrorCode::kCorrupt,
        "{} is damaged: it does not hold what alt_las writes there, so lost tasks could not be noticed. "
        "Put a copy back; or, to go on without this check, remove it",
        path.string());
  return HighWaterFile(std::move(fd), mark);
}

Status HighWaterFile::Write(const HighWater& mark) {
  const auto text = FormatMark(mark);
  const ssize_t wrote = ::pwrite(fd_.get(), text.data(), text.size(), 0);
  if (wrote == static_cast<ssize_t>(text.size())) return {};
  return Fail(errno == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kUnavailable,
              "cannot write the high-water file: {}", std::strerror(errno));
}

Status HighWaterFile::Sync() {
  if (::fdatasync(fd_.get()) == 0) return {};
  return Fail(ErrorCode::kUnavailable, "cannot sync the high-water file: {}", std::strerror(errno));
}

Status CheckDatabaseIsThere(const std::filesystem::path& database,
                            const std::filesystem::path& witness_path) {
  std::error_code error;
  if (!std::filesystem::exists(witness_path, error)) return {};
  const auto size = std::filesystem::file_size(database, error);
  if (!error && size > 0) return {};
  ALTLAS_TRY(const auto witness, HighWaterFile::Open(witness_path));
  return Fail(
      ErrorCode::kCorrupt,
      "the database {} is {}, and {} shows that there was one, with {} accepted tasks. Put the database "
      "back; or, to begin anew without its tasks and keys, remove {}",
      database.string(), error ? "missing" : "empty", witness_path.string(),
      witness.loaded() ? witness.loaded()->count : 0, witness_path.string());
}

Status CheckForGap(const HighWater& recovered, const HighWater& witnessed,
                   const std::filesystem::path& witness_path) {
  if (recovered.count >= witnessed.count) return {};
  return Fail(
      ErrorCode::kCorrupt,
      "{} accepted tasks are missing from the store: it holds the accepts up to number {} ({}), but {} were "
      "accepted, up to {}. The disk lost writes, or an older copy of the files was put back. Put the right "
      "files back; or, to go on without the missing tasks, remove {}",
      witnessed.count - recovered.count, recovered.count, TimeOf(recovered.last_id), witnessed.count,
      TimeOf(witnessed.last_id), witness_path.string());
}

}  // namespace altlas::store
