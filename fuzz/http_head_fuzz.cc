// SPDX-License-Identifier: Apache-2.0
// The head parser and the chunk decoder against any bytes, and against a second opinion: what they accept,
// Boost.Beast's parser must accept too and read in the same way (two readings of one request are what
// smuggling lives on).
#include <boost/beast/core/buffers_prefix.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_chunk.h"
#include "net/http_head.h"

namespace {

namespace http = boost::beast::http;
using altlas::net::ChunkDecoder;
using altlas::net::HeadLimits;
using altlas::net::HeadScanner;
using altlas::net::RequestHead;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::size_t HeadSize(std::string_view text, std::size_t split) {
  HeadScanner scanner;
  for (const std::size_t size : {split, text.size()}) {
    const auto found = scanner.Scan(text.substr(0, size), HeadLimits());
    if (!found) return 0;
    if (*found > 0) return *found;
  }
  return 0;
}

struct Body {
  std::string bytes;
  std::size_t used = 0;
};

std::optional<Body> ReadBody(std::string_view text, const RequestHead& head, std::size_t step) {
  if (!head.chunked) {
    const auto size = head.content_length.value_or(0);
    if (size > text.size()) return std::nullopt;
    return Body{std::string(text.substr(0, size)), static_cast<std::size_t>(size)};
  }
  ChunkDecoder decoder;
  Body body;
  while (body.used < text.size() && !decoder.done()) {
    auto piece = text.substr(body.used, step);
    const std::size_t size = piece.size();
    const auto part = decoder.Next(piece, 1u << 20);
    if (!part) return std::nullopt;
    body.bytes += *part;
    body.used += size - piece.size();
  }
  if (!decoder.done()) return std::nullopt;
  return body;
}

void CompareWithBeast(std::string_view text, const RequestHead& head, const Body& body, std::size_t total) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.header_limit(1u << 20);
  parser.body_limit(1u << 21);
  boost::beast::error_code error;
  std::size_t used = 0;
  while (!parser.is_done()) {
    const std::size_t taken = parser.put(boost::asio::const_buffer(text.data() + used, total - used), error);
    used += taken;
    if (error && error != http::error::need_more) break;
    if (taken == 0) break;
  }
  Require(!error && parser.is_done() && used == total);
  const auto& message = parser.get();
  Require(std::string_view(message.method_string().data(), message.method_string().size()) == head.method);
  Require(std::string_view(message.target().data(), message.target().size()) == head.target);
  Require(message.version() == 10u + static_cast<unsigned>(head.minor_version));
  Require(message.body() == body.bytes);
  std::size_t fields = 0;
  for (const auto& field : message) {
    (void)field;
    ++fields;
  }
  // Trailers are dropped here and kept there.
  Require(head.chunked ? fields >= head.fields.size() : fields == head.fields.size());
  Require(message.keep_alive() == head.keep_alive);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = data[0] + 1u;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t head_size = HeadSize(text, text.size());
  Require(HeadSize(text, std::min(step, text.size())) == head_size);
  altlas::net::ResponseHead response;
  (void)altlas::net::ParseResponseHead(text.substr(0, head_size), HeadLimits(), response);
  RequestHead head;
  if (head_size == 0 || altlas::net::ParseRequestHead(text.substr(0, head_size), HeadLimits(), head))
    return 0;
  const auto body = ReadBody(text.substr(head_size), head, step);
  const auto whole = ReadBody(text.substr(head_size), head, SIZE_MAX);
  Require(body.has_value() == whole.has_value());
  if (!body) return 0;
  Require(body->bytes == whole->bytes && body->used == whole->used);
  CompareWithBeast(text, head, *body, head_size + body->used);
  return 0;
}
