// SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include <charconv>

namespace altlas::net {
namespace {

constexpr std::size_t kMaxUnixPath = 107;  // sun_path holds 108 with its NUL

Error Malformed(std::string_view text, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument,
              "the address '{}' {}; write host:port (127.0.0.1:8080, [::1]:8080, :8080 for every interface) "
              "or unix:/path",
              text, why);
}

}  // namespace

Result<Address> Address::Parse(std::string_view text) {
  constexpr std::string_view kUnixPrefix = "unix:";
  if (text.starts_with(kUnixPrefix)) {
    const auto path = text.substr(kUnixPrefix.size());
    if (path.empty()) return Malformed(text, "names no socket file");
    if (path.size() > kMaxUnixPath)
      return Malformed(text, "is longer than the 107 bytes the system allows for a socket's path");
    return Unix(std::string(path));
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return Malformed(text, "has no port");
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Malformed(text, "holds an IPv6 address without brackets");
  }
  if (host.find_first_of("[]/@ ") != std::string_view::npos) return Malformed(text, "has no valid host");
  unsigned port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || port > 65535) {
    return Malformed(text, "has no port between 0 and 65535");
  }
  return Tcp(std::string(host), static_cast<std::uint16_t>(port));
}

std::string Address::ToString() const {
  if (kind == Kind::kUnix) return "unix:" + path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

}  // namespace altlas::net
