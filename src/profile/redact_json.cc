// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/json_writer.h"
#include "base/unique_fd.h"
#include "base/utf8.h"
#include "profile/byte_source.h"
#include "profile/redact.h"
#include "profile/redact_formats.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxJsonString = 64 << 20;
constexpr std::size_t kMaxJsonDepth = 10'000;
constexpr std::size_t kMaxScalar = 64 << 10;

// Where the copy goes, plain or gzip.
class JsonOutput {
 public:
  static Result<std::unique_ptr<JsonOutput>> Create(const std::filesystem::path& path, bool compress) {
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
  ~JsonOutput() {
    if (file_ != nullptr) gzclose(file_);
  }
  JsonOutput(const JsonOutput&) = delete;
  JsonOutput& operator=(const JsonOutput&) = delete;

  Status Write(std::string_view text) {
    if (text.empty()) return {};
    if (gzwrite(file_, text.data(), static_cast<unsigned>(text.size())) != static_cast<int>(text.size()))
      return Failed();
    return {};
  }
  Status Finish() {
    const gzFile file = std::exchange(file_, nullptr);
    if (gzclose(file) != Z_OK) return Failed();
    return {};
  }

 private:
  explicit JsonOutput(gzFile file) : file_(file) {}
  static Error Failed() {
    return Fail(errno == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kUnavailable,
                "writing the copy failed: {}", std::strerror(errno));
  }
  gzFile file_;
};

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

// What stands between the quotes, with its escapes resolved: a secret may be written with them.
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

// Goes through JSON (or what begins as JSON: its structure is copied as it is) once, either to learn words or
// to write the copy.
class JsonRound {
 public:
  JsonRound(ByteSource& source, JsonOutput* out, const Progress& progress, PrivateWords& words,
            RedactReport& report)
      : source_(source), out_(out), progress_(progress), words_(words), report_(report) {}

  Status Run() {
    std::array<char, 64 << 10> buffer{};
    std::uint64_t rounds = 0;
    for (;;) {
      ALTLAS_TRY(const auto n, source_.Read(buffer));
      if (n == 0) break;
      if (++rounds % 64 == 0 && progress_ && !progress_(source_.consumed(), source_.total())) {
        return Fail(ErrorCode::kCanceled, "redacting was stopped");
      }
      for (const char c : std::string_view(buffer.data(), n)) ALTLAS_TRY_VOID(Take(c));
      ALTLAS_TRY_VOID(Flush());
    }
    EndScalar();
    EndString(false);
    // A file that was cut off within a string: what there is of it is a text like any other.
    if (in_string_) EmitString(Unescaped(text_), false);
    return Flush();
  }

 private:
  Status Take(char c) {
    if (in_string_) {
      if (!escaped_ && c == '"') {
        in_string_ = false;
        pending_ = true;
        return {};
      }
      escaped_ = !escaped_ && c == '\\';
      text_.push_back(c);
      if (text_.size() <= kMaxJsonString) return {};
      return Fail(ErrorCode::kTooLarge, "a JSON string of more than {} MB: no trace has one",
                  kMaxJsonString >> 20);
    }
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (pending_ && space) {
      gap_.push_back(c);
      return {};
    }
    if (pending_) EndString(c == ':');
    const bool structure = space || std::string_view("{}[]:,\"").find(c) != std::string_view::npos;
    if (!structure) {
      if (scalar_.size() >= kMaxScalar) EndScalar();  // no JSON
      scalar_.push_back(c);
      return {};
    }
    EndScalar();
    if (c == '"') {
      in_string_ = true;
      escaped_ = false;
      text_.clear();
      return {};
    }
    if (c == '{' || c == '[') {
      if (open_.size() >= kMaxJsonDepth)
        return Fail(ErrorCode::kTooLarge, "JSON nested deeper than {}", kMaxJsonDepth);
      open_.push_back(c);
      if (c == '{') key_.clear();
    } else if ((c == '}' || c == ']') && !open_.empty()) {
      open_.pop_back();
      key_.clear();
    } else if (c == ',' && !open_.empty() && open_.back() == '{') {
      key_.clear();
    }
    piece_.push_back(c);
    return {};
  }

  // The string before is over; a colon behind it makes it a key.
  void EndString(bool is_key) {
    if (!pending_) return;
    pending_ = false;
    std::string text = Unescaped(text_);
    if (is_key) key_ = text;
    EmitString(text, is_key);
    piece_ += gap_;
    gap_.clear();
  }

  void EmitString(const std::string& text, bool is_key) {
    if (out_ == nullptr) {
      if (is_key)
        words_.LearnText(text);
      else
        words_.LearnValue(key_, text);
      return;
    }
    const std::string redacted = is_key ? words_.RedactKey(text) : words_.Redact(key_, text);
    if (redacted == text) {
      piece_.append("\"").append(text_).append("\"");
    } else {
      ++report_.texts_changed;
      AppendJsonString(piece_, redacted);
    }
  }

  // A number or a word; one under a name that says secret goes like a text.
  void EndScalar() {
    if (scalar_.empty()) return;
    const bool secret = !key_.empty() && IsSecretName(key_) && RedactValue(key_, scalar_) == kRedacted;
    if (out_ == nullptr) {
      if (secret) words_.LearnValue(key_, scalar_);
    } else if (secret) {
      ++report_.texts_changed;
      AppendJsonString(piece_, kRedacted);
    } else {
      piece_ += words_.RedactKey(scalar_);
    }
    scalar_.clear();
  }

  Status Flush() {
    if (out_ != nullptr) ALTLAS_TRY_VOID(out_->Write(piece_));
    piece_.clear();
    return {};
  }

  ByteSource& source_;
  JsonOutput* out_;
  const Progress& progress_;
  PrivateWords& words_;
  RedactReport& report_;
  bool in_string_ = false;
  bool escaped_ = false;
  bool pending_ = false;  // a string ended; whether it is a key is not known yet
  std::string text_, gap_, scalar_, piece_, key_, open_;
};

}  // namespace

Status RedactJson(const std::filesystem::path& in, const std::filesystem::path& out, bool compress,
                  const Progress& progress, PrivateWords& words, RedactReport& report) {
  ALTLAS_TRY(const auto first, OpenByteSource(in));
  ALTLAS_TRY_VOID(JsonRound(*first, nullptr, progress, words, report).Run());
  ALTLAS_TRY(const auto second, OpenByteSource(in));
  ALTLAS_TRY(const auto copy, JsonOutput::Create(out, compress));
  ALTLAS_TRY_VOID(JsonRound(*second, copy.get(), progress, words, report).Run());
  return copy->Finish();
}

}  // namespace altlas::profile
