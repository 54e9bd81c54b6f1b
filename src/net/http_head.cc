// SPDX-License-Identifier: Apache-2.0
#include "net/http_head.h"

#include <cstring>

#include "net/http_chars.h"
#include "net/http_target.h"

namespace altlas::net {
namespace {

constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxLengthDigits = 18;

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The next line without its CRLF, removed from `text`. HeadScanner has seen that every LF follows a CR.
std::string_view TakeLine(std::string_view& text) {
  const auto end = text.find("\r\n");
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

std::optional<HttpRefusal> ParseField(std::string_view line, HeaderField& field) {
  if (line.front() == ' ' || line.front() == '\t') {
    return BadHead(
        "a header line begins with a blank (folded lines are not accepted); write each field on one line");
  }
  std::size_t name_size = 0;
  while (name_size < line.size() && Is(kToken, line[name_size])) ++name_size;
  if (name_size == line.size()) return BadHead("a header line has no colon");
  if (line[name_size] != ':') {
    return BadHead(line[name_size] == ' ' || line[name_size] == '\t'
                       ? "a blank stands before the colon of a header field"
                       : "a header name holds a character it may not");
  }
  if (name_size == 0) return BadHead("a header field has no name");
  field.name = line.substr(0, name_size);
  field.value = TrimBlanks(line.substr(name_size + 1));
  if (HasControl(field.value)) return BadHead("a header value holds a control character");
  return std::nullopt;
}

// What the fields say about framing and connection, gathered while they are read.
struct FieldMarks {
  int hosts = 0;
  int lengths = 0;
  int codings = 0;
  int singles = 0;  // bits of the other fields that may occur once
  std::string_view repeated;
  std::string_view host;
  std::string_view length;
  std::string_view coding;
  std::string_view expect;
  std::string_view origin;
  std::string_view content_coding;  // the first that is not identity
  bool preflight = false;
  bool bad_connection = false;
  bool close = false;
  bool keep_alive = false;
};

void MarkSingle(FieldMarks& marks, int bit, std::string_view name) {
  if ((marks.singles & bit) != 0) marks.repeated = name;
  marks.singles |= bit;
}

// A list of tokens; anything else could mean "close" to somebody.
void MarkConnection(FieldMarks& marks, std::string_view value) {
  while (!value.empty()) {
    const auto comma = value.find(',');
    const auto token = TrimBlanks(value.substr(0, comma));
    if (!AllOf(kToken, token)) marks.bad_connection = true;
    if (EqualsIgnoreCase(token, "close")) marks.close = true;
    if (EqualsIgnoreCase(token, "keep-alive")) marks.keep_alive = true;
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
  }
}

void Mark(FieldMarks& marks, const HeaderField& field) {
  const auto is = [&](std::string_view name) { return EqualsIgnoreCase(field.name, name); };
  switch (field.name.size()) {
    case 4:
      if (is("host")) {
        ++marks.hosts;
        marks.host = field.value;
      }
      break;
    case 6:
      if (is("expect")) {
        MarkSingle(marks, 1, field.name);
        marks.expect = field.value;
      } else if (is("origin")) {
        MarkSingle(marks, 2, field.name);
        marks.origin = field.value;
      }
      break;
    case 10:
      if (is("connection")) MarkConnection(marks, field.value);
      break;
    case 12:
      if (is("content-type")) MarkSingle(marks, 4, field.name);
      break;
    case 13:
      if (is("authorization")) MarkSingle(marks, 8, field.name);
      if (is("last-event-id")) MarkSingle(marks, 16, field.name);
      break;
    case 14:
      if (is("content-length")) {
        ++marks.lengths;
        marks.length = field.value;
      }
      break;
    case 15:
      if (is("idempotency-key")) MarkSingle(marks, 32, field.name);
      break;
    case 16:
      if (is("content-encoding") && marks.content_coding.empty() &&
          !EqualsIgnoreCase(field.value, "identity"))
        marks.content_coding = field.value;
      break;
    case 17:
      if (is("transfer-encoding")) {
        ++marks.codings;
        marks.coding = field.value;
      }
      break;
    case 29:
      if (is("access-control-request-method")) marks.preflight = true;
      break;
    default:
      break;
  }
}

std::optional<HttpRefusal> ParseFields(std::string_view text, const HeadLimits& limits, MessageHead& head,
                                       FieldMarks& marks) {
  head.fields.clear();
  for (auto line = TakeLine(text); !line.empty(); line = TakeLine(text)) {
    if (head.fields.size() == limits.header_count) {
      return HttpRefusal{431, Fail(ErrorCode::kTooLarge, "more than {} header fields, the limit; send fewer",
                                   limits.header_count)};
    }
    HeaderField field;
    if (auto refusal = ParseField(line, field)) return refusal;
    Mark(marks, field);
    head.fields.push_back(field);
  }
  if (!text.empty()) return BadHead("bytes follow the head's empty line");
  return std::nullopt;
}

// A decimal number all the same, of more digits than ParseContentLength takes.
bool IsPastCounting(std::string_view text) {
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const auto first = text.find_first_not_of('0');
  return first != std::string_view::npos && text.size() - first > kMaxLengthDigits;
}

std::optional<HttpRefusal> CheckFraming(const FieldMarks& marks, MessageHead& head) {
  if (marks.lengths > 1) return BadHead("two Content-Length fields; send one");
  if (marks.codings > 1) return BadHead("two Transfer-Encoding fields; send one");
  if (marks.lengths == 1 && marks.codings == 1)
    return BadHead("both Content-Length and Transfer-Encoding; send one of them");
  head.content_length.reset();
  head.chunked = false;
  if (marks.lengths == 1) {
    head.content_length = ParseContentLength(marks.length);
    if (!head.content_length) {
      if (IsPastCounting(marks.length))
        return BadHead("Content-Length is more than any body may have; send less", 413, ErrorCode::kTooLarge);
      return BadHead("Content-Length is not a plain decimal number");
    }
  }
  if (marks.codings == 1) {
    if (head.minor_version == 0) return BadHead("Transfer-Encoding in an HTTP/1.0 message");
    if (!EqualsIgnoreCase(marks.coding, "chunked")) {
      return BadHead("the only transfer coding served is 'chunked'", 501, ErrorCode::kUnsupported);
    }
    head.chunked = true;
  }
  if (marks.bad_connection) return BadHead("the Connection field is no list of names");
  head.keep_alive = !marks.close && (head.minor_version == 1 || marks.keep_alive);
  return std::nullopt;
}

// HTTP/1.1 or HTTP/1.0 exactly. 505 for other versions that are well-formed.
std::optional<HttpRefusal> ParseVersion(std::string_view text, int& minor) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || !digit(text[5]) || text[6] != '.' ||
      !digit(text[7])) {
    return BadHead("the first line does not end in an HTTP version; this server speaks HTTP/1.1");
  }
  if (text[5] != '1' || text[7] > '1')
    return BadHead("this server speaks HTTP/1.1 and HTTP/1.0", 505, ErrorCode::kUnsupported);
  minor = text[7] - '0';
  return std::nullopt;
}

std::optional<HttpRefusal> ParseRequestLine(std::string_view line, const HeadLimits& limits,
                                            RequestHead& head) {
  const auto first = line.find(' ');
  head.method = line.substr(0, first);
  if (first == std::string_view::npos || head.method.empty() || head.method.size() > kMaxMethodBytes ||
      !AllOf(kToken, head.method)) {
    return BadHead("the first line does not begin with a method");
  }
  const auto second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return BadHead("the first line must be 'METHOD target HTTP/1.1'");
  head.target = line.substr(first + 1, second - first - 1);
  if (auto refusal = ParseVersion(line.substr(second + 1), head.minor_version)) return refusal;
  if (head.target.size() > limits.target_bytes) {
    return HttpRefusal{414, Fail(ErrorCode::kTooLarge, "the target has {} bytes, the limit is {}",
                                 head.target.size(), limits.target_bytes)};
  }
  if (head.target.empty() || !AllOf(kTarget, head.target)) {
    return BadHead("the target is empty or holds a character that must be percent-encoded");
  }
  return std::nullopt;
}

}  // namespace

bool IsTokenChar(char c) { return Is(kToken, c); }

std::optional<std::uint64_t> ParseContentLength(std::string_view text) {
  if (text.empty() || text.size() > kMaxLengthDigits) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

Result<std::size_t> HeadScanner::Scan(std::string_view text, const HeadLimits& limits) {
  if (scanned_ == 0 && !text.empty() && !IsTokenChar(text.front())) {
    return Fail(ErrorCode::kInvalidArgument, "the first byte begins no HTTP message");
  }
  while (scanned_ < text.size()) {
    const void* found = std::memchr(text.data() + scanned_, '\n', text.size() - scanned_);
    if (found == nullptr) {
      scanned_ = text.size();
      break;
    }
    const std::size_t at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (at == 0 || text[at - 1] != '\r')
      return Fail(ErrorCode::kInvalidArgument, "a line ends in LF alone; end lines in CR LF");
    scanned_ = at + 1;
    if (at - 1 == line_start_ && scanned_ <= limits.header_bytes) return scanned_;
    line_start_ = scanned_;
    if (scanned_ > limits.header_bytes) break;
  }
  // A first line that does not end is a target that is too long, as far as anybody can tell.
  if (line_start_ == 0 && scanned_ > limits.target_bytes + kMaxMethodBytes + 10) {
    refused_status_ = 414;
    return Fail(ErrorCode::kTooLarge, "the first line is longer than the limit of {} bytes for a target",
                limits.target_bytes);
  }
  if (scanned_ > limits.header_bytes) {
    refused_status_ = 431;
    return Fail(ErrorCode::kTooLarge,
                "the head is longer than {} bytes, the limit; send fewer or shorter fields",
                limits.header_bytes);
  }
  return std::size_t{0};
}

std::optional<HttpRefusal> ParseRequestHead(std::string_view text, const HeadLimits& limits,
                                            RequestHead& head) {
  if (auto refusal = ParseRequestLine(TakeLine(text), limits, head)) return refusal;
  FieldMarks marks;
  if (auto refusal = ParseFields(text, limits, head, marks)) return refusal;
  if (marks.hosts > 1) return BadHead("two Host fields; send one");
  if (marks.hosts == 0 && head.minor_version == 1) return BadHead("no Host field; HTTP/1.1 requires one");
  if (!AllOf(kHost, marks.host)) return BadHead("the Host field is no host");
  if (!marks.repeated.empty()) {
    return HttpRefusal{400, Fail(ErrorCode::kInvalidArgument, "two {} fields; send one", marks.repeated)};
  }
  if (auto refusal = CheckFraming(marks, head)) return refusal;
  if (!marks.content_coding.empty() && (head.chunked || head.content_length.value_or(0) > 0)) {
    Error error = Fail(ErrorCode::kUnsupported,
                       "Content-Encoding is \"{}\"; bodies are taken as they are: send it without a coding",
                       marks.content_coding.substr(0, 64));
    error.field = "Content-Encoding";
    return HttpRefusal{415, std::move(error)};
  }
  head.host = marks.host;
  head.origin = marks.origin;
  head.preflight = marks.preflight;
  head.expect_continue = false;
  if (!marks.expect.empty()) {
    if (!EqualsIgnoreCase(marks.expect, "100-continue")) {
      return BadHead("the only expectation served is '100-continue'", 417, ErrorCode::kUnsupported);
    }
    head.expect_continue = head.minor_version == 1;
  }
  return SplitTarget(head);
}

Status ParseResponseHead(std::string_view text, const HeadLimits& limits, ResponseHead& head) {
  const auto corrupt = [](const HttpRefusal& refusal) {
    return Fail(ErrorCode::kCorrupt, "the answer is not HTTP: {}", refusal.error.message);
  };
  const auto line = TakeLine(text);
  if (auto refusal = ParseVersion(line.substr(0, 8), head.minor_version)) return corrupt(*refusal);
  const auto digits =
      line.size() >= 12 && line[8] == ' ' ? ParseContentLength(line.substr(9, 3)) : std::nullopt;
  if (!digits || *digits < 100 || *digits > 599 || (line.size() > 12 && line[12] != ' ')) {
    return Fail(ErrorCode::kCorrupt, "the answer is not HTTP: no status in its first line");
  }
  head.status = static_cast<int>(*digits);
  FieldMarks marks;
  if (auto refusal = ParseFields(text, limits, head, marks)) return corrupt(*refusal);
  if (auto refusal = CheckFraming(marks, head)) return corrupt(*refusal);
  return {};
}

}  // namespace altlas::net
