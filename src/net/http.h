// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace altlas::net {

// A header field as views; names compare without regard to case.
struct HeaderField {
  std::string_view name;
  std::string_view value;
};

bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// The parameters that a route's pattern took out of the path, percent-decoded.
class PathParams {
 public:
  static constexpr std::size_t kMax = 8;
  std::size_t size() const { return size_; }
  // Drops all but the first `size`.
  void Truncate(std::size_t size) { size_ = size; }
  // False where kMax are there already.
  bool Add(std::string_view name, std::string_view value);
  // The same, for a value that the views of the request do not hold: a copy is kept.
  bool AddOwned(std::string_view name, std::string value);
  std::string_view Get(std::string_view name) const;

 private:
  std::array<HeaderField, kMax> items_{};
  std::size_t size_ = 0;
  std::array<std::string, kMax> owned_;
};

// One request. Every view points into the connection's buffer and is valid until the handler returns, not
// longer.
struct Request {
  // At least this many readable bytes (of any value) follow `body`, for parsers that read ahead.
  static constexpr std::size_t kBodyPadding = 64;

  std::string_view method;  // GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS
  std::string_view
      path;  // as sent: begins with '/', percent-encoded; decodes to valid UTF-8 without control characters
  std::string_view query;  // as sent, without '?'; its percent-encoding is well-formed
  std::span<const HeaderField> headers;
  std::string_view body;
  std::string_view remote_address;        // "127.0.0.1:51234", or "unix"
  std::optional<std::uint32_t> peer_uid;  // of a Unix socket's client
  bool secure = false;                    // came over TLS
  PathParams params;                      // filled by Router

  // The first field of that name; no value where there is none. (Host, Authorization, Content-Type,
  // Content-Length, Transfer-Encoding, Expect, Idempotency-Key and Last-Event-ID occur at most once: a
  // request with two is refused.)
  std::optional<std::string_view> Header(std::string_view name) const;
  // Decoded ('+' is a space); the first of that name.
  std::optional<std::string> Query(std::string_view name) const;
  // All of them, decoded, in order: for those who refuse unknown ones.
  std::vector<std::pair<std::string, std::string>> QueryPairs() const;
  std::string_view Param(std::string_view name) const { return params.Get(name); }
};

// A complete answer; the views need to live only during Send. A content type is written only where it is not
// empty.
struct Response {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view body = {};
  std::span<const HeaderField> headers = {};  // further ones; CR, LF and NUL in values become spaces
};

// Answers one request: either Send, or BeginStream, any number of Write, End. At once or later; on the loop's
// thread only. Nothing here blocks or calls back inside the call. An answer after the client has gone is
// dropped silently. A writer whose last reference is dropped unanswered is answered with 500. HEAD,
// keep-alive, Date, Content-Length, chunking are its business.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual void Send(const Response& response) = 0;
  // `head.body` is sent as the first piece. The body follows by Write, chunked (until the close for
  // HTTP/1.0).
  virtual void BeginStream(const Response& head) = 0;
  // Sent at once. False: the client has gone or was cut since it does not read; stop producing.
  virtual bool Write(std::string_view bytes) = 0;
  virtual void End() = 0;
  // `function` runs once, later, if the client leaves (reset, cut as too slow, server torn down by a drain's
  // time limit) before the answer is complete; at the next turn where it has left already. Replaces the one
  // given before. A client that has ended its side of a TCP connection may still read: whether it has left
  // shows once something is written to it.
  virtual void OnGone(std::function<void()> function) = 0;

  void SendJson(int status, std::string_view json) { Send({.status = status, .body = json}); }
  // {"error":{"code","message","field"}} with `status`.
  void SendError(int status, const Error& error, std::span<const HeaderField> headers = {});
};

// {"error":{"code":"…","message":"…","field":"…"|null}}: the shape of every error answer.
std::string FormatErrorBody(const Error& error);
// The standard phrase ("Not Found"), or "Status" for one that has none here.
std::string_view ReasonPhrase(int status);

// Called on the loop's thread for each complete request. Handlers take `const Request&`; the router fills
// `params` on the way.
using HttpHandler = std::function<void(Request& request, const std::shared_ptr<ResponseWriter>& writer)>;

// %XX decoded; nothing where an escape is cut short or not hexadecimal. `plus_is_space` for queries.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);
// Everything but letters, digits and "-._~" as %XX.
std::string PercentEncode(std::string_view text);

}  // namespace altlas::net
