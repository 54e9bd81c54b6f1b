// SPDX-License-Identifier: Apache-2.0
#include "profile/json_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace altlas::profile {
namespace {

Error CopyFailed() {
  return Fail(errno == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kUnavailable,
              "writing the copy failed: {}", std::strerror(errno));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// \uXXXX at `at` (behind the u); -1 where it is none.
int CodeUnit(std::string_view raw, std::size_t at) {
  if (at + 4 > raw.size()) return -1;
  int unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    if (HexDigit(raw[i]) < 0) return -1;
    unit = unit * 16 + HexDigit(raw[i]);
  }
  return unit;
}

}  // namespace

std::string Unescaped(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return std::string(raw);
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      out.push_back(raw[i]);
      continue;
    }
    const char c = raw[++i];
    constexpr std::string_view kShort = "btnfr";
    constexpr std::string_view kMeant = "\b\t\n\f\r";
    if (const std::size_t known = kShort.find(c); known != std::string_view::npos) {
      out.push_back(kMeant[known]);
    } else if (const int unit = c == 'u' ? CodeUnit(raw, i + 1) : -1; unit >= 0) {
      i += 4;
      const bool high = unit >= 0xD800 && unit < 0xDC00 && raw.substr(i + 1, 2) == "\\u";
      const int low = high ? CodeUnit(raw, i + 3) : -1;
      const bool pair = low >= 0xDC00 && low < 0xE000;
      if (pair) i += 6;
      AppendCodePoint(
          out, static_cast<char32_t>(pair ? 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00) : unit));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

Result<std::unique_ptr<JsonOutput>> JsonOutput::Create(const std::filesystem::path& path, bool compress) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return Fail(ErrorCode::kUnavailable, "{} cannot be made: {}", path.string(), std::strerror(errno));
  // "T" writes without compression or header.
  const gzFile file = gzdopen(fd, compress ? "wb6" : "wbT");
  if (file == nullptr) {
    ::close(fd);
    return Fail(ErrorCode::kUnavailable, "no memory to write {}", path.string());
  }
  return std::unique_ptr<JsonOutput>(new JsonOutput(file));
}

JsonOutput::~JsonOutput() {
  if (file_ != nullptr) gzclose(file_);
}

Status JsonOutput::Write(std::string_view text) {
  if (text.empty()) return {};
  if (gzwrite(file_, text.data(), static_cast<unsigned>(text.size())) != static_cast<int>(text.size()))
    return CopyFailed();
  return {};
}

Status JsonOutput::Finish() {
  const gzFile file = std::exchange(file_, nullptr);
  if (gzclose(file) != Z_OK) return CopyFailed();
  return {};
}

}  // namespace altlas::profile
