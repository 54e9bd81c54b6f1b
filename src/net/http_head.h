// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace altlas::net {

// The strict reading of HTTP/1.1 heads (RFC 9112). Whatever two implementations could read differently is
// refused rather than repaired: what is accepted has one meaning. Pure; views point into the text given.

// What to answer instead of handling the request; the connection is closed after it, since its framing cannot
// be trusted.
struct HttpRefusal {
  int status = 400;
  Error error;
};

struct HeadLimits {
  std::size_t header_bytes = 16u << 10;
  std::size_t header_count = 100;
  std::size_t target_bytes = 8u << 10;
};

// Finds the end of a head in bytes that arrive in pieces; looks at each byte once.
class HeadScanner {
 public:
  void Reset() { *this = {}; }
  // `text` is everything from the head's first byte, grown since the last call. The head's size once its
  // empty line is there, 0 while it is not; a refusal for what can be no head any more (bare LF, too long).
  Result<std::size_t> Scan(std::string_view text, const HeadLimits& limits);
  // The status that belongs to the error of Scan.
  int refused_status() const { return refused_status_; }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  int refused_status_ = 400;
};

struct MessageHead {
  int minor_version = 1;  // of HTTP/1.x
  std::vector<HeaderField> fields;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};

struct RequestHead : MessageHead {
  std::string_view method;
  std::string_view target;
  std::string_view path;   // begins with '/', or is "*"
  std::string_view query;  // without '?'
  std::string_view host;
  std::string_view origin;
  bool preflight = false;  // carries Access-Control-Request-Method
  bool expect_continue = false;
};

struct ResponseHead : MessageHead {
  int status = 0;
};

// `text` is a whole head with its empty line, as HeadScanner measured it. `head` is overwritten; its storage
// is reused.
std::optional<HttpRefusal> ParseRequestHead(std::string_view text, const HeadLimits& limits,
                                            RequestHead& head);
// kCorrupt with what is wrong.
Status ParseResponseHead(std::string_view text, const HeadLimits& limits, ResponseHead& head);

// 1*DIGIT, at most 18 of them.
std::optional<std::uint64_t> ParseContentLength(std::string_view text);
// A letter of a method or field name.
bool IsTokenChar(char c);

}  // namespace altlas::net
