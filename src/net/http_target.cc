// SPDX-License-Identifier: Apache-2.0
#include "net/http_target.h"

#include "base/utf8.h"
#include "net/http_chars.h"

namespace altlas::net {
namespace {

bool EscapesAreWhole(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (at + 2 >= text.size() || !Is(kHex, text[at + 1]) || !Is(kHex, text[at + 2])) return false;
  }
  return true;
}

// Clients resolve dot segments themselves; here they could only mean another resource to somebody else.
bool HasDotSegment(std::string_view path) {
  for (std::size_t at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
    auto segment = path.substr(at + 1);
    segment = segment.substr(0, segment.find('/'));
    if (segment == "." || segment == "..") return true;
  }
  return false;
}

std::optional<HttpRefusal> CheckPath(std::string_view path) {
  bool dots = HasDotSegment(path);
  if (path.find('%') != std::string_view::npos) {
    const auto decoded = *PercentDecode(path);
    if (HasControl(decoded) || decoded.find('\t') != std::string::npos)
      return BadHead("the path holds an encoded control character");
    if (!IsValidUtf8(decoded)) return BadHead("the path is not UTF-8 once decoded");
    dots = dots || HasDotSegment(decoded);
  }
  if (dots) return BadHead("the path holds a '.' or '..' segment; send it resolved");
  return std::nullopt;
}

}  // namespace

HttpRefusal BadHead(std::string_view message, int status, ErrorCode code) {
  return {status, Error{code, std::string(message)}};
}

std::optional<HttpRefusal> SplitTarget(RequestHead& head) {
  auto rest = head.target;
  if (rest == "*") {
    if (head.method != "OPTIONS") return BadHead("the target '*' belongs to OPTIONS alone");
    head.path = rest;
    head.query = {};
    return std::nullopt;
  }
  if (rest.front() != '/') {
    const auto scheme_end = rest.find("://");
    const auto scheme = rest.substr(0, scheme_end);
    if (scheme_end == std::string_view::npos ||
        !(EqualsIgnoreCase(scheme, "http") || EqualsIgnoreCase(scheme, "https"))) {
      return BadHead("the target must begin with '/'; this server is no proxy");
    }
    rest.remove_prefix(scheme_end + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.empty() || !EqualsIgnoreCase(authority, head.host)) {
      return BadHead("the target names another host than the Host field; this server is no proxy");
    }
    rest.remove_prefix(authority.size());
    if (rest.empty()) rest = "/";
    if (rest.front() != '/') return BadHead("the target has no path");
  }
  const auto question = rest.find('?');
  head.path = rest.substr(0, question);
  head.query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  if (!EscapesAreWhole(head.path) || !EscapesAreWhole(head.query)) {
    return BadHead("the target holds a '%' that two hexadecimal digits do not follow; write it as %25");
  }
  return CheckPath(head.path);
}

}  // namespace altlas::net
